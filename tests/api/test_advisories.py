import pytest
from django.test import Client

from oemupdates.metrics.collector import FleetCollector
from tests.api.conftest import etag, problem, send
from tests.services.makers import make_advisory, osv
from tests.services.security.test_exposure import CLEARED, HOLED, listed, vmware

pytestmark = pytest.mark.django_db


def test_an_advisory_is_brought_looked_at_and_removed(api: Client) -> None:
    listed("4081.3.6", HOLED)
    vmware("4081.3.6")
    made = send(api, "POST", "advisories", {"content": osv(), "why": "Ours"})
    assert made.status_code == 201
    path = f"advisories/{made.json()['id']}"
    assert api.get("/api/v1/advisories").json()["items"][0]["content"]["id"] == "CVE-2025-41244"
    shown = api.get(f"/api/v1/{path}/exposure").json()
    assert (shown["nodes"], shown["unknown_nodes"], shown["node_days"]) == (1, 0, 0)
    assert shown["images"] == [
        {
            "oem": "vmware",
            "version": "4081.3.6",
            "architecture": "amd64",
            "build": "",
            "package": "app-emulation/open-vm-tools",
            "package_version": "12.4.5",
            "nodes": 1,
            "cleared_by": "",
        }
    ]
    gone = send(api, "DELETE", path, If_Match=etag(api, path))
    assert gone.status_code == 204


def test_what_cannot_be_is_refused(api: Client) -> None:
    status, kind = problem(send(api, "POST", "advisories", {"content": {"id": "x"}}))
    assert (status, kind) == (409, "cannot-take-advisory")
    path = f"advisories/{make_advisory().pk}"
    refused = send(api, "DELETE", path, If_Match=etag(api, path))
    assert problem(refused)[1] == "cannot-remove-advisory"


def test_a_withdrawn_one_is_nobodys(viewer: Client) -> None:
    row = make_advisory(withdrawn="2026-01-01T00:00:00Z")
    shown = viewer.get(f"/api/v1/advisories/{row.pk}/exposure").json()
    assert (shown["nodes"], shown["images"], shown["unknown"]) == (0, [], [])


def test_tools_and_packages_are_told(viewer: Client) -> None:
    old, new = listed("4081.3.6", HOLED), listed("4593.2.1", CLEARED)
    node = vmware("4081.3.6")
    tools = viewer.get(f"/api/v1/nodes/{node.pk}/sysexts").json()["tools"]
    assert tools == [{"name": "open-vm-tools", "version": "12.4.5", "basis": "derived"}]
    packages = viewer.get(f"/api/v1/releases/{old.pk}/packages").json()["items"]
    assert [(one["image"], one["version"]) for one in packages] == [("oem-vmware", "12.4.5")]
    compared = viewer.get(f"/api/v1/releases/{new.pk}/compare?other={old.pk}").json()
    assert compared["packages"] == [
        {
            "image": "oem-vmware",
            "name": "app-emulation/open-vm-tools",
            "before": ["12.4.5"],
            "after": ["13.0.5"],
        }
    ]


def test_prometheus_reads_who_is_exposed(db: None) -> None:
    make_advisory()
    listed("4081.3.6", HOLED)
    vmware("4081.3.6")
    vmware("3975.2.0")
    found = {metric.name: metric.samples for metric in FleetCollector().collect()}
    assert [one.value for one in found["oemfleet_exposed_nodes"]] == [1]
    assert found["oemfleet_exposure_unknown_nodes"][0].labels == {"advisory": "CVE-2025-41244"}
