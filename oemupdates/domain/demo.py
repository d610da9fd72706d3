"""A fleet to try things out on: who is in it, and what each of its nodes says next.

Its nodes name an application of their own: no real node ever does, and so what is registered for
the demo is offered to nobody else, and everything of it can be told from everything else.
"""

import hashlib
from datetime import datetime, timedelta
from enum import StrEnum
from random import Random
from typing import NamedTuple

from oemupdates.domain.checkin import CheckIn
from oemupdates.domain.event import (
    COMPLETE,
    DOWNLOAD_FINISHED,
    DOWNLOAD_STARTED,
    ERROR,
    POSTINST,
    ROLLBACK,
    SUCCESS,
    SUCCESS_REBOOT,
    Event,
)
from oemupdates.domain.node import State

APPLICATION = "de30f1ee-0000-4000-8000-000000000001"
NAME = "Demo fleet"
NODES = 120
# The past that the fleet comes with: a step each six hours, and in each the rounds of an update.
PAST, STEP = timedelta(days=30), timedelta(hours=6)
STEPS = PAST // STEP
ROUNDS = (timedelta(0), timedelta(minutes=2), timedelta(minutes=12), timedelta(minutes=20))
# From which day of the past on channels aim at a version, oldest first.
TARGETS = {
    "demo-stable": ((0, "4459.2.0"), (9, "4459.2.4"), (22, "4593.2.1")),
    "demo-alpha": ((0, "4722.0.0"), (14, "4757.0.0"), (29, "4790.0.0")),
}
_ARRIVAL_VERSIONS = {
    "demo-stable": ("4459.2.0", "4459.2.0", "4230.2.4"),
    "demo-alpha": ("4722.0.0",),
}
_SILENT_SINCE = timedelta(days=28)
_TRANSFER = 9
_UPDATER = "update_engine-0.4.10"
_POLL = timedelta(minutes=45)
_UPDATING = {State.OFFERED, State.DOWNLOADING, State.DOWNLOADED}
_ROUTINE = Event(COMPLETE, SUCCESS_REBOOT)


class Place(NamedTuple):
    """A group of the demo: its channel, how many nodes it lets in at once, and its share."""

    group: str
    architecture: str
    channel: str
    limit: int | None
    share: int


PLACES = (
    Place("demo-stable", "amd64", "demo-stable", 8, 42),
    Place("demo-stable", "arm64", "demo-stable", 4, 13),
    Place("demo-berlin", "amd64", "demo-stable", 3, 25),
    Place("demo-alpha", "amd64", "demo-alpha", None, 20),
)
# OEMs with the birth version that their disk images carry, and how many of a hundred nodes.
_OEMS = {
    "azure": ("2.9.1.1-r4", 28),
    "ami": ("3.2.985.0-r1", 24),
    "openstack": ("0", 16),
    "hetzner": ("0", 14),
    "": ("", 18),
}


class Fate(StrEnum):
    """What becomes of a node's updates."""

    WELL = "well"
    SLOW = "slow"  # it reboots days after its update
    DOWNLOAD = "download"  # its first download fails
    POSTINST = "postinst"  # its post-install always fails
    ROLLBACK = "rollback"  # what it boots falls back to what it ran
    SILENT = "silent"  # it is not heard any more


_FATES = {
    Fate.WELL: 78,
    Fate.SLOW: 10,
    Fate.DOWNLOAD: 4,
    Fate.POSTINST: 3,
    Fate.ROLLBACK: 2,
    Fate.SILENT: 3,
}


class Member(NamedTuple):
    """A node of the demo, as it was when it was first heard."""

    machine_id: str
    alias: str
    place: Place
    version: str
    oem: str
    birth_version: str
    has_beacon: bool
    address: str
    fate: Fate


class Seen(NamedTuple):
    """What the server remembers of a node."""

    version: str
    state: str
    target_version: str
    boot_id: str
    download_failures: int
    last_seen_at: datetime


def members() -> list[Member]:
    """The nodes of the demo: the same ones each time."""
    rng = Random(NAME)  # noqa: S311 - a fleet that can be had again needs no secrets
    return [_member(number, rng) for number in range(NODES)]


