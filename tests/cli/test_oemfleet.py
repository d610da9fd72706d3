"""The command line, as a process that speaks to a running server."""

import csv
import io
import itertools
import json
import subprocess
import sys
import zipapp
from contextlib import suppress
from pathlib import Path

import pytest

from oemupdates.models import Activity, Node, Release
from oemupdates.services.counters import counters
from oemupdates.services.groups import groups
from tests.cli.conftest import CLI, Terminal
from tests.servers import free_port
from tests.services.makers import make_release, seeded_group

pytestmark = [pytest.mark.processes, pytest.mark.once]


def test_lists_shows_and_exports_nodes(terminal: Terminal) -> None:
    table = terminal.run("nodes", "list")
    assert table.splitlines()[0].split() == [
        *("ID", "NAME", "ALIAS", "GROUP", "VERSION", "OEM", "OEM_VERSION", "STATE")
    ]
    assert "\x1b" not in table
    found = terminal.json("nodes", "list", "--oem", "azure", "--group", "stable/amd64")
    assert [node["alias"] for node in found] == ["evil\x1b[31m", "web-1"]
    assert len(terminal.json("nodes", "list", "--limit", "1")) == 1
    assert [node["alias"] for node in terminal.json("nodes", "list", "-q", "os:>=4593")] == [
        "web-2"
    ]
    assert terminal.json("nodes", "show", "web-2")[0]["oem"] == "vmware"
    assert "azure" in terminal.run("nodes", "show", str(Node.objects.get(alias="web-1").pk))
    rows = list(csv.DictReader(io.StringIO(terminal.run("export", "nodes", "--oem", "azure"))))
    assert [row["oem"] for row in rows] == ["azure", "azure"]
    exported = terminal.run("export", "groups", "--format", "json").splitlines()
    assert len(exported) == 10


def test_tells_numbers_from_yes_and_no(terminal: Terminal) -> None:
    Node.objects.filter(alias="web-1").update(download_failures=1, postinst_failures=0)
    shown = [line.split() for line in terminal.run("nodes", "show", "web-1").splitlines()]
    assert ["download_failures", "1"] in shown
    assert ["postinst_failures", "0"] in shown
    assert ["is_dark", "no"] in shown
    assert "yes" in terminal.run("groups", "list")


def test_says_what_runs_where_and_what_is_out_of_step(terminal: Terminal) -> None:
    Node.objects.filter(alias="web-2").update(drift="oem_not_merged", drift_basis="beacon")
    counters.repair()
    found = terminal.json("oem", "matrix", "--oem", "vmware")
    assert [(one["oem"], one["nodes"], one["observed"]) for one in found] == [("vmware", 1, 1)]
    table = terminal.run("oem", "matrix", "--oem", "vmware").splitlines()
    assert table[0].split()[:4] == ["OEM", "VERSION", "NODES", "OBSERVED"]
    assert table[1].split()[2:5] == ["1", "1", "open-vm-tools"]
    assert table[1].endswith("oem_not_merged=1")
    told = terminal.run("drift", "--oem", "vmware").splitlines()
    assert [line.split()[:3] for line in told[1:]] == [["oem_not_merged", "error", "1"]]
    assert len(terminal.json("drift")) > 30
    assert "WALinuxAgent" in terminal.run("oem", "list")


def test_shows_what_is_hosted_and_removes_a_release(terminal: Terminal) -> None:
    assert "reserve" in terminal.run("mirror", "show")
    # What other tests began to upload may be gone on with.
    assert not [one for one in terminal.json("mirror", "collect") if one["goes"]]
    assert "nothing to collect" in terminal.run("mirror", "collect", "--delete", code=1)
    release = make_release("4081.2.0")
    assert terminal.json("mirror", "releases")[0]["missing"] == ["flatcar_production_update.gz"]
    assert "is removed" in terminal.run("releases", "remove", "4081.2.0")
    assert not Release.objects.filter(pk=release.pk).exists()


def test_changes_a_node(terminal: Terminal) -> None:
    assert "is held" in terminal.run("hold", "web-1", "--because", "disk")
    assert terminal.json("nodes", "show", "web-1")[0]["hold"]["because"] == "disk"  # type: ignore[index]
    refused = terminal.run("hold", "web-1", "--because", "disk", code=1)
    assert "is held already, by ci: disk" in refused
    terminal.run("release", "web-1", "--why", "mended")
    terminal.run("label", "web-1", "rack=7")
    assert terminal.json("nodes", "show", "web-1")[0]["labels"] == {"rack": "7"}
    terminal.run("label", "web-1", "rack-")
    assert terminal.json("nodes", "show", "web-1")[0]["labels"] == {}
    terminal.run("move", "web-1", "beta/amd64", "--because", "canary")
    assert Node.objects.get(alias="web-1").group == seeded_group("beta")
    assert "No failure" in terminal.run("retry", "web-1", code=1)
    verbs = Activity.objects.filter(actor__username="ci").values_list("verb", flat=True)
    assert "node.moved" in verbs


