"""A query finds the nodes with a known hole, as many as Security counts."""

import pytest

from oemupdates.domain.query import BadQuery
from oemupdates.models import Node
from oemupdates.services.security import exposure
from tests.services.finding.test_finding import ask, in_groups, rows
from tests.services.makers import make_advisory, make_node, seeded_group
from tests.services.security.test_exposure import CLEARED, HOLED, listed, vmware

pytestmark = pytest.mark.django_db
NAME = "CVE-2025-41244"


@pytest.fixture
def fleet() -> dict[str, Node]:
    make_advisory()
    listed("4081.3.6", HOLED)
    listed("4593.2.1", CLEARED)
    seen = {"oem": "vmware", "oem_basis": "observed", "version": "4593.2.1"}
    return {
        "old": vmware("4081.3.6"),
        "new": vmware("4593.2.1"),
        "build": make_node(**seen, oem_version="4593.2.1", oem_build="12.4.5"),
        "legacy": make_node(oem="vmware", version="4081.3.6", oem_basis="reported"),
        "beta": vmware("4081.3.6", group=seeded_group("beta")),
        "bare": make_node(version="4081.3.6"),
    }


def test_tells_who_has_it_and_of_whom_nobody_can_say(fleet: dict[str, Node]) -> None:
    (found,) = exposure.look()
    exposed, unknown = ask(f"exposed:{NAME}"), ask(f"exposure_unknown:{NAME.lower()}")
    assert exposed.page().rows == [fleet["beta"], fleet["build"], fleet["old"]]
    assert unknown.page().rows == [fleet["legacy"]]
    assert (exposed.matching, unknown.matching) == (found.nodes, found.unknown_nodes) == (3, 1)
    neither = f"-exposed:{NAME} -exposure_unknown:{NAME}"
    assert rows(neither) == [fleet["bare"], fleet["new"]]
    assert ask(neither).matching == 2


def test_goes_together_with_what_else_is_asked(fleet: dict[str, Node]) -> None:
    assert rows(f"exposed:{NAME} group:stable os:4081") == [fleet["old"]]
    assert rows(f"exposed:{NAME}", in_groups("beta")) == [fleet["beta"]]
    assert rows(f"exposed:{NAME} exposed:{NAME}") == rows(f"exposed:{NAME}")
    with pytest.raises(BadQuery, match="no advisory 'CVE-1'"):
        rows("exposed:CVE-1")


def test_a_node_that_was_put_away_has_none(fleet: dict[str, Node]) -> None:
    gone = vmware("4081.3.6", is_archived=True)
    assert gone not in rows(f"exposed:{NAME} {gone.machine_id}")
    assert rows(f"exposed:{NAME} is:archived") == []


def test_one_that_was_withdrawn_is_nobodys() -> None:
    make_advisory(withdrawn="2026-01-01T00:00:00Z")
    vmware("4081.3.6")
    assert rows(f"exposed:{NAME}") == []