def _member(number: int, rng: Random) -> Member:
    place = rng.choices(PLACES, [place.share for place in PLACES])[0]
    oem = rng.choices(tuple(_OEMS), [share for _, share in _OEMS.values()])[0]
    return Member(
        machine_id=f"de30{rng.getrandbits(112):028x}",
        alias=f"demo-{oem or 'metal'}-{number:03d}",
        place=place,
        version=rng.choice(_ARRIVAL_VERSIONS[place.channel]),
        oem=oem,
        birth_version=_OEMS[oem][0],
        has_beacon=rng.random() < 0.4,  # noqa: PLR2004 - two of five
        address=f"198.51.100.{number + 1}",
        fate=rng.choices(tuple(_FATES), tuple(_FATES.values()))[0],
    )


def target(channel: str, age: timedelta) -> str:
    """The version that a channel aims at so long after the past began."""
    return [version for day, version in TARGETS[channel] if timedelta(days=day) <= age][-1]


def says(member: Member, seen: Seen | None, age: timedelta, at: datetime) -> CheckIn | None:
    """What a node says so long after the past began; None while it has nothing to say.

    It goes on from what the server remembers, so whoever asks twice for one moment hears the same.
    """
    if seen is None:
        return _asks(member, member.version, _boot_id(member, ""), _ROUTINE)
    if member.fate is Fate.SILENT and age >= _SILENT_SINCE:
        return None
    quiet = at - seen.last_seen_at
    if seen.state in _UPDATING:
        least = ROUNDS[1]
    else:
        # Clients spread their polls, and so do these.
        least = _POLL * (90 + _luck(member, seen.boot_id) // 5) / 100
    if quiet < least:
        return None
    return _acts(member, seen, at)


def _acts(member: Member, seen: Seen, at: datetime) -> CheckIn:
    match seen.state:
        case State.OFFERED:
            return _tells(member, seen, Event(DOWNLOAD_STARTED, SUCCESS))
        case State.DOWNLOADING if member.fate is Fate.DOWNLOAD and not seen.download_failures:
            return _tells(member, seen, Event(COMPLETE, ERROR, _TRANSFER))
        case State.DOWNLOADING:
            return _tells(member, seen, Event(DOWNLOAD_FINISHED, SUCCESS))
        case State.DOWNLOADED if member.fate is Fate.POSTINST:
            return _tells(member, seen, Event(COMPLETE, ERROR, POSTINST))
        case State.DOWNLOADED:
            return _tells(member, seen, Event(COMPLETE, SUCCESS))
        case State.REBOOT_PENDING if _reboots(member, at):
            return _reboot(member, seen)
        case State.REBOOT_PENDING:
            said = _asks(member, seen.version, seen.boot_id, _ROUTINE)
            return said._replace(asks=False, events=())
    return _asks(member, seen.version, seen.boot_id, _ROUTINE)


def _reboots(member: Member, at: datetime) -> bool:
    likely = 6 if member.fate is Fate.SLOW else 60
    return _luck(member, f"{at:%Y-%m-%d %H}") < likely


def _reboot(member: Member, seen: Seen) -> CheckIn:
    boot_id = _boot_id(member, seen.boot_id)
    if member.fate is Fate.ROLLBACK:
        return _asks(member, seen.version, boot_id, Event(COMPLETE, ERROR, ROLLBACK))
    news = Event(COMPLETE, SUCCESS_REBOOT, previous_version=seen.version)
    return _asks(member, seen.target_version, boot_id, news)


def _tells(member: Member, seen: Seen, event: Event) -> CheckIn:
    said = _asks(member, seen.version, seen.boot_id, event)
    return said._replace(asks=False, pings=False)


def _asks(member: Member, version: str, boot_id: str, event: Event) -> CheckIn:
    beacon = f"sysext/{version}/-" if member.has_beacon and member.oem else ""
    return CheckIn(
        machine_id=member.machine_id,
        application=APPLICATION,
        version=version,
        track=member.place.group,
        architecture=member.place.architecture,
        boot_id=boot_id,
        oem=member.oem,
        oem_version=beacon or member.birth_version,
        aleph_version=member.version,
        alias=member.alias,
        updater=_UPDATER,
        asks=True,
        pings=True,
        events=(event,),
        address=member.address,
    )


def _boot_id(member: Member, before: str) -> str:
    digest = _digest(member, f"boot after {before}")
    return f"{digest[:8]}-{digest[8:12]}-4000-8000-{digest[12:24]}"


def _luck(member: Member, of: str) -> int:
    """A number from 0 to 99: the same for the same node and matter."""
    return int(_digest(member, of)[:8], 16) % 100


def _digest(member: Member, of: str) -> str:
    return hashlib.sha256(f"{member.machine_id} {of}".encode()).hexdigest()
