"""The nodes of a benchmark by number, and the requests they send."""

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from oemupdates.management.simulation import request
from oemupdates.management.simulation.request import Facts

ADDRESS = "127.0.0.1"
TRACK = "bench"
TARGET, BEHIND = "4593.2.1", "4459.2.4"
# How many nodes the limit of `Mode.LIMIT` lets in: the first ones by number.
PLACES = 50
_OEMS = {
    "azure": "2.9.1.1-r4",
    "ami": "3.2.985.0-r1",
    "vmware": "12.3.0-r2",
    "openstack": "0",
    "qemu": "0",
    "gce": "20180823-r8",
    "hetzner": "0",
    "": "",
}
_ALEPHS = ("4593.2.1", "4459.2.4", "4081.3.6")
KINDS = tuple((oem, version, aleph) for oem, version in _OEMS.items() for aleph in _ALEPHS)


class Mode(StrEnum):
    """What the fleet asks: nothing new for it, or an update that a limit holds back."""

    ROUTINE = "routine"
    LIMIT = "limit"


class Sort(StrEnum):
    """What one request of the load is."""

    ROUTINE = "routine"
    EVENT = "event"
    NEW = "new"


def machine_id(name: str) -> str:
    """A machine id that looks random, and is the same every time."""
    return hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()


def boot_id(machine: str) -> str:
    """The boot id of a machine, made of the same digits."""
    return f"{machine[:8]}-{machine[8:12]}-{machine[12:16]}-{machine[16:20]}-{machine[20:]}"


def new_name(run: str, number: int) -> str:
    """The name of the new node that the request of this number of a run brings."""
    return f"{run}-{number}"


def facts(number: int, mode: Mode, *, name: str = "") -> Facts:
    """The node of that number; `name` makes it another machine of the same kind."""
    oem, oem_version, aleph = KINDS[number % len(KINDS)]
    machine = machine_id(name or str(number))
    return Facts(
        machine_id=machine,
        version=TARGET if mode is Mode.ROUTINE else BEHIND,
        track=TRACK,
        boot_id=boot_id(machine),
        oem=oem,
        oem_version=oem_version,
        aleph_version=aleph,
        alias=f"node-{name or number}",
    )


def routine(number: int, mode: Mode) -> bytes:
    """What a known node sends every 45 minutes."""
    return request.stock(facts(number, mode), request.PING, request.UPDATE_CHECK, request.ROUTINE)


# A node that updates tells events, and asks for nothing until it is done: one of so many does.
UPDATING_ONE_OF = 32
_EVENTS = {
    Mode.ROUTINE: (
        request.event(13, 1),
        request.event(14, 1),
        request.event(3, 1),
        request.failure(9),
    ),
    # Only nodes that hold a place tell events, and they keep it.
    Mode.LIMIT: (request.event(13, 1), request.event(14, 1)),
}


@dataclass(frozen=True, slots=True)
class Deck:
    """Whole HTTP requests in the order they are sent; `known` is which node a routine one is."""

    requests: list[bytes]
    sorts: list[Sort]
    known: list[int]


@dataclass(frozen=True, slots=True)
class Mix:
    """Shares of events and of nodes never seen before; the rest is routine."""

    events: float = 0.03
    new: float = 0.02


def shuffle(url: str, nodes: int, mode: Mode, *, size: int, run: str, mix: Mix) -> Deck:
    """Make the requests of one run; `run` makes its new nodes other ones than another run's."""
    rng = random.Random(run)
    deck = Deck([], [], [])
    head = _head(url)
    for number, sort in enumerate(_sorts(size, mix, rng)):
        known = -1
        if sort is Sort.NEW:
            new = facts(number, mode, name=new_name(run, number))
            body = request.stock(new, request.PING, request.UPDATE_CHECK, request.FIRST_BOOT)
        elif sort is Sort.EVENT:
            teller = rng.choice(_updating(nodes, mode))
            body = request.stock(facts(teller, mode), rng.choice(_EVENTS[mode]))
        else:
            idle = nodes - len(_updating(nodes, mode)) if mode is Mode.ROUTINE else nodes
            known = rng.randrange(max(idle, 1))
            body = routine(known, mode)
        deck.requests.append(f"{head}{len(body)}\r\n\r\n".encode() + body)
        deck.sorts.append(sort)
        deck.known.append(known)
    return deck


def _updating(nodes: int, mode: Mode) -> range:
    """The numbers of the nodes that tell events: the last ones, or those that hold a place."""
    if mode is Mode.LIMIT:
        return range(min(PLACES, nodes))
    return range(nodes - max(nodes // UPDATING_ONE_OF, 1), nodes)


def _sorts(size: int, mix: Mix, rng: random.Random) -> Iterator[Sort]:
    """Each sort exactly as often as its share, in random order."""
    sorts = [Sort.EVENT] * round(size * mix.events) + [Sort.NEW] * round(size * mix.new)
    sorts += [Sort.ROUTINE] * (size - len(sorts))
    rng.shuffle(sorts)
    yield from sorts


def _head(url: str) -> str:
    parts = urlsplit(url)
    return (
        f"POST {parts.path or '/'} HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept: */*\r\n"
        "Content-Type: text/xml\r\nContent-Length: "
    )
