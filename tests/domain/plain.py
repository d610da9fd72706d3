"""The plainest check-ins, nodes and policies, changed as asked."""

from datetime import UTC, datetime, timedelta
from typing import Any

from oemupdates.domain.checkin import CheckIn
from oemupdates.domain.event import Event
from oemupdates.domain.node import Node
from oemupdates.domain.policy import OS_PAYLOAD, Channel, Floor, Group, Payload, Release
from oemupdates.domain.version import parse

NOW = datetime(2026, 9, 1, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=45)
OS = "e96281a6-d1af-4bde-9a0a-97b76e56dc57"
MACHINE = "0f3c9a7d1e5b4a2f8c6d7e8f90a1b2c3"
OLD, NEW = "4459.2.4", "4593.2.1"
BOOT, NEXT_BOOT = "{boot-1}", "{boot-2}"
CUSTOM = 268435456

ROUTINE = Event(3, 2)
FIRST = Event(3, 2, previous_version="0.0.0.0")  # noqa: S104 - a version that stands for none
UPDATED = Event(3, 2, previous_version=OLD)
STARTED, FINISHED, APPLIED = Event(13, 1), Event(14, 1), Event(3, 1)
DOWNLOAD_FAILED, POSTINST_FAILED = Event(3, 0, CUSTOM + 9), Event(3, 0, CUSTOM + 5)
DEFERRED = Event(3, 9, CUSTOM + 40)
ROLLED_BACK = Event(3, 0, 44)


def check(*events: Event, **changes: Any) -> CheckIn:
    """An update check of a stock node, which always carries an event."""
    return say(*(events or (ROUTINE,)), asks=True, pings=True, **changes)


def ping(**changes: Any) -> CheckIn:
    """What a node says that waits for its reboot."""
    return say(pings=True, **changes)


def say(*events: Event, **changes: Any) -> CheckIn:
    """A message that asks for nothing: its events alone."""
    values: dict[str, Any] = {
        "machine_id": MACHINE,
        "application": OS,
        "version": OLD,
        "track": "stable",
        "architecture": "amd64",
        "boot_id": BOOT,
        "oem": "azure",
        "oem_version": "2.9.1.1-r4",
        "aleph_version": OLD,
        "alias": "node-7",
        "updater": "update_engine-0.4.10",
        "events": events,
        "address": "192.0.2.7",
    }
    return CheckIn(**(values | changes))


def node(**changes: Any) -> Node:
    """A node that runs the old version and has been heard of before."""
    values: dict[str, Any] = {
        "machine_id": MACHINE,
        "application": OS,
        "id": 1,
        "group_id": 1,
        "track": "stable",
        "version": OLD,
        "architecture": "amd64",
        "oem": "azure",
        "oem_version": OLD,
        "oem_basis": "derived",
        "birth_version": "2.9.1.1-r4",
        "aleph_version": OLD,
        "alias": "node-7",
        "boot_id": BOOT,
        "updater": "update_engine-0.4.10",
        "address": "192.0.2.7",
        "first_seen_at": NOW,
        "last_seen_at": NOW,
    }
    return Node(**(values | changes))


def payload(name: str, **changes: Any) -> Payload:
    """A verified payload with hashes of the right shape."""
    values: dict[str, Any] = {"name": name, "size": 1000, "sha1": "1" * 40, "sha256": "2" * 64}
    return Payload(**(values | changes))


def release(version: str = NEW, *names: str, **changes: Any) -> Release:
    """A release with its OS payload, azure's, and what else is named."""
    values: dict[str, Any] = {
        "id": sum(parse(version)[:3]),
        "version": version,
        "order": parse(version),
        "architecture": "amd64",
        "codebase": f"https://updates.example.net/payloads/amd64-usr/{version}/",
        "payloads": tuple(payload(name) for name in (OS_PAYLOAD, "oem-azure.gz", *names)),
    }
    return Release(**(values | changes))


def floors(*versions: str) -> tuple[Floor, ...]:
    """Floors at these versions."""
    return tuple(Floor(release(version), "it must be passed") for version in versions)


def channel(target: Release | None, **changes: Any) -> Channel:
    """A channel with this target and nothing special."""
    return Channel(**({"name": "stable", "architecture": "amd64", "target": target} | changes))


def group(on: Channel | None = None, **changes: Any) -> Group:
    """A group that follows a channel whose target is the new version."""
    followed = {"channel": on or channel(release())}
    return Group(**({"id": 1, "name": "stable", "architecture": "amd64"} | followed | changes))
