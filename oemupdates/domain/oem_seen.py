"""What releases show of OEMs that the catalogue does not say: proposals for whoever corrects it.

A payload that is there proves that an OEM was built. One that is not there proves little, as a
release may be here with some of its payloads alone: only where most others are, it counts.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from oemupdates.domain.oem import Catalogue, Oem
from oemupdates.domain.version import parse

_ALPHA = 0


class Carried(NamedTuple):
    """A release that is here, and the ids of the OEMs whose payloads it has."""

    version: str
    architecture: str
    oems: frozenset[str]


@dataclass(frozen=True, slots=True)
class Seen:
    """In which releases an OEM's payload was seen: the first, the last, and for which machines."""

    first: str
    last: str
    architectures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the catalogue should say of an OEM, by field; new if it does not know it."""

    oem: str
    seen: Seen
    changes: Mapping[str, str]
    is_new: bool


def seen(releases: Iterable[Carried]) -> dict[str, Seen]:
    """Where each OEM's payload was seen."""
    found: dict[str, list[Carried]] = {}
    for release in releases:
        for oem in release.oems:
            found.setdefault(oem, []).append(release)
    return {oem: _seen(among) for oem, among in sorted(found.items())}


def _seen(among: list[Carried]) -> Seen:
    versions = sorted((one.version for one in among), key=parse)
    machines = tuple(sorted({one.architecture for one in among}))
    return Seen(versions[0], versions[-1], machines)


def propose(known: Catalogue, releases: Iterable[Carried]) -> list[Proposal]:
    """What releases show that the catalogue does not say."""
    every = list(releases)
    found = []
    for oem, where in seen(every).items():
        row = known.oems.get(oem)
        carrying = [one for one in every if oem in one.oems]
        if row is None:
            changes = {
                "architectures": " ".join(where.architectures),
                "alpha_since": where.first,
            }
        else:
            changes = _missing(row, where, carrying) | _dropped(row, where, every, known)
        if changes:
            found.append(Proposal(oem, where, changes, row is None))
    return found


def _missing(row: Oem, where: Seen, carrying: list[Carried]) -> dict[str, str]:
    """Since when and for which machines it was built, where the catalogue knows less."""
    changes = {}
    machines = row.architectures | set(where.architectures)
    if machines != row.architectures:
        changes["architectures"] = " ".join(sorted(machines))
    if not row.alpha_since:
        return changes | {"alpha_since": where.first}
    versions = sorted((one.version for one in carrying), key=parse)
    if any(row.is_dropped_in(parse(version)) for version in versions):
        changes["dropped_in"] = ""
    early = [version for version in versions if not _is_expected(row, version)]
    alphas = [version for version in early if parse(version).minor == _ALPHA]
    others = [version for version in early if parse(version).minor != _ALPHA]
    if alphas:
        changes["alpha_since"] = alphas[0]
    if others:
        changes["stable_since"] = others[0]
    return changes


def _is_expected(row: Oem, version: str) -> bool:
    parsed = parse(version)
    return row.shipped_in(parsed) or row.is_dropped_in(parsed)


def _dropped(row: Oem, where: Seen, every: list[Carried], known: Catalogue) -> dict[str, str]:
    """The first release without it behind the last with it, where most other OEMs are."""
    if row.dropped_in:
        return {}
    last = parse(where.last)
    for one in sorted(every, key=lambda one: parse(one.version)):
        version = parse(one.version)
        is_due = one.architecture in row.architectures and row.shipped_in(version)
        if version > last and is_due and _has_most(one, known):
            return {"dropped_in": one.version}
    return {}


def _has_most(release: Carried, known: Catalogue) -> bool:
    due = [
        oem
        for oem in known.oems
        if known.is_shipped(oem, version=release.version, architecture=release.architecture)
    ]
    return 2 * sum(oem in release.oems for oem in due) > len(due)
