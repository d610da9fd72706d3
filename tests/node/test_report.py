"""The report on real trees: the document it sends, and where to."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.node import tree as states
from tests.node.tree import BOOT, MACHINE, NEW, OLD, Tree

pytestmark = pytest.mark.once


def oem(report: dict[str, Any]) -> dict[str, Any]:
    """What a report says of the OEM's extension; nothing where it has none."""
    return next((one for one in report["extensions"] if one["name"] == "oem-azure"), {})


def test_a_node_in_step_is_told_whole(tree: Tree) -> None:
    states.updated(tree)
    path = f"/{tree.oem}/sysext/oem-azure-{NEW}.raw"
    assert tree.report() == {
        "schema": 1,
        "machineid": MACHINE,
        "bootid": BOOT,
        "application": "",
        "os_version": NEW,
        "os_version_id": NEW,
        "board": "amd64-usr",
        "oem": "azure",
        "oem_release_version": "2.9.1.1-r4",
        "oem_flag_active": True,
        "oem_known_to_os": True,
        "oem_migration_pending": False,
        "enabled_sysext": [],
        "extensions": [
            {
                "name": "oem-azure",
                "merged": True,
                "version_id": NEW,
                "sysext_level": "",
                "payload_version": "2.12.0.4-r2",
                "target": path,
                "target_exists": True,
            }
        ],
        "files": [
            {"path": path, "size": 17},
            {"path": f"/etc/flatcar/oem-sysext/oem-azure-{OLD}.raw", "size": 17},
        ],
    }
    assert tree.said == ""


# Whether the flag is set, a migration waits, the image is merged, and the link leads somewhere.
TOLD = {
    states.legacy: (False, False, None, None),
    states.migration_waiting: (False, False, None, None),
    states.migration_staged: (True, True, None, None),
    states.synced: (True, False, True, True),
    states.staged: (True, False, True, True),
    states.updated: (True, False, True, True),
    states.rolled_back: (True, False, True, True),
    states.reset: (True, False, True, True),
    states.downgraded: (True, False, False, False),
    states.initial: (True, False, True, True),
    states.dangling: (True, False, False, False),
    states.masked: (True, False, False, True),
    states.no_oem: (False, False, None, None),
}


@pytest.mark.parametrize("state", states.STATES, ids=lambda state: state.__name__)
def test_the_report_tells_every_state(tree: Tree, state: Callable[[Tree], None]) -> None:
    state(tree)
    report = tree.report()
    extension = oem(report)
    assert (
        report["oem_flag_active"],
        report["oem_migration_pending"],
        extension.get("merged"),
        extension.get("target_exists"),
    ) == TOLD[state]


def test_extensions_that_are_switched_on_and_off(tree: Tree) -> None:
    tree.write("usr/share/flatcar/enabled-sysext.conf", "containerd-flatcar\ndocker-flatcar\n")
    tree.write(
        "etc/flatcar/enabled-sysext.conf",
        "# ours\n-docker-flatcar\npython # for playbooks\n\n../etc\nzfs",
    )
    assert tree.report()["enabled_sysext"] == ["containerd-flatcar", "python", "zfs"]


def test_an_operators_own_extension_is_told_too(tree: Tree) -> None:
    tree.write("etc/extensions/mine.raw", "image")
    (tree.root / "var/lib/extensions/other").mkdir(parents=True)
    tree.merge_for(NEW, name="built-in")
    report = tree.report()
    assert [
        (one["name"], one["merged"], one["target_exists"]) for one in report["extensions"]
    ] == [
        ("built-in", True, False),
        ("mine", False, True),
        ("other", False, True),
    ]


def test_an_id_in_quotes_is_told_as_the_post_install_step_reads_it(tree: Tree) -> None:
    states.synced(tree)
    tree.install('ID="azure"\n')
    assert tree.report()["oem"] == '"azure"'
    assert tree.report()["oem_flag_active"]


