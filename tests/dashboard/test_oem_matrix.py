import pytest
from django.test import Client

from oemupdates.domain.access import Role
from tests.api.conftest import session, somebody
from tests.services.makers import make_node, seeded_group
from tests.services.security.test_exposure import HOLED, listed, vmware

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(db: None) -> Client:
    return session(somebody("viewer", Role.VIEWER))


def test_says_what_runs_where_with_which_tools_and_how_it_is_known(page: Client) -> None:
    listed("4081.3.6", HOLED)
    vmware("4081.3.6")
    seen = {"oem": "azure", "oem_basis": "observed", "oem_version": "4593.2.1"}
    well, amiss = {"drift": "in_sync"}, {"drift": "oem_not_merged"}
    beacon = {"drift_basis": "beacon"}
    make_node(version="4593.2.1", oem_build="2.12.0.4-r2", **seen, **well, **beacon)
    make_node(version="4593.2.1", oem="azure", oem_basis="observed", **amiss, **beacon)
    derived = {"drift": "oem_unported", "drift_basis": "derived", "oem_basis": "reported"}
    make_node(version="4593.2.1", oem="ami", birth_version="3.2", **derived)
    make_node(version="4593.2.1", oem="")
    # It is configuration only: what its image calls itself is no version of a tool.
    make_node(version="4593.2.1", oem_build="1.0", **seen | well | beacon | {"oem": "hetzner"})
    # And these builds have versions of their own: one of Flatcar's, and one of operators'.
    for oem in ("hyperv", "acme"):
        make_node(version="4593.2.1", oem_build="0.2.0", **seen | well | beacon | {"oem": oem})
    matrix = page.get("/oem/").context["matrix"]
    assert matrix.heat.columns == ["4593.2.1", "4081.3.6"]
    rows = {row.label: row.cells for row in matrix.heat.rows}
    assert [cell.number for cell in rows["azure"]] == [2, 0]
    assert rows["azure"][0].note == "2.12.0.4-r2, 100% observed"
    assert rows["azure"][0].warning == "1 not merged"
    assert (rows["vmware"][1].note, rows["vmware"][1].warning) == ("12.4.5", "")
    assert (rows["ami"][0].warning, rows["hetzner"][0].note) == ("", "no agent")
    for oem in ("hyperv", "acme"):
        assert rows[oem][0].note == "build 0.2.0, 100% observed"
    assert [stage.number for stage in matrix.bases] == [0, 5, 1, 1]
    assert matrix.observed == "71%"
    shown = page.get("/oem/").text
    assert "oem=azure&amp;version=4593.2.1" in shown
    assert "1 not merged" in shown


def test_shows_the_most_common_and_says_what_it_leaves_out(page: Client) -> None:
    for number in range(25):
        make_node(oem=f"own-{number}", version=f"4593.2.{number}")
    matrix = page.get("/oem/").context["matrix"]
    assert (len(matrix.heat.rows), len(matrix.heat.columns)) == (20, 10)
    assert (matrix.more_oems, matrix.more_versions) == (5, 15)


def test_is_of_what_one_may_see(db: None) -> None:
    vmware("4081.3.6", group=seeded_group("beta"))
    limited = session(somebody("limited", Role.VIEWER, group=seeded_group()))
    assert limited.get("/oem/").context["matrix"] is None
