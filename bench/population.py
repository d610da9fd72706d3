"""A fleet as it might be after two years: nodes, and what is remembered of each."""

import random
from bisect import bisect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate

from bench.nodes import boot_id, machine_id
from bench.rows import Cell
from oemupdates.domain.checkin import DERIVED, NO_BASIS, OBSERVED, REPORTED
from oemupdates.domain.event import Meaning
from oemupdates.domain.node import UNDER_WAY, State
from oemupdates.domain.reason import Reason, Why
from oemupdates.models import FLATCAR
from oemupdates.services.checkins.kept import dump_reasons

# From the oldest to the newest, which most groups have as their target.
VERSIONS = (
    "3510.2.8", "3602.2.3", "3760.2.0", "3815.2.5", "3975.2.2", "4081.2.1", "4081.3.6",
    "4152.2.3", "4230.2.1", "4230.2.4", "4459.2.1", "4459.2.4", "4593.2.0", "4593.2.1",
)  # fmt: skip
TARGET = VERSIONS[-1]
_VERSION_WEIGHTS = (1, 1, 1, 2, 2, 3, 4, 5, 10, 20, 40, 80, 120, 711)
OEMS = (
    ("azure", "2.9.1.1-r4"), ("ami", "3.2.985.0-r1"), ("vmware", "12.3.0-r2"), ("qemu", ""),
    ("openstack", ""), ("gce", "20180823-r8"), ("hetzner", ""), ("", ""),
)  # fmt: skip
REGIONS = ("eu-north", "eu-west", "us-east", "us-west", "ap-south")
RACKS = 400
NODE = (
    "id", "machine_id", "application", "group_id", "track", "version", "architecture", "oem",
    "oem_version", "oem_build", "oem_basis", "birth_version", "aleph_version", "alias", "name",
    "boot_id", "updater", "address", "is_pxe", "is_dark", "is_archived", "state",
    "target_version", "offered_at", "applied_boot_id", "rolled_back_version",
    "download_failures", "postinst_failures", "last_error_code", "last_event", "answer",
    "reasons", "is_held", "held_because", "held_by", "held_until", "moved_to_id",
    "moved_because", "moved_by", "moved_until", "first_seen_at", "last_seen_at",
    "check_in_count",
)  # fmt: skip
INTERVAL = (
    "node_id", "version", "oem", "oem_version", "oem_build", "oem_basis", "started_at",
    "ended_at",
)  # fmt: skip
EVENT = (
    "node_id", "at", "meaning", "type", "result", "code", "flags", "version",
    "previous_version", "target_version", "boot_id",
)  # fmt: skip
ANSWER = ("node_id", "at", "answer", "reasons", "said")
LABELLED = ("node_id", "label_id", "key")
_MOMENTS = 4096
_UPDATED = (
    (Meaning.DOWNLOAD_STARTED, 13, 1, 50),
    (Meaning.DOWNLOAD_FINISHED, 14, 1, 20),
    (Meaning.APPLIED, 3, 1, 15),
    (Meaning.UPDATED, 3, 2, 5),
)


@dataclass(frozen=True, slots=True)
class Home:
    """A group that nodes live in, with what asks for it."""

    key: int
    track: str
    architecture: str


@dataclass(slots=True)
class Lives:
    """The rows of some nodes, by table."""

    nodes: list[tuple[Cell, ...]]
    intervals: list[tuple[Cell, ...]]
    events: list[tuple[Cell, ...]]
    answers: list[tuple[Cell, ...]]
    labels: list[tuple[Cell, ...]]


def _draw(rng: random.Random, weights: tuple[int, ...]) -> Callable[[], int]:
    """A draw of an index by weight; `rng.choices` costs five times as much."""
    sums = list(accumulate(weights))
    return lambda: bisect(sums, rng.random() * sums[-1])