def test_hostile_files_stay_values(tree: Tree) -> None:
    states.synced(tree)
    tree.merge('VERSION_ID=a"b\\\x1fc\x07\nSYSEXT_VERSION_ID=' + "7" * 5000 + "\n")
    tree.write('oem/sysext/a";b.raw')
    tree.write("oem/sysext/new\nline.raw")
    tree.install("ID=$(reboot)\n")
    report = tree.report()
    assert oem(report)["version_id"] == 'a"b\\c'
    assert len(oem(report)["payload_version"]) == 200
    assert report["oem"] == "$(reboot)"
    assert all(";" not in one["path"] and "\n" not in one["path"] for one in report["files"])


def test_a_document_has_an_end(tree: Tree) -> None:
    for number in range(200):
        tree.write(f"etc/flatcar/sysext/flatcar-x{number:03}-{NEW}.raw")
        tree.select("/dev/null", f"flatcar-x{number:03}")
    report = tree.report()
    assert (len(report["extensions"]), len(report["files"])) == (64, 128)


def test_an_empty_tree_is_a_document_too(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "node")
    shutil.rmtree(tree.root)
    tree.root.mkdir()
    assert tree.report()["machineid"] == ""


class TestWhereTo:
    @pytest.fixture
    def posts(self, httpserver: HTTPServer) -> list[Request]:
        """What arrived; the server takes everything."""
        seen: list[Request] = []

        def take(request: Request) -> Response:
            request.get_data()
            seen.append(request)
            return Response(status=204)

        httpserver.expect_request("/v1/sysext-report").respond_with_handler(take)
        httpserver.expect_request("/v1/sysext-report/s3cret").respond_with_handler(take)
        return seen

    @pytest.mark.parametrize(
        ("path", "asked"),
        [
            ("/v1/update", "/v1/sysext-report"),
            ("/v1/update/", "/v1/sysext-report"),
            ("/v1/update/s3cret", "/v1/sysext-report/s3cret"),
            ("/v1/update/s3cret/", "/v1/sysext-report/s3cret"),
        ],
    )
    def test_the_update_server_with_its_secret(
        self, tree: Tree, httpserver: HTTPServer, posts: list[Request], path: str, asked: str
    ) -> None:
        states.synced(tree)
        tree.write("usr/share/flatcar/update.conf", "SERVER=https://public.invalid/v1/update/\n")
        tree.write("etc/flatcar/update.conf", f"GROUP=x\nSERVER={httpserver.url_for(path)}\n")
        assert tree.run("report") == ""
        assert tree.said == ""
        assert [(one.method, one.path) for one in posts] == [("POST", asked)]
        assert posts[0].mimetype == "application/json"
        assert posts[0].get_json() == tree.report()

    def test_another_that_the_unit_names(
        self, tree: Tree, httpserver: HTTPServer, posts: list[Request]
    ) -> None:
        tree.write("etc/flatcar/update.conf", "SERVER=https://public.invalid/v1/update/\n")
        tree.run("report", OEM_FLEET_SERVER=httpserver.url_for("/v1/update"))
        assert len(posts) == 1

    @pytest.mark.parametrize(
        "server",
        [
            "",
            "disabled",
            "https://public.update.flatcar-linux.net/v1/update/",
            "https://flatcar.org/v1/update",
            "https://fleet.example.net/elsewhere",
            "file:///etc/passwd",
        ],
    )
    def test_nobody_who_takes_no_reports(self, tree: Tree, server: str) -> None:
        tree.write("etc/flatcar/update.conf", f"SERVER={server}\n")
        assert tree.run("report") == ""
        assert "no server that takes reports" in tree.said

    def test_a_refusal_is_a_line_in_the_journal(self, tree: Tree, httpserver: HTTPServer) -> None:
        httpserver.expect_request("/v1/sysext-report").respond_with_data(status=404)
        tree.run("report", OEM_FLEET_SERVER=httpserver.url_for("/v1/update"))
        assert "the report was not taken" in tree.said

    def test_no_server_at_all_is_one_too(self, tree: Tree) -> None:
        tree.run("report", OEM_FLEET_SERVER="http://127.0.0.1:1/v1/update")
        assert "the report was not taken" in tree.said
