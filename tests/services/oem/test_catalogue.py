from collections.abc import Callable

import pytest
from django.db import IntegrityError, transaction

from oemupdates.domain.oem import Before
from oemupdates.domain.shipped import SHIPPED
from oemupdates.models import Activity, Configuration, Oem, Operator
from oemupdates.services.checkins.snapshot import load
from oemupdates.services.oem import catalogue
from oemupdates.services.oem.catalogue import BadOem, CannotRemove, Terms
from tests.services.makers import last_activity, make_operator

pytestmark = pytest.mark.django_db
ACME = Terms(
    name="Acme", alpha_since="4459.2.1", tools=("acmed", "acme-agent"), build_tool="acme-agent"
)


@pytest.fixture
def ann(db: None) -> Operator:
    return make_operator()


def epoch() -> int:
    return Configuration.objects.get().epoch


class TestTheMigration:
    def test_wrote_what_this_version_knows(self) -> None:
        found = catalogue.load()
        assert found.oems == SHIPPED.oems
        assert found.extensions == SHIPPED.extensions

    def test_has_every_oem_and_none_of_operators(self) -> None:
        assert Oem.objects.filter(kind="oem").count() == 26
        assert not Oem.objects.filter(is_custom=True).exists()
        assert not Oem.objects.filter(source="").exists()


class TestAdd:
    def test_makes_an_oem_that_decisions_follow(self, ann: Operator) -> None:
        before = epoch()
        row = catalogue.add(" acme ", ACME, by=ann, why="Ours")
        assert (row.oem_id, row.is_custom, row.is_corrected) == ("acme", True, False)
        assert epoch() == before + 1
        known = load().oems
        assert known.is_shipped("acme", version="4459.2.1", architecture="arm64")
        assert not known.is_shipped("acme", version="4459.2.0", architecture="arm64")
        assert known.oems["acme"].tools == ("acmed", "acme-agent")
        assert known.oems["acme"].build_tool == "acme-agent"
        told = last_activity()
        assert (told.verb, told.subject, told.why) == ("oem.added", "acme", "Ours")

    @pytest.mark.parametrize("oem_id", ["", "diskless", "Azure", "a/b", "-a", "a" * 65, "azure"])
    def test_refuses_an_id_that_is_none_or_taken(self, ann: Operator, oem_id: str) -> None:
        with pytest.raises(BadOem):
            catalogue.add(oem_id, ACME, by=ann)
        assert not Activity.objects.filter(verb="oem.added").exists()

    def test_takes_an_id_that_an_extension_has(self, ann: Operator) -> None:
        assert catalogue.add("python", ACME, by=ann).kind == "oem"

    @pytest.mark.parametrize(
        "terms",
        [
            Terms(architectures=()),
            Terms(architectures=("riscv64",)),
            Terms(architectures=("amd64", "riscv64")),
            Terms(alpha_since="soon"),
            Terms(stable_since="4459.2.1"),
            Terms(alpha_since="4459.2.1", dropped_in="4459.2.1"),
            Terms(tools=("a,b",)),
            Terms(tools=("a" * 64,) * 4),
            Terms(tools=("acmed",), build_tool="acme-agent"),
            Terms(before="else"),
            Terms(name="n" * 65),
        ],
        ids=repr,
    )
    def test_refuses_what_cannot_be(self, ann: Operator, terms: Terms) -> None:
        with pytest.raises(catalogue.activity.Refused):
            catalogue.add("acme", terms, by=ann)
        assert not Oem.objects.filter(oem_id="acme").exists()


class TestChange:
    def row(self, oem_id: str = "azure") -> Oem:
        return Oem.objects.get(kind="oem", oem_id=oem_id)

    def edit(self, row: Oem, **said: object) -> Oem:
        terms = catalogue.terms_of(row)
        values = {name: getattr(terms, name) for name in terms.__slots__}
        return catalogue.change(row, Terms(**(values | said)), by=None)

    def test_corrects_one_of_flatcars(self) -> None:
        before = epoch()
        row = self.edit(self.row(), dropped_in="4757.0.0")
        assert (row.is_corrected, epoch()) == (True, before + 1)
        assert load().oems.is_dropped("azure", target="4757.0.0")
        told = last_activity()
        assert (told.verb, told.before, told.after) == (
            "oem.changed",
            {"dropped_in": ""},
            {"dropped_in": "4757.0.0"},
        )

    def test_of_nothing_does_nothing(self) -> None:
        assert not self.edit(self.row()).is_corrected
        assert not Activity.objects.filter(verb="oem.changed").exists()

    def test_of_a_custom_one_corrects_nobody(self, ann: Operator) -> None:
        row = self.edit(catalogue.add("acme", ACME, by=ann), before=Before.BASE)
        assert (row.is_corrected, row.before) == (False, "base")


class TestRemove:
    def test_takes_a_custom_one_away(self, ann: Operator) -> None:
        catalogue.remove(catalogue.add("acme", ACME, by=ann), by=ann, why="Gone")
        assert "acme" not in load().oems.oems
        assert (last_activity().verb, last_activity().subject) == ("oem.removed", "acme")

    def test_leaves_flatcars_own(self) -> None:
        with pytest.raises(CannotRemove):
            catalogue.remove(Oem.objects.get(oem_id="packet"), by=None)
        assert Oem.objects.filter(oem_id="packet").exists()


@pytest.mark.parametrize(
    "break_it",
    [
        lambda: Oem.objects.create(oem_id="", architectures="amd64"),
        lambda: Oem.objects.create(oem_id="azure", architectures="amd64"),
        lambda: Oem.objects.create(oem_id="x", architectures="sparc"),
        lambda: Oem.objects.create(oem_id="x", architectures="amd64", before="else"),
        lambda: Oem.objects.update(is_custom=True, is_corrected=True),
    ],
)
def test_what_must_never_be(break_it: Callable[[], object]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        break_it()