_STATES_ON_TARGET = (State.UP_TO_DATE, State.NEW, State.UP_TO_DATE)
_STATES_BEHIND = (
    State.WAITING, State.OFFERED, State.DOWNLOADING, State.DOWNLOADED, State.REBOOT_PENDING,
    State.DEFERRED, State.FAILED, State.ROLLED_BACK, State.NEW,
)  # fmt: skip
_BEHIND_WEIGHTS = (800, 20, 20, 10, 60, 20, 40, 20, 10)


class Population:
    """Makes nodes by number: the same ones each time, in a shape that real fleets have.

    A few groups hold most of them. A group is a site: nearly all of its nodes have one OEM, and
    are set up alike. Seven of ten run the target, and little of everything else is there too.
    """

    def __init__(
        self, homes: list[Home], labels: dict[str, int], said: str, now: datetime
    ) -> None:
        rng = self._rng = random.Random(20_261_124)
        self._homes, self._labels, self._said = homes, labels, said
        self._home = _draw(rng, tuple(1_000_000 // (number + 2) for number in range(len(homes))))
        self._version = _draw(rng, _VERSION_WEIGHTS)
        self._behind = _draw(rng, _BEHIND_WEIGHTS)
        self._oem = _draw(rng, (92, 8))
        # Times as both databases read them; a formatted time costs more than a row.
        self._recent = [
            _time(now - timedelta(seconds=number * 2700 / _MOMENTS)) for number in range(_MOMENTS)
        ]
        self._past = [
            _time(now - timedelta(days=1 + number * 89 / _MOMENTS)) for number in range(_MOMENTS)
        ]
        self._old = [
            _time(now - timedelta(days=91 + number * 640 / _MOMENTS)) for number in range(_MOMENTS)
        ]
        self._later = _time(now + timedelta(days=20))
        self._reasons = {
            why: dump_reasons((Reason(why, TARGET, detail),))
            for why, detail in (
                (Why.UP_TO_DATE, ""),
                (Why.LIMIT, "50"),
                (Why.TARGET, ""),
                (Why.UNKNOWN_TRACK, ""),
            )
        }

    def chunks(self, first: int, last: int, size: int) -> Iterator[Lives]:
        """The nodes of these numbers, some at a time."""
        for start in range(first, last + 1, size):
            lives = Lives([], [], [], [], [])
            for number in range(start, min(start + size, last + 1)):
                self._live(number, lives)
            yield lives

    def _live(self, number: int, lives: Lives) -> None:
        rng = self._rng
        # Those that no group is for come from a few places.
        home = self._homes[spot := self._home()] if number % 199 else None
        spot = spot if home else number % 4
        # A site in seven has old machines; the others are at most three versions behind.
        version = VERSIONS[max(self._version(), 0 if spot % 7 == 0 else len(VERSIONS) - 4)]
        ran = (version, *self._sysext(spot, version, number))
        state, answer, why = self._stand(version, home, number)
        machine, when = machine_id(str(number)), int(rng.random() * _MOMENTS)
        reasons, is_dark = self._reasons[why], number % 53 == 0
        lives.nodes.append(
            self._node(number, home, machine, ran, state)
            + self._progress(number, version, state, answer, reasons, when)
            + self._operated(number, spot)
            + (
                self._old[when],
                self._past[when // 8] if is_dark else self._recent[when],
                number % 20_000,
            )
        )
        lives.intervals.append((number, *ran, self._past[when], None))
        before = VERSIONS[max(VERSIONS.index(version) - 1 - number % 3, 0)]
        lives.intervals.append((number, before, *ran[1:], self._old[when], self._past[when]))
        said = self._said if number % 4 == 0 else ""
        lives.answers.append((number, self._past[when], answer, reasons, said))
        if number % 4 == 0:
            self._events(number, machine, before, version, when, lives)
        self._label(number, lives)

    def _sysext(self, spot: int, version: str, number: int) -> tuple[str, str, str, str]:
        """The OEM, the version and build of its sysext, and how that is known."""
        oem, build = OEMS[(spot + self._oem() * 3) % len(OEMS)]
        if not oem:
            return "", "", "", NO_BASIS
        if spot % 10 < 6:  # noqa: PLR2004 - at six sites of ten all nodes are stock ones
            return oem, "", build, REPORTED
        basis = OBSERVED if spot % 10 < 9 else DERIVED  # noqa: PLR2004 - nearly all are seen
        if number % 97 == 0:
            return oem, "", "", basis
        return oem, VERSIONS[-3] if number % 41 == 0 else version, build, basis

    def _stand(self, version: str, home: Home | None, number: int) -> tuple[State, str, Why]:
        if home is None:
            return State.UNASSIGNED, "refuse", Why.UNKNOWN_TRACK
        if version == TARGET:
            return _STATES_ON_TARGET[number % 90 == 1], "nothing", Why.UP_TO_DATE
        state = _STATES_BEHIND[self._behind()]
        if state in UNDER_WAY:
            return state, f"offer {TARGET}", Why.TARGET
        return state, "nothing", Why.LIMIT

    def _node(
        self, number: int, home: Home | None, machine: str, ran: tuple[str, ...], state: State
    ) -> tuple[Cell, ...]:
        address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        if number % 20 == 0:
            address = f"2001:db8:{number >> 16:x}::{number & 65535:x}"
        version, oem, oem_version, build, basis = ran
        return (
            number, machine, str(FLATCAR), home.key if home else None,
            home.track if home else "no-such-track", version,
            home.architecture if home else "amd64", oem, oem_version, build, basis, build,
            VERSIONS[number % 9], f"node-{number}.{REGIONS[number % 5]}.example.net",
            f"web-{number}" if number % 20 == 0 else "", boot_id(machine),
            "update_engine 0.4.10", address, int(number % 501 == 0), int(number % 53 == 0),
            int(number % 101 == 0), state,
        )  # fmt: skip

    def _progress(
        self, number: int, version: str, state: State, answer: str, reasons: str, when: int
    ) -> tuple[Cell, ...]:
        moves, failed = state in UNDER_WAY, state is State.FAILED
        return (
            TARGET if moves or failed else "",
            self._recent[when] if moves else None,
            boot_id(machine_id(f"b{number}")) if state is State.REBOOT_PENDING else "",
            TARGET if state is State.ROLLED_BACK else "",
            number % 4 if failed else 0,
            number % 3 if failed else 0,
            9 if failed else 0,
            "failed" if failed else "routine",
            answer,
            reasons,
        )

    def _operated(self, number: int, spot: int) -> tuple[Cell, ...]:
        held: tuple[Cell, ...] = (0, "", "", None)
        if number % 211 == 0:
            held = (1, f"Waits for the disks of rack {number % 40}", "ann", self._later)
        moved: tuple[Cell, ...] = (None, "", "", None)
        if number % 499 == 0:
            moved = (self._homes[spot].key, "Canary for a week", "bob", self._later)
        return held + moved

    def _events(
        self, number: int, machine: str, before: str, version: str, when: int, lives: Lives
    ) -> None:
        boot = boot_id(machine)
        for meaning, kind, result, later in _UPDATED[: 1 + number // 4 % 4]:
            at = self._past[min(when + later, _MOMENTS - 1)]
            lives.events.append(
                (number, at, meaning, kind, result, 0, "", before, before, version, boot)
            )

    def _label(self, number: int, lives: Lives) -> None:
        if number % 5 < 3:  # noqa: PLR2004 - three of five have a region
            region = f"region={REGIONS[number // 5 % 5]}"
            lives.labels.append((number, self._labels[region], "region"))
        if number % 3 == 0:
            rack = f"rack={number // 3 % RACKS}"
            lives.labels.append((number, self._labels[rack], "rack"))
        if number % 97 == 0:
            lives.labels.append((number, self._labels["canary="], "canary"))


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S.%f}"
