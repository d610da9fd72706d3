"""The demo's nodes: what each says next, from what the server remembers of it."""

from datetime import UTC, datetime, timedelta

import pytest

from oemupdates.domain import demo
from oemupdates.domain.demo import Fate, Member, Seen, members, says
from oemupdates.domain.node import State

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def member(fate: Fate = Fate.WELL) -> Member:
    return next(one for one in members() if one.fate is fate)


def seen(state: State, **given: object) -> Seen:
    values = {
        "version": "4459.2.0",
        "state": state,
        "target_version": "4459.2.4",
        "boot_id": "b",
        "download_failures": 0,
        "last_seen_at": NOW - timedelta(hours=6),
    } | given
    return Seen(**values)  # type: ignore[arg-type]


def test_there_is_a_member_of_every_kind() -> None:
    everybody = members()
    assert len(everybody) == demo.NODES == len({one.machine_id for one in everybody})
    assert {one.fate for one in everybody} == set(Fate)
    assert {one.place for one in everybody} == set(demo.PLACES)
    assert everybody == members()


def test_nobody_could_be_taken_for_a_real_node() -> None:
    for one in members():
        said = says(one, None, timedelta(0), NOW)
        assert said is not None
        assert said.application == demo.APPLICATION
        assert said.alias.startswith("demo-")
        assert said.track.startswith("demo-")
        assert said.machine_id.startswith("de30")
        assert len(said.machine_id) == 32


@pytest.mark.parametrize(
    ("state", "fate", "event"),
    [
        (State.OFFERED, Fate.WELL, (13, 1, 0)),
        (State.DOWNLOADING, Fate.WELL, (14, 1, 0)),
        (State.DOWNLOADING, Fate.DOWNLOAD, (3, 0, 9)),
        (State.DOWNLOADED, Fate.WELL, (3, 1, 0)),
        (State.DOWNLOADED, Fate.POSTINST, (3, 0, 5)),
        (State.UP_TO_DATE, Fate.WELL, (3, 2, 0)),
        (State.FAILED, Fate.POSTINST, (3, 2, 0)),
    ],
)
def test_an_update_goes_on_from_what_the_server_knows(
    state: State, fate: Fate, event: tuple[int, int, int]
) -> None:
    said = says(member(fate), seen(state), DAY, NOW)
    assert said is not None
    assert said.events[0][:3] == event
    assert said.asks == (event == (3, 2, 0))


def test_a_download_fails_once() -> None:
    said = says(member(Fate.DOWNLOAD), seen(State.DOWNLOADING, download_failures=1), DAY, NOW)
    assert said is not None
    assert said.events[0].type == 14


def booted(fate: Fate) -> object:
    moments = (NOW + timedelta(hours=hours) for hours in range(200))
    heard = (says(member(fate), seen(State.REBOOT_PENDING), DAY, at) for at in moments)
    return next(said for said in heard if said is not None and said.asks)


def test_a_reboot_tells_what_ran_before() -> None:
    said = booted(Fate.WELL)
    assert (said.version, said.boot_id != "b") == ("4459.2.4", True)  # type: ignore[attr-defined]
    assert said.events[0].previous_version == "4459.2.0"  # type: ignore[attr-defined]


def test_a_rollback_runs_what_it_ran() -> None:
    said = booted(Fate.ROLLBACK)
    assert (said.version, said.boot_id != "b") == ("4459.2.0", True)  # type: ignore[attr-defined]
    assert said.events[0][:3] == (3, 0, 44)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("state", "minutes", "speaks"),
    [
        (State.OFFERED, 1, False),
        (State.OFFERED, 2, True),
        (State.UP_TO_DATE, 40, False),
        (State.UP_TO_DATE, 50, True),
        (State.UP_TO_DATE, -5, False),
    ],
)
def test_nobody_speaks_before_it_is_time(state: State, minutes: int, speaks: bool) -> None:  # noqa: FBT001 - a table
    known = seen(state, last_seen_at=NOW - timedelta(minutes=minutes))
    assert (says(member(), known, DAY, NOW) is not None) is speaks


def test_the_silent_fall_silent() -> None:
    for days, speaks in ((27, True), (28, False), (40, False)):
        said = says(member(Fate.SILENT), seen(State.UP_TO_DATE), days * DAY, NOW)
        assert (said is not None) is speaks


def test_channels_move_on() -> None:
    assert demo.target("demo-stable", timedelta(0)) == "4459.2.0"
    assert demo.target("demo-stable", timedelta(days=9, seconds=-1)) == "4459.2.0"
    assert demo.target("demo-stable", timedelta(days=9)) == "4459.2.4"
    assert demo.target("demo-stable", timedelta(days=400)) == "4593.2.1"
