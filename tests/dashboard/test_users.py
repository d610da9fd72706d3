"""Admin's pages about people: who is let in, what they are, and what is done about them."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from oemupdates.domain.access import Role
from oemupdates.models import ApiToken, Operator, RoleGrant
from tests.dashboard.conftest import PASSWORD, log_in, permit
from tests.services.makers import last_activity, make_token, seeded_group


def html_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


@pytest.fixture
def ann(db: None) -> Operator:
    return Operator.objects.create_user("ann", password=PASSWORD)


class TestList:
    def test_says_who_they_are(self, page: Client, ann: Operator) -> None:
        permit(ann, Role.OPERATOR, seeded_group("beta"))
        html = html_of(page.get("/admin/users/"))
        assert "operator of beta" in html
        assert "everything" in html  # the first account

    def test_keeps_scripts_apart(self, page: Client, ann: Operator) -> None:
        Operator.objects.create_user("robot", is_service_account=True)
        assert ">robot<" not in html_of(page.get("/admin/users/"))
        html = html_of(page.get("/admin/users/?kind=service"))
        assert ">robot<" in html
        assert ">ann<" not in html

    def test_is_narrowed_by_role_and_name(self, page: Client, ann: Operator) -> None:
        permit(ann, Role.AUDITOR)
        Operator.objects.create_user("anton")
        assert ">ann<" in html_of(page.get("/admin/users/?role=auditor"))
        assert ">anton<" not in html_of(page.get("/admin/users/?role=auditor"))
        assert ">anton<" in html_of(page.get("/admin/users/?q=ANT"))
        assert ">ann<" not in html_of(page.get("/admin/users/?q=ANT"))

    def test_goes_on_page_by_page(self, page: Client) -> None:
        Operator.objects.bulk_create(Operator(username=f"{n:03d}\u00e9") for n in range(120))
        seen, path = set(), "/admin/users/"
        for _page in range(3):
            html = page.get(path).content.decode()
            seen |= set(re.findall(r'admin/users/(\d+)/"', html))
            found = re.search(r'href="(\?after=[^"]+)" rel="next"', html)
            path = f"/admin/users/{found[1]}" if found else ""
        assert path == ""
        assert len(seen) == 121

    def test_says_that_a_link_is_damaged(self, page: Client) -> None:
        assert page.get("/admin/users/?after=xyz").status_code == 400
        assert page.get("/admin/users/?q=%00").status_code == 200

    def test_asks_no_more_of_many(
        self, page: Client, django_assert_max_num_queries: Callable[..., Any]
    ) -> None:
        for number in range(30):
            permit(Operator.objects.create_user(f"u{number}"), Role.VIEWER, seeded_group())
        with django_assert_max_num_queries(10):
            page.get("/admin/users/")


class TestMaking:
    def test_shows_a_one_time_password_once(self, page: Client) -> None:
        answer = page.post("/admin/users/make/", {"username": "bo"})
        (password,) = re.findall(r"\b(?:[a-z2-9]{5}-){3}[a-z2-9]{5}\b", html_of(answer))
        assert "no-store" in answer["Cache-Control"]
        made = Operator.objects.get(username="bo")
        assert made.check_password(password)
        assert made.must_change_password
        assert password not in html_of(page.get(f"/admin/users/{made.pk}/"))

    def test_makes_an_account_for_scripts(self, page: Client) -> None:
        page.post("/admin/users/make/", {"username": "robot", "is_service_account": "on"})
        made = Operator.objects.get(username="robot")
        assert made.is_service_account
        assert not made.has_usable_password()

    @pytest.mark.parametrize("name", ["", "a b", "ADMIN", "x" * 151])
    def test_says_why_not(self, page: Client, name: str) -> None:
        answer = page.post("/admin/users/make/", {"username": name})
        assert answer.status_code == 400
        assert Operator.objects.count() == 1


class TestOne:
    def test_is_switched_off_with_all_that_it_came_by(self, page: Client, ann: Operator) -> None:
        theirs = log_in(permit(ann, Role.VIEWER))
        assert theirs.get("/").status_code == 200
        token = make_token(ann)
        page.post(f"/admin/users/{ann.pk}/active/", {"on": "0", "why": "left"})
        assert theirs.get("/").status_code == 302
        assert ApiToken.objects.get(pk=token.pk).revoked_at
        assert last_activity().why == "left"
        page.post(f"/admin/users/{ann.pk}/active/", {"on": "1"})
        assert Operator.objects.get(pk=ann.pk).is_active

    def test_gets_another_password(self, page: Client, ann: Operator) -> None:
        theirs = log_in(permit(ann, Role.VIEWER))
        answer = page.post(f"/admin/users/{ann.pk}/password/")
        assert "is shown only now" in html_of(answer)
        assert theirs.get("/").status_code == 302
        assert not Operator.objects.get(pk=ann.pk).check_password(PASSWORD)

    def test_is_given_and_loses_roles(self, page: Client, ann: Operator) -> None:
        group = seeded_group()
        page.post(f"/admin/users/{ann.pk}/roles/", {"role": "operator", "group": group.pk})
        grant = RoleGrant.objects.get(operator=ann)
        assert (grant.role, grant.group_id) == ("operator", group.pk)
        page.post(f"/admin/users/{ann.pk}/roles/{grant.pk}/")
        assert not RoleGrant.objects.filter(operator=ann).exists()

    @pytest.mark.parametrize(
        ("said", "words"),
        [
            ({"role": "king"}, "Select a valid choice"),
            ({"role": "viewer", "group": "999"}, "Select a valid choice"),
            ({"role": "admin", "group": "here"}, "is one everywhere"),
        ],
    )
    def test_is_told_why_not(
        self, page: Client, ann: Operator, said: dict[str, str], words: str
    ) -> None:
        if said.get("group") == "here":
            said = said | {"group": str(seeded_group().pk)}
        answer = page.post(f"/admin/users/{ann.pk}/roles/", said, follow=True)
        assert words in html_of(answer)
        assert not RoleGrant.objects.filter(operator=ann).exists()

    def test_that_is_the_last_admin_stays_one(self, page: Client, admin: Operator) -> None:
        answer = page.post(f"/admin/users/{admin.pk}/ordinary/", follow=True)
        assert "Nobody would be left to administer" in html_of(answer)
        assert Operator.objects.get(pk=admin.pk).is_superuser

    def test_becomes_ordinary_when_there_is_another(
        self, page: Client, admin: Operator, ann: Operator
    ) -> None:
        permit(ann, Role.ADMIN)
        page.post(f"/admin/users/{admin.pk}/ordinary/")
        assert not Operator.objects.get(pk=admin.pk).is_superuser

    def test_of_another_loses_no_role_by_this_address(self, page: Client, ann: Operator) -> None:
        grant = RoleGrant.objects.create(operator=ann, role=Role.VIEWER)
        other = Operator.objects.create_user("bo")
        assert page.post(f"/admin/users/{other.pk}/roles/{grant.pk}/").status_code == 404

    def test_is_read_by_auditors_who_are_offered_nothing(self, ann: Operator, heard: None) -> None:
        auditor = permit(Operator.objects.create_user("eve"), Role.AUDITOR)
        answer = log_in(auditor).get(f"/admin/users/{ann.pk}/")
        assert answer.status_code == 200
        assert '<form method="post"' not in answer.content.decode().partition("<main")[2]


class TestRoles:
    def test_are_what_the_table_says(self, page: Client, ann: Operator) -> None:
        permit(ann, Role.VIEWER, seeded_group("stable"))
        permit(ann, Role.VIEWER, seeded_group("beta"))
        html = html_of(page.get("/admin/roles/"))
        assert "Hold, rename, label, move, retry and archive nodes" in html
        assert 'aria-label="1 with the role viewer"' in html  # two groups, one person


def test_the_landing_page_says_how_it_stands(page: Client, ann: Operator) -> None:
    html = html_of(page.get("/admin/"))
    assert "2 people may log in, 1 of them may administer; 0 service accounts." in html
    assert "1 person without a role" in html
