"""Channels, upstreams, syncs, proposals, the demo fleet and the past from a terminal."""

import subprocess
import sys
import time
from datetime import timedelta

import pytest
from django.utils import timezone

from oemupdates.models import DemoFleet, Node, SyncRun, VersionInterval
from oemupdates.services.counters import samples
from oemupdates.services.sync import proposals, upstreams
from tests.cli.conftest import CLI, Terminal
from tests.services.makers import make_release, seeded_channel

pytestmark = [pytest.mark.processes, pytest.mark.once]

STABLE = "stable/amd64"


def test_aims_channels_at_releases(terminal: Terminal) -> None:
    assert "More than one" in terminal.run("channels", "show", "stable", code=1)
    tried = terminal.run("channels", "target", STABLE, "4593.2.1", "--try")
    assert tried.splitlines()[0].split() == ["NAME", "DIRECT", "BY_FLOOR", "THERE", "STRANDED"]
    assert seeded_channel().target is None
    aimed = terminal.run("channels", "target", STABLE, "4593.2.1", "--why", "tested")
    assert aimed == "stable/amd64 aims at 4593.2.1.\n"
    (shown,) = terminal.json("channels", "show", STABLE)
    assert shown["target"]["version"] == "4593.2.1"  # type: ignore[index]
    assert "4593.2.1" in terminal.run("channels", "list")
    assert terminal.run("channels", "target", STABLE, "--none").endswith("has no target.\n")
    assert seeded_channel().target is None
    terminal.run("channels", "target", STABLE, code=2)
    terminal.run("channels", "target", STABLE, "--none", "--try", code=2)
    assert "is called 1.2.3" in terminal.run("channels", "target", STABLE, "1.2.3", code=3)


def test_adds_and_removes_floors_and_dead_ends_and_walks_the_paths(terminal: Terminal) -> None:
    make_release("4560.0.0")
    terminal.run("channels", "target", STABLE, "4593.2.1")
    terminal.run("floors", "add", STABLE, "4560.0.0", "--because", "new layout")
    terminal.run("dead-ends", "add", STABLE, "4459.2.1", "--because", "no way on")
    terminal.run("dead-ends", "add", STABLE, "4459.2.1", "--because", "again", code=1)
    assert "new layout" in terminal.run("floors", "list", STABLE)
    assert [one["version"] for one in terminal.json("dead-ends", "list", STABLE)] == ["4459.2.1"]
    walked = terminal.run("paths", STABLE).splitlines()
    assert walked[0].startswith("2 stranded on 4459.2.1 (azure): ")
    assert walked[2].split()[:3] == ["VERSION", "NODES", "STRANDED"]
    terminal.run("floors", "remove", STABLE, "4560.0.0")
    terminal.run("dead-ends", "remove", STABLE, "4459.2.1")
    assert "has no 4560.0.0" in terminal.run("floors", "remove", STABLE, "4560.0.0", code=3)
    (found,) = terminal.json("paths", STABLE)
    assert [stop["floor"] for stop in found["stops"]] == ["", ""]  # type: ignore[attr-defined]


def test_lets_channels_follow_and_syncs(terminal: Terminal) -> None:
    upstreams.add(upstreams.Terms("flatcar", "public"), by=None)
    assert "flatcar" in terminal.run("upstreams", "list")
    assert terminal.json("upstreams", "show", "flatcar")[0]["kind"] == "public"
    assert "called nowhere" in terminal.run("upstreams", "show", "nowhere", code=3)
    terminal.run("upstreams", "follow", "flatcar", STABLE)
    assert terminal.json("upstreams", "followers", "flatcar")[0]["track"] == "stable"
    asked = terminal.run("upstreams", "sync", "flatcar", STABLE)
    run = SyncRun.objects.get()
    assert asked == f"Sync {run.pk} is waiting.\n"
    terminal.run("upstreams", "sync", "flatcar", STABLE, code=1)
    assert terminal.json("syncs", "list", "--state", "waiting")[0]["id"] == run.pk
    terminal.run("syncs", "cancel", str(run.pk), "--why", "later")
    assert terminal.json("syncs", "show", str(run.pk))[0]["state"] == "cancelled"
    terminal.run("upstreams", "unfollow", "flatcar", STABLE)
    assert "does not follow" in terminal.run("upstreams", "unfollow", "flatcar", STABLE, code=3)
    terminal.run("upstreams", "switch", "flatcar", "off", code=4)


