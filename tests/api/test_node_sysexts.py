import pytest
from django.test import Client
from django.utils import timezone

from oemupdates.domain.checkin import OBSERVED
from oemupdates.domain.report import read
from oemupdates.models import ComponentPoll, Node
from oemupdates.services.components import component_wants
from oemupdates.services.drift import reports
from tests.api.component_maker import make_component
from tests.domain.test_report import DOCUMENT, EXTENSION, report
from tests.services.makers import NOW, make_node, seeded_group

pytestmark = pytest.mark.django_db


@pytest.fixture
def node(db: None) -> Node:
    return make_node(
        machine_id=DOCUMENT["machineid"],
        boot_id="{" + DOCUMENT["bootid"] + "}",
        oem="azure",
        oem_basis=OBSERVED,
        oem_version="4593.2.1",
        oem_build="2.12.0.4-r2",
    )


def test_what_was_reported_is_told_beside_what_is_known(api: Client, node: Node) -> None:
    path = f"/api/v1/nodes/{node.pk}/sysexts"
    assert api.get(path).json() == {
        "oem": {
            "id": "azure",
            "basis": "observed",
            "version": "4593.2.1",
            "build": "2.12.0.4-r2",
            "birth_version": "",
            "confidence": None,
        },
        "tools": api.get(path).json()["tools"],
        "report": None,
        "drift": api.get(path).json()["drift"],
        "components": [],
    }
    reports.take(read(report()), secret="", address=None, now=timezone.now())
    told = api.get(path).json()["report"]
    kept = {"schema", "machineid", "bootid", "application"}
    assert {name: told[name] for name in DOCUMENT if name not in kept} == {
        name: value for name, value in DOCUMENT.items() if name not in kept
    }
    assert (told["boot_id"], told["is_stale"]) == (DOCUMENT["bootid"], False)


def test_its_drift_is_told_with_its_basis_and_the_way_out(api: Client, node: Node) -> None:
    path = f"/api/v1/nodes/{node.pk}/sysexts"
    told = api.get(path).json()["drift"][0]
    assert (told["drift"], told["severity"], told["basis"]) == (
        "oem_version_mismatch",
        "error",
        "beacon",
    )
    Node.objects.update(version="4593.2.1")
    assert api.get(path).json()["drift"][0]["drift"] == "in_sync"
    reports.take(read(report(extensions=[])), secret="", address=None, now=timezone.now())
    told = api.get(path).json()["drift"][0]
    assert (told["drift"], told["severity"], told["basis"]) == (
        "oem_not_merged",
        "error",
        "report",
    )
    assert told["sentence"] == "The sysext of OEM azure is not merged: its tools do not run."
    assert "systemd-sysext status" in told["way_out"]


def test_a_report_of_another_boot_is_stale(api: Client, node: Node) -> None:
    reports.take(read(report(bootid="earlier")), secret="", address=None, now=timezone.now())
    assert api.get(f"/api/v1/nodes/{node.pk}/sysexts").json()["report"]["is_stale"]


def test_its_components_are_told(api: Client, node: Node) -> None:
    path = f"/api/v1/nodes/{node.pk}/sysexts"
    tool, other = make_component("tool", "1.0", "1.1"), make_component("other", "2.0")
    component_wants.want(seeded_group("stable"), tool, by=None)
    never = {"polled_at": None, "took_at": None, "withheld": None}
    never |= dict.fromkeys(("boot_id", "os_version", "newest", "withheld_because", "took"), "")
    nothing = {"name": "tool", "has": "", "merged": False, "wanted": "1.1", "is_wanted": True}
    assert api.get(path).json()["components"] == [nothing | never]
    image = EXTENSION | {"name": "tool", "target": "/opt/extensions/tool/tool-1.0-x86-64.raw"}
    said = read(report(extensions=[EXTENSION, image]))
    reports.take(said, secret="", address=None, now=timezone.now())
    asked = {"polled_at": NOW, "boot_id": "a" * 32, "os_version": "4593.2.1"}
    ComponentPoll.objects.create(
        node=node, component=tool, newest="1.1", took="1.0", took_at=NOW, **asked
    )
    ComponentPoll.objects.create(node=node, component=other, withheld="not_wanted", **asked)
    then = "2026-09-01T12:00:00Z"
    heard = never | asked | {"polled_at": then}
    assert api.get(path).json()["components"] == [
        nothing
        | heard
        | {"name": "other", "wanted": "", "is_wanted": False, "withheld": "not_wanted"}
        | {
            "withheld_because": "Its group does not want the component, so nothing is listed"
            " for it."
        },
        nothing
        | heard
        | {"has": "1.0", "merged": True, "newest": "1.1", "took": "1.0", "took_at": then},
    ]
