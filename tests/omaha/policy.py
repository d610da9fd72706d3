"""What operators decide, in a line each: committed before the next check-in."""

from pathlib import Path
from typing import Any

from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.models import Channel, Floor, Group, Release
from oemupdates.services.releases.releases import Imported, Source, import_release
from oemupdates.services.shared.configuration import changing
from tests.services.makers import make_release, seeded_channel

PAYLOADS = Path(__file__).parent.parent / "payloads"


def publish(
    version: str,
    *oems_and_extensions: str,
    channel: str = "stable",
    architecture: str = "amd64",
    **changes: Any,
) -> Release:
    """Make a release the target of a channel."""
    with changing():
        release = make_release(
            version,
            payloads=(OS_PAYLOAD, *oems_and_extensions),
            architecture=architecture,
            **changes,
        )
        aim(release, channel=channel, architecture=architecture)
    return release


def aim(release: Release, *, channel: str = "stable", architecture: str = "amd64") -> None:
    """Point a channel at a release that is there already."""
    with changing():
        Channel.objects.filter(name=channel, architecture=architecture).update(target=release)


def shape(track: str = "stable", **policy: Any) -> None:
    """Change the policy of a group."""
    with changing():
        assert Group.objects.filter(track=track, architecture="amd64").update(**policy)


def add_floor(version: str, reason: str, *oems: str) -> Release:
    """Make a release that the stable channel's nodes must pass."""
    with changing():
        release = make_release(version, payloads=(OS_PAYLOAD, *oems))
        Floor.objects.create(channel=seeded_channel(), release=release, reason=reason)
    return release


def publish_signed() -> Imported:
    """Import the small signed payloads of 4593.2.1, for this server to host."""
    source = Source(PAYLOADS / "4593.2.1", "4593.2.1")
    return import_release(source, channel=seeded_channel(), by=None)
