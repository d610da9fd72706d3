"""Measuring nodes by the configuration in memory: what check-ins, reports and the clock share."""

from datetime import datetime, timedelta
from typing import NamedTuple

from oemupdates.domain.boots import BOOTS_RETURN_WITHIN
from oemupdates.domain.drift import first_of, keep, measure
from oemupdates.domain.drift_facts import Facts, Severity, Shipped
from oemupdates.domain.drift_words import MEANINGS
from oemupdates.domain.node import Node, State
from oemupdates.domain.oem import payload_name
from oemupdates.domain.policy import Group, Release
from oemupdates.domain.report import load
from oemupdates.services.checkins.snapshot import Snapshot

# For how long it is told that a node began anew, or took payloads as it should not.
TOLD = timedelta(days=7)
# Of clones, the boots of both come back.
_RETURNS_OF_CLONES = 2
_DAY = timedelta(days=1)
_DEFAULT_FAILURES = 3
# What needs somebody, and is written down from when to when.
SERIOUS = frozenset(
    drift.value for drift, meaning in MEANINGS.items() if meaning.severity >= Severity.WARN
)


class Opened(NamedTuple):
    """Something serious that was found of a node from a moment on."""

    node_id: int
    drift: str
    basis: str
    at: datetime


class Closed(NamedTuple):
    """Something serious that is no longer so, and what ended it."""

    node_id: int
    drift: str
    at: datetime
    by: str


class Measuring:
    """What nodes are measured by at one moment."""

    def __init__(self, config: Snapshot, now: datetime) -> None:
        self.config = config
        self.now = now

    def settle(
        self, before: Node | None, node: Node, *, at: datetime, by: str = ""
    ) -> tuple[list[Opened], list[Closed]]:
        """Measure a node, keep that with it (changes `node`), and say what opened and closed.

        `by` is what moved where the node itself did not.
        """
        was = _serious(before) if before is not None else {}
        found = keep(measure(self.facts(node)))
        if first_of(found.drift) != first_of(node.drift):
            node.drift_at = at
        node.drift, node.drift_basis = found
        is_now = _serious(node)
        opened = [
            Opened(node.id, drift, basis, at)
            for drift, basis in is_now.items()
            if drift not in was
        ]
        closed = [
            Closed(node.id, drift, at, by or _cause(before, node))
            for drift in was
            if drift not in is_now
        ]
        return opened, closed

    def facts(self, node: Node) -> Facts:
        """All that a node is measured by."""
        group = self.config.groups_by_id.get(node.group_id or 0)
        application = self.config.applications.get(node.application, "")
        releases = self.config.releases_for(application, node.architecture)
        channel = group.channel if group else None
        return Facts(
            node,
            self.config.oems,
            report=load(node.reported) if node.reported else None,
            runs=_shipped(releases.get(node.version), node.oem),
            target=_shipped(channel.target if channel else None, node.oem),
            max_postinst_failures=_limit(group),
            reboot_days=self._reboot_days(node),
            is_duplicate=node.boot_returns >= _RETURNS_OF_CLONES
            and self._is_within(node.doubled_at, BOOTS_RETURN_WITHIN),
            was_reset=self._is_within(node.reset_at, TOLD),
            fetched_at_boot=self._is_within(node.boot_fetched_at, TOLD),
            took_elsewhere=self._is_within(node.fallback_at, TOLD),
            components=self._components(node, group),
        )

    def _components(self, node: Node, group: Group | None) -> tuple[tuple[str, str], ...]:
        """What a node that reported should have; nobody knows what others have."""
        if not node.reported or group is None:
            return ()
        of = {"version": node.version, "architecture": node.architecture}
        best = ((one.component, self.config.best(one, **of)) for one in group.wants)
        return tuple((component, version) for component, version in best if version)

    def _reboot_days(self, node: Node) -> float:
        if node.state != State.REBOOT_PENDING or node.state_at is None:
            return 0.0
        return (self.now - node.state_at) / _DAY

    def _is_within(self, at: datetime | None, time: timedelta) -> bool:
        return at is not None and self.now - at < time


def _shipped(release: Release | None, oem: str) -> Shipped | None:
    if release is None:
        return None
    names = frozenset(payload.name for payload in release.payloads)
    own = release.payload(payload_name(oem))
    return Shipped(release.version, names, own.own_version if own else "")


def _limit(group: Group | None) -> int:
    return group.max_postinst_failures if group else _DEFAULT_FAILURES


def _serious(node: Node) -> dict[str, str]:
    """What of a node's measurement needs somebody, with its basis."""
    first = first_of(node.drift)
    return {
        drift: node.drift_basis if drift == first else ""
        for drift in node.drift.split()
        if drift in SERIOUS
    }


def _cause(before: Node | None, node: Node) -> str:
    """What a node did that ended something."""
    if before is None or before.version == node.version:
        rebooted = before is not None and before.boot_id != node.boot_id
        return "a reboot" if rebooted else "a check-in"
    return f"the way to {node.version}"