def test_explains_a_node(terminal: Terminal) -> None:
    reasons = '[["updates_off", "stable", ""]]'
    Node.objects.filter(alias="web-1").update(answer="noupdate", reasons=reasons)
    told = terminal.run("explain", "web-1")
    assert "Nothing is offered.\n- Updates are switched off in its group stable." in told
    assert "Switch the group's updates on." in told


def test_shows_and_switches_groups_and_releases(terminal: Terminal) -> None:
    assert "stable" in terminal.run("groups", "list")
    assert terminal.json("groups", "show", "stable/amd64")[0]["nodes"] == 3
    assert terminal.run("groups", "snippet", "stable/amd64").startswith("GROUP=stable\nSERVER=")
    assert "More than one" in terminal.run("groups", "show", "stable", code=1)
    terminal.run("groups", "updates", "stable/amd64", "off", "--why", "holidays")
    assert terminal.json("groups", "show", "stable/amd64")[0]["updates_enabled"] is False
    terminal.run("groups", "updates", "stable/amd64", "off", code=1)
    assert "4593.2.1" in terminal.run("releases", "list")
    terminal.run("releases", "block", "4593.2.1", "--because", "broken")
    assert terminal.json("releases", "show", "4593.2.1")[0]["blocked_because"] == "broken"
    terminal.run("releases", "unblock", "4593.2.1")
    assert "stable" in terminal.run("channels", "list")
    assert "release.blocked" in terminal.run("activity")
    assert "approver" in terminal.run("me")


def test_says_by_its_exit_code_what_went_wrong(terminal: Terminal) -> None:
    assert "Nothing in nodes is called nowhere." in terminal.run(
        "nodes", "show", "nowhere", code=3
    )
    assert "may see" in terminal.run("nodes", "show", "424242", code=3)
    wrong = terminal.run("me", code=4, OEMFLEET_TOKEN="flt_wrong")
    assert "No API token has this secret." in wrong
    nobody = f"http://127.0.0.1:{free_port()}"
    assert "does not answer" in terminal.run("me", code=5, OEMFLEET_URL=nobody)
    terminal.run("nodes", "list", "--colour", "red", code=2)
    terminal.run("me", code=2, OEMFLEET_TOKEN="")
    terminal.run("me", code=2, OEMFLEET_URL="")
    assert "colour" in terminal.run("nodes", "list", "-q", "colour:red", code=1)


def test_takes_the_token_from_a_file_that_is_its_owners_alone(
    terminal: Terminal, tmp_path: Path
) -> None:
    path = tmp_path / "token"
    path.touch(mode=0o600)
    path.write_text(terminal.secret + "\n")
    given = {"OEMFLEET_TOKEN": "", "OEMFLEET_TOKEN_FILE": str(path)}
    assert "ci" in terminal.run("me", **given)
    path.chmod(0o640)
    assert "can be read by others: chmod 600" in terminal.run("me", code=2, **given)


def test_is_one_file_if_that_is_wanted(tmp_path: Path) -> None:
    made = tmp_path / "oemfleet"
    zipapp.create_archive(CLI.parent, made, main="oemfleet:run")
    done = subprocess.run(
        [sys.executable, str(made), "version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["oemfleet", "0.1.0"]


def test_follows_what_is_done(terminal: Terminal) -> None:
    follower = subprocess.Popen(
        [sys.executable, str(CLI), "--json", "follow", "--count", "2"],
        env=terminal.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    # What was done before it listens is not told: so it goes on being done until both are heard.
    turns = itertools.cycle(["off", "on"])
    try:
        while follower.poll() is None:
            groups.switch_updates(seeded_group(), on=next(turns) == "on", by=None)
            with suppress(subprocess.TimeoutExpired):
                follower.wait(timeout=0.3)
        told, complaints = follower.communicate(timeout=60)
    finally:
        follower.kill()
    assert follower.returncode == 0, complaints
    entries = [json.loads(line) for line in told.splitlines()]
    assert sorted(entry["verb"] for entry in entries) == ["group.updates_off", "group.updates_on"]
    assert entries[0]["id"] < entries[1]["id"]
