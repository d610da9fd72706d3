"""Who comes by an identity provider is one person, however often they come at once."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from allauth.socialaccount.models import SocialAccount
from django.db import connection

from oemupdates.domain.identity import Identity
from oemupdates.domain.provider import Kind, Provider
from oemupdates.models import Activity, Operator
from oemupdates.services.access import identities

CORP = Provider(
    id="corp",
    name="Example Corp",
    kind=Kind.OPENID,
    address="https://id.example.net",
    client_id="oem-fleet",
    secret="",
    roles={"ops": ("viewer",)},
)


def ann(subject: str = "2f0c") -> Identity:
    return Identity(CORP.address, subject, "ann", groups=frozenset({"ops"}))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("subjects", [("2f0c", "2f0c"), ("2f0c", "7e11")])
def test_two_first_log_ins_at_once_make_as_many_accounts_as_people(
    subjects: tuple[str, str],
) -> None:
    def arrive(subject: str) -> int:
        try:
            return int(identities.arrive(CORP, ann(subject)).pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        keys = set(pool.map(arrive, subjects))
    people = len(set(subjects))
    assert len(keys) == SocialAccount.objects.count() == Operator.objects.count() == people
    assert Activity.objects.filter(verb="operator.created").count() == people


@pytest.mark.django_db
def test_what_is_written_of_a_refusal_can_be_shown() -> None:
    identities.not_let_in(CORP, "https://x/\x00 answers \n" + "5" * 600, who=ann())
    row = Activity.objects.get()
    assert (row.subject, len(row.why)) == ("ann of corp", 498)
    assert row.why.startswith("https://x/ answers 5")