def test_waits_for_a_sync_and_says_how_it_ended(terminal: Terminal) -> None:
    upstream = upstreams.add(upstreams.Terms("flatcar", "public"), by=None)
    upstreams.subscribe(upstream, seeded_channel(), by=None)
    waiting = subprocess.Popen(
        [sys.executable, str(CLI), "upstreams", "sync", "flatcar", STABLE, "--wait"],
        env=terminal.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + 30
        while not SyncRun.objects.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        SyncRun.objects.update(state="failed", problem="No such host.", ended_at=timezone.now())
        told, complaints = waiting.communicate(timeout=60)
    finally:
        waiting.kill()
    assert (waiting.returncode, complaints) == (1, "Error: No such host.\n")
    assert told.endswith("is failed: No such host.\n")


def test_decides_on_proposals(terminal: Terminal) -> None:
    upstream = upstreams.add(upstreams.Terms("flatcar", "public"), by=None)
    upstreams.subscribe(upstream, seeded_channel(), by=None)
    release = make_release("4594.0.0")
    made = proposals.propose(upstream, seeded_channel(), release, [])
    assert made is not None
    assert terminal.json("proposals", "list")[0]["id"] == made.pk
    terminal.run("proposals", "accept", str(made.pk), "--why", "tested")
    assert seeded_channel().target == release
    terminal.run("proposals", "dismiss", str(made.pk), code=1)
    assert terminal.json("proposals", "list") == []


def test_loads_and_removes_the_demo_fleet(root: Terminal) -> None:
    assert root.json("demo", "show")[0]["state"] == "none"
    terminal = root.run("demo", "load")
    assert terminal == "The demo fleet is on its way.\n"
    assert "being loaded already" in root.run("demo", "load", code=1)
    assert root.json("demo", "show")[0]["state"] == "loading"
    root.run("demo", "remove")
    assert DemoFleet.objects.get().state == DemoFleet.State.REMOVING
    root.run("demo", "remove", code=1)


def test_shows_the_fleet_as_it_was(terminal: Terminal) -> None:
    now = timezone.now()
    node = Node.objects.get(alias="web-1")
    for version, started, ended in (("4459.0.0", 9, 5), ("4459.2.1", 5, None)):
        VersionInterval.objects.create(
            node=node,
            version=version,
            started_at=now - timedelta(days=started),
            ended_at=now - timedelta(days=ended) if ended else None,
        )
    samples.take(now - timedelta(days=8))
    week = f"{now - timedelta(days=7):%Y-%m-%dT%H:%M:%SZ}"
    table = terminal.run("nodes", "list", "--at", week).splitlines()
    assert table[0].split()[-2:] == ["STARTED_AT", "ENDED_AT"]
    assert "4459.0.0" in table[1]
    assert terminal.json("nodes", "show", "web-1", "--at", week)[0]["version"] == "4459.0.0"
    assert "web-1" in terminal.run("export", "nodes", "--at", week)
    assert terminal.json("overview", "--at", week)[0]["nodes"] == 3
    assert "3 nodes: all report" in terminal.run("overview")
    later = f"{now + timedelta(days=7):%Y-%m-%dT%H:%M:%SZ}"
    for words in (["nodes", "list"], ["nodes", "show", "web-1"], ["overview"]):
        assert "still to come" in terminal.run(*words, "--at", later, code=1)
    long_ago = f"{now - timedelta(days=99):%Y-%m-%dT%H:%M:%SZ}"
    assert "No sample" in terminal.run("overview", "--at", long_ago, code=1)
    assert "not heard of yet" in terminal.run("nodes", "show", "web-1", "--at", long_ago, code=1)
