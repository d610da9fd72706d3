"""Who lives in a simulated fleet: the same nodes for the same seed."""

import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from oemupdates.domain.policy import MIN_POLL_SECONDS
from oemupdates.domain.shipped import SHIPPED
from oemupdates.management.simulation.habits import FIRST_CHECK, Chances, Habits
from oemupdates.management.simulation.others import PxeNode, Syncer
from oemupdates.management.simulation.request import Facts
from oemupdates.management.simulation.step import Node
from oemupdates.management.simulation.stock import StockNode

NO_VERSION = "0.0.0"
# OEMs with the birth version that their disk images carry, and how many of a hundred nodes.
OEMS = {
    "azure": ("2.9.1.1-r4", 20),
    "ami": ("3.2.985.0-r1", 17),
    "vmware": ("12.3.0-r2", 16),
    "none": ("", 11),
    "openstack": ("0", 9),
    "qemu": ("0", 8),
    "gce": ("20180823-r8", 7),
    "hetzner": ("0", 7),
    "packet": ("0", 5),
}
# What nodes of a track run, each as likely as often as it stands here.
VERSIONS = {
    "stable": ("4593.2.1", "4593.2.1", "4459.2.4", "4459.2.4", "4081.3.6", "3815.2.0"),
    "berlin": ("4459.2.4", "4459.2.4", "4081.3.6"),
    "alpha": ("4757.0.0", "4722.0.0"),
    "beta": ("4628.1.0", "4547.1.1"),
    "lts": ("4081.3.6", "3510.3.2"),
}
TRACKS = {"stable": 62, "berlin": 20, "alpha": 8, "beta": 6, "lts": 4}
ARM64_OF_A_HUNDRED = 20
NEW_OF_A_HUNDRED = 10
# The beacon's builds by OS version; every other image carries no version of its own.
BUILDS = {"4593.2.1": "2.12.0.4-r2", "4757.0.0": "2.13.0.0-r1"}
# Version and boot id by machine id.
Memory = dict[str, tuple[str, str]]
UNKNOWN_TRACKS = ("canary-eu", "old-datacenter", "Stable")


@dataclass(frozen=True, slots=True)
class Shares:
    """How many of a hundred nodes are special; at least one each once there are twenty."""

    pxe: float = 2
    syncer: float = 0.5
    odd_alias: float = 0.5
    unknown_track: float = 2
    beacon: float = 12

    def kinds(self, nodes: int) -> Counter[str]:
        """How many of that many nodes are of each kind; the rest are stock."""
        enough = 20
        kinds: Counter[str] = Counter()
        for kind in ("pxe", "syncer", "odd_alias", "unknown_track", "beacon"):
            exact = nodes * getattr(self, kind) / 100
            kinds[kind] = math.ceil(exact) if nodes >= enough else int(exact)
        kinds["stock"] = nodes - kinds.total()
        return kinds


def settle(
    nodes: int,
    *,
    seed: int = 0,
    shares: Shares | None = None,
    chances: Chances | None = None,
    tracks: Sequence[str] = (),
    known: Memory | None = None,
) -> tuple[list[Node], Counter[str]]:
    """Make a fleet and the score that its stock nodes keep together.

    `tracks` replaces the usual ones; `known` lets nodes be what they were when a run ended.
    """
    rng = Random(seed)  # noqa: S311 - a fleet that can be had again needs no secrets
    score: Counter[str] = Counter()
    kinds = list((shares or Shares()).kinds(nodes).elements())
    rng.shuffle(kinds)
    settler = _Settler(rng, score, chances or Chances(), tuple(tracks), known or {})
    return [settler.make(kind) for kind in kinds], score


@dataclass(frozen=True, slots=True)
class _Settler:
    rng: Random
    score: Counter[str]
    chances: Chances
    tracks: tuple[str, ...]
    known: Memory

    def make(self, kind: str) -> Node:
        facts = self._facts()
        own = Random(self.rng.getrandbits(64))  # noqa: S311 - see settle()
        if kind == "pxe":
            return self._pxe(facts, own)
        if kind == "syncer":
            facts.version, facts.track = NO_VERSION, own.choice(("stable", "alpha"))
            return Syncer(facts, own)
        if kind == "odd_alias":
            facts.alias = f'rack "{own.randint(1, 99)}"'
        if kind == "unknown_track":
            facts.track = own.choice(UNKNOWN_TRACKS)
        is_new = own.random() * 100 < NEW_OF_A_HUNDRED
        if is_new:
            facts.aleph_version = facts.version
        if facts.machine_id in self.known:
            facts.version, facts.boot_id = self.known[facts.machine_id]
            is_new = False
        return StockNode(
            facts, own, habits=self._habits(kind, own, is_new=is_new), score=self.score
        )

    def _pxe(self, facts: Facts, own: Random) -> PxeNode:
        facts.oem, facts.track, facts.version = "diskless", "alpha", VERSIONS["alpha"][0]
        return PxeNode(facts, own, first_wait=(0, MIN_POLL_SECONDS))

    def _habits(self, kind: str, own: Random, *, is_new: bool) -> Habits:
        return Habits(
            chances=self.chances,
            first_wait=FIRST_CHECK if is_new else (0, MIN_POLL_SECONDS),
            oem_builds=BUILDS if kind == "beacon" else None,
            goes_dark_after=own.randint(1, 12) if own.random() < self.chances.dark else None,
            is_new=is_new,
        )

    def _facts(self) -> Facts:
        rng = self.rng
        track = self._track()
        versions = VERSIONS.get(track, VERSIONS["stable"])
        version = rng.choice(versions)
        oem = rng.choices(tuple(OEMS), tuple(share for _, share in OEMS.values()))[0]
        is_arm64 = _has_arm64(oem) and rng.random() * 100 < ARM64_OF_A_HUNDRED
        machine_id = f"{rng.getrandbits(128):032x}"
        return Facts(
            machine_id=machine_id,
            version=version,
            track=track,
            boot_id=f"{machine_id[:8]}-{machine_id[8:12]}-4000-8000-{rng.getrandbits(48):012x}",
            oem="" if oem == "none" else oem,
            oem_version=OEMS[oem][0],
            # Installed with what it runs, or with the oldest version of its track.
            aleph_version=rng.choice((version, version, versions[-1])),
            alias=_alias(track, oem, rng),
            board="arm64-usr" if is_arm64 else "amd64-usr",
            machine="aarch64" if is_arm64 else "x86_64",
        )

    def _track(self) -> str:
        if self.tracks:
            return self.rng.choice(self.tracks)
        return self.rng.choices(tuple(TRACKS), tuple(TRACKS.values()))[0]


def _has_arm64(oem: str) -> bool:
    known = SHIPPED.oems.get(oem)
    return known is None or "arm64" in known.architectures


def _alias(track: str, oem: str, rng: Random) -> str:
    place = rng.choice(("", "muc", "fra", "köln", "edge"))
    return f"{place}-{oem}-{track}-{rng.randint(1, 9999):04d}" if place else ""


def remember(nodes: Iterable[Node], path: Path) -> None:
    """Write what the stock nodes run and last booted, for a later run to carry on from."""
    known = {
        node.facts.machine_id: (node.facts.version, node.facts.boot_id)
        for node in nodes
        if isinstance(node, StockNode)
    }
    path.write_text(json.dumps(known))


def recall(path: Path) -> Memory:
    """What an earlier run remembered; nothing if there was none."""
    return json.loads(path.read_text()) if path.exists() else {}
