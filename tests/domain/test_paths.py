"""Ways to the target, as tables; by the decision's own rules."""

from typing import Any

import pytest

from oemupdates.domain.paths import Way, way
from oemupdates.domain.policy import OS_PAYLOAD, Group, Release
from oemupdates.domain.reason import Reason, Why
from tests.domain.plain import NEW, OLD, channel, floors, group, payload, release

FLOORS = ("3510.2.0", "3815.2.0")


def walk(version: str = OLD, oem: str = "azure", *, of: Group | None = None) -> Way:
    return way(version, oem, of or group(), {})


def on(target: Release | None, **changes: Any) -> Group:
    return group(channel(target, **changes))


@pytest.mark.parametrize(
    ("version", "steps"),
    [
        ("3033.2.0", (*FLOORS, NEW)),
        ("3510.2.0", (FLOORS[1], NEW)),
        ("3510.2.1", (FLOORS[1], NEW)),
        ("3815.2.0", (NEW,)),
        ("4459.2.4", (NEW,)),
        (NEW, ()),
        ("4628.2.0", ()),
    ],
)
def test_passes_every_floor_between(version: str, steps: tuple[str, ...]) -> None:
    found = walk(version, of=on(release(), floors=floors(*FLOORS)))
    assert found == Way(steps)
    assert not found.is_stranded


@pytest.mark.parametrize(
    ("of", "stop"),
    [
        (on(None), Reason(Why.NO_TARGET, "stable")),
        (on(release(blocked_because="bad")), Reason(Why.BLOCKED, NEW, "bad")),
        (on(release(architecture="arm64")), Reason(Why.WRONG_ARCHITECTURE, NEW, "arm64")),
        (on(release(payloads=())), Reason(Why.NOT_READY, NEW, OS_PAYLOAD)),
        (
            on(release(payloads=(payload(OS_PAYLOAD),))),
            Reason(Why.NOT_READY, NEW, "oem-azure.gz"),
        ),
        (on(release(), dead_ends={OLD: "no way"}), Reason(Why.DEAD_END, OLD, "no way")),
    ],
)
def test_is_stranded_where_the_decision_would_refuse(of: Group, stop: Reason) -> None:
    assert walk(of=of) == Way((), stop, OLD)


def test_is_stranded_on_a_version_that_is_none() -> None:
    assert walk("yesterday's").stop == Reason(Why.BAD_VERSION, "yesterday's")


def test_is_stranded_on_the_way_where_a_floor_is_a_dead_end() -> None:
    of = on(release(), floors=floors(*FLOORS), dead_ends={FLOORS[1]: "it never boots"})
    found = walk("3033.2.0", of=of)
    assert found.steps == FLOORS
    assert (found.stops_at, found.is_stranded) == (FLOORS[1], True)


def test_differs_by_oem() -> None:
    bare = release(payloads=(payload(OS_PAYLOAD),))
    assert walk(oem="", of=on(bare)) == Way((NEW,))
    assert walk(oem="azure", of=on(bare)).is_stranded


def test_allows_what_the_group_allows() -> None:
    bare = release(payloads=(payload(OS_PAYLOAD),))
    assert walk(of=group(channel(bare), needs_oem_payload=False)) == Way((NEW,))


def test_takes_no_switch_and_no_limit_for_an_obstacle() -> None:
    assert walk(of=group(updates_enabled=False, max_under_way=1)) == Way((NEW,))
