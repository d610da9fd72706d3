"""Putting the scripts and units on a node: what judges them, and every way to get them there."""

import base64
import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest
from pytest_httpserver import HTTPServer

from oemupdates.domain import snippet
from oemupdates.services.oem import node_files
from tests.node.tree import SCRIPTS, Tree

pytestmark = pytest.mark.once

UNITS = sorted(path.name for path in SCRIPTS.glob("oem-fleet-*.*"))
PROGRAMS = ("beacon", "report", "install", "oem-fleet.sysext/create.sh")
# From 0.0, shut off from everything, to 10.0, a shell of root.
MOST_EXPOSED = 2.0
needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="there is no systemd here"
)


@pytest.mark.parametrize("program", PROGRAMS)
def test_shellcheck_finds_nothing(program: str) -> None:
    judge = Path(sys.executable).with_name("shellcheck")
    done = subprocess.run(
        [judge, "--shell=bash", SCRIPTS / program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_may_be_run(program: str) -> None:
    assert os.access(SCRIPTS / program, os.X_OK)
    assert (SCRIPTS / program).read_text().startswith("#!/usr/bin/env bash\n")


@needs_systemd
@pytest.mark.parametrize("unit", UNITS)
def test_systemd_reads_every_unit(unit: str, tmp_path: Path) -> None:
    for each in UNITS:
        text = (SCRIPTS / each).read_text().replace("/opt/oem-fleet", str(SCRIPTS))
        (tmp_path / each).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", tmp_path / unit],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
    )
    ours = [line for line in done.stderr.splitlines() if "oem-fleet" in line]
    assert (done.returncode, ours) == (0, [])


@needs_systemd
@pytest.mark.parametrize("unit", [unit for unit in UNITS if unit.endswith(".service")])
def test_systemd_calls_every_service_safe(unit: str) -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", SCRIPTS / unit],
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout)
    assert found
    assert float(found[1]) <= MOST_EXPOSED


class TestTheOneLineInstall:
    @pytest.fixture
    def server(self, httpserver: HTTPServer) -> str:
        for path in SCRIPTS.iterdir():
            if path.is_file():
                served = httpserver.expect_request(f"/static/node/{path.name}")
                served.respond_with_data(path.read_bytes())
        return str(httpserver.url_for("")).rstrip("/")

    def install(self, root: Path, *arguments: str) -> int:
        return subprocess.run(
            ["bash", "-s", "--", *arguments],
            input=(SCRIPTS / "install").read_bytes(),
            env=os.environ | {"OEM_FLEET_ROOT": str(root)},
            capture_output=True,
            check=False,
        ).returncode

    def test_brings_every_file_and_does_so_again(self, tree: Tree, server: str) -> None:
        for _ in range(2):
            assert self.install(tree.root, server) == 0
            for name in ("beacon", "report"):
                put = tree.root / "opt/oem-fleet" / name
                assert put.read_bytes() == (SCRIPTS / name).read_bytes()
                assert put.stat().st_mode & 0o777 == 0o755
            put_units = (tree.root / "etc/systemd/system").iterdir()
            assert sorted(path.name for path in put_units) == UNITS

    def test_changes_nothing_when_a_file_is_missing(
        self, tree: Tree, httpserver: HTTPServer
    ) -> None:
        first = httpserver.expect_request("/static/node/beacon")
        first.respond_with_data(b"#!/bin/sh\n")
        assert self.install(tree.root, str(httpserver.url_for("")).rstrip("/")) != 0
        assert not (tree.root / "opt").exists()

    def test_takes_everything_away_again(self, tree: Tree, server: str) -> None:
        tree.install()
        before = sorted(tree.root.rglob("*"))
        self.install(tree.root, server)
        tree.beacon()
        assert self.install(tree.root, "--remove") == 0
        left = [path for path in sorted(tree.root.rglob("*")) if path not in before]
        assert [path for path in left if not path.is_dir()] == []

    def test_leaves_somebody_elses_file(self, tree: Tree) -> None:
        tree.write("etc/oem-release", "ID=mine\n")
        assert self.install(tree.root, "--remove") == 0
        assert (tree.root / "etc/oem-release").exists()

    @pytest.mark.parametrize("arguments", [(), ("fleet.example.net",), ("--help",)])
    def test_says_how_it_is_used(self, tree: Tree, arguments: tuple[str, ...]) -> None:
        assert self.install(tree.root, *arguments) == 2
        assert not (tree.root / "opt").exists()


class TestTheSysext:
    def test_holds_what_a_node_merges(self, tmp_path: Path) -> None:
        done = subprocess.run(
            ["bash", SCRIPTS / "oem-fleet.sysext/create.sh", tmp_path / "image"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        lib = tmp_path / "image/usr/lib"
        for name in ("beacon", "report"):
            unit = (lib / f"systemd/system/oem-fleet-{name}.service").read_text()
            program = re.search(r"^ExecStart=(\S+)$", unit, re.MULTILINE)
            assert program
            put = tmp_path / "image" / program[1].lstrip("/")
            assert put.read_bytes() == (SCRIPTS / name).read_bytes()
        release = (lib / "extension-release.d/extension-release.oem-fleet").read_text()
        assert release == "ID=_any\n"
        upholds = (lib / "systemd/system/multi-user.target.d/10-oem-fleet.conf").read_text()
        # A oneshot that is upheld would be started again the moment it ends.
        assert ".service" not in upholds


class TestTheSnippets:
    TRACK, SERVER = "rack:7", "https://fleet.example.net/v1/update/s3cret"

    def test_butane_and_ignition_bring_the_same_files(self) -> None:
        files, units = node_files.files(), node_files.units()
        ignition = json.loads(snippet.ignition(self.TRACK, self.SERVER, files, units))
        brought = {file["path"]: file for file in ignition["storage"]["files"]}
        for name in ("beacon", "report"):
            kind, _, packed = brought[f"/opt/oem-fleet/{name}"]["contents"]["source"].partition(
                ","
            )
            assert kind == "data:;base64"
            assert brought[f"/opt/oem-fleet/{name}"]["contents"]["compression"] == "gzip"
            assert gzip.decompress(base64.b64decode(packed)) == (SCRIPTS / name).read_bytes()
            assert brought[f"/opt/oem-fleet/{name}"]["mode"] == 0o755
        conf = brought["/etc/flatcar/update.conf"]["contents"]["source"]
        assert unquote(conf).endswith(snippet.update_conf(self.TRACK, self.SERVER))
        for unit in ignition["systemd"]["units"]:
            assert unit["contents"] == (SCRIPTS / unit["name"]).read_text()
            assert unit["enabled"] == ("[Install]" in unit["contents"])
        assert sorted(unit["name"] for unit in ignition["systemd"]["units"]) == UNITS

    def test_butane_holds_each_file_line_by_line(self) -> None:
        text = snippet.butane(self.TRACK, self.SERVER, node_files.files(), node_files.units())
        for name in ("beacon", "report", *UNITS):
            lines = (SCRIPTS / name).read_text().splitlines()
            indent = " " * (8 if name in UNITS else 10)
            block = "".join(f"{indent}{line}\n" if line else "\n" for line in lines)
            assert f"|\n{block}" in text
        assert "\t" not in text

    def test_a_plain_snippet_stays_plain(self) -> None:
        assert "oem-fleet" not in snippet.butane(self.TRACK, self.SERVER)
        assert "systemd" not in json.loads(snippet.ignition(self.TRACK, self.SERVER))
