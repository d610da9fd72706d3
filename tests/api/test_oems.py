import pytest
from django.test import Client

from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.models import Oem
from oemupdates.services.oem import oem_proposals
from tests.api.conftest import etag, problem, send
from tests.services.makers import NOW, make_node, make_release, seeded_group

pytestmark = pytest.mark.django_db


def test_what_releases_show_is_accepted_or_left(api: Client) -> None:
    make_release("4593.2.1", payloads=(OS_PAYLOAD, "oem-acme.gz", "oem-other.gz"))
    oem_proposals.look(NOW)
    other, acme = api.get("/api/v1/oem-proposals?state=open").json()["items"]
    assert (acme["oem_id"], acme["is_new"], acme["first_version"]) == ("acme", True, "4593.2.1")
    assert acme["changes"] == {"architectures": "amd64", "alpha_since": "4593.2.1"}
    added = send(api, "POST", f"oem-proposals/{acme['id']}/accept", {"why": "Ours"})
    assert (added.json()["oem_id"], added.json()["is_custom"]) == ("acme", True)
    left = send(api, "POST", f"oem-proposals/{other['id']}/dismiss", {})
    assert left.json()["state"] == "dismissed"
    again = send(api, "POST", f"oem-proposals/{other['id']}/accept", {})
    assert problem(again) == (409, "cannot-decide")


def test_an_oem_is_added_corrected_and_removed(api: Client) -> None:
    said = {"oem_id": "acme", "tools": ["acmed"], "architectures": ["arm64"], "why": "Ours"}
    said |= {"build_tool": "acmed"}
    made = send(api, "POST", "oem", said)
    assert made.status_code == 201
    shown = made.json()
    assert (shown["tools"], shown["build_tool"]) == (["acmed"], "acmed")
    assert (shown["architectures"], shown["is_custom"]) == (["arm64"], True)
    path = f"oem/{shown['id']}"
    changed = send(api, "PATCH", path, {"alpha_since": "4459.2.1"}, If_Match=etag(api, path))
    assert (changed.status_code, changed.json()["tools"]) == (200, ["acmed"])
    assert changed.json()["alpha_since"] == "4459.2.1"
    gone = send(api, "DELETE", path, If_Match=etag(api, path))
    assert gone.status_code == 204
    assert api.get(f"/api/v1/{path}").status_code == 404


def test_the_catalogue_is_listed(viewer: Client) -> None:
    listed = {row["oem_id"]: row for row in viewer.get("/api/v1/oem?limit=100").json()["items"]}
    assert len(listed) == Oem.objects.count() == 37
    assert listed["azure"]["tools"][0] == "WALinuxAgent"
    assert listed["packet"]["dropped_in"] == "4722.0.0"
    assert listed["zfs"]["kind"] == "extension"


def test_what_cannot_be_is_refused(api: Client) -> None:
    status, kind = problem(send(api, "POST", "oem", {"oem_id": "azure"}))
    assert (status, kind) == (409, "bad-oem")
    own = Oem.objects.get(oem_id="azure").pk
    refused = send(api, "DELETE", f"oem/{own}", If_Match=etag(api, f"oem/{own}"))
    assert problem(refused)[0] == 409


def test_the_matrix_says_what_runs_where(api: Client) -> None:
    make_node(oem="azure", oem_build="2.12.0.4-r2", drift="oem_not_merged", drift_basis="beacon")
    make_node(oem="azure", drift="in_sync", drift_basis="derived")
    make_node(oem="azure", version="4459.2.4", drift="in_sync", group=seeded_group("beta"))
    make_node(oem="hetzner", oem_build="0")
    make_node(oem="")
    found = api.get("/api/v1/oem/matrix").json()
    assert found["more"] == 0
    azure, older, hetzner = found["cells"]
    assert (azure["oem"], azure["nodes"], azure["observed"]) == ("azure", 2, 1)
    assert azure["tool"] == {
        "name": "WALinuxAgent",
        "version": "2.12.0.4-r2",
        "basis": "observed",
    }
    assert azure["drift"] == [
        {"drift": "oem_not_merged", "severity": "error", "nodes": 1},
        {"drift": "in_sync", "severity": "ok", "nodes": 1},
    ]
    assert (older["version"], older["tool"]["version"]) == ("4459.2.4", "")
    assert (hetzner["oem"], hetzner["tool"], hetzner["drift"]) == ("hetzner", None, [])
    beta = api.get(f"/api/v1/oem/matrix?oem=azure&group={seeded_group('beta').pk}").json()
    assert beta["cells"] == [older]
