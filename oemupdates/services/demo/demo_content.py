"""What the demo fleet finds on the server: channels, releases without files, and groups."""

import hashlib
import uuid
from datetime import timedelta

from django.utils import timezone

from oemupdates.domain import demo
from oemupdates.domain import oem as oems
from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.domain.shipped import SHIPPED
from oemupdates.domain.version import sort_key
from oemupdates.models import Application, Channel, Group, Operator, Payload, Release
from oemupdates.services.checkins import applications
from oemupdates.services.groups import channels, groups
from oemupdates.services.shared import activity
from oemupdates.services.shared.configuration import changing

NOTES = "Part of the demo fleet: it has no files, and is offered to simulated nodes alone."
_OS_BYTES, _OTHER_BYTES = 420_000_000, 30_000_000


def application() -> Application | None:
    """The application of the demo fleet, under which all of it is."""
    return Application.objects.filter(uuid=uuid.UUID(demo.APPLICATION)).first()


def furnish(*, by: Operator) -> None:
    """Make all of it that is not there yet."""
    owner = application()
    if owner is None:
        owner = applications.register(demo.NAME, by=by, uuid=demo.APPLICATION)
    for place in demo.PLACES:
        same = {"application": owner, "architecture": place.architecture}
        channel = Channel.objects.filter(name=place.channel, **same).first()
        if channel is None:
            channel = channels.create(
                owner, name=place.channel, architecture=place.architecture, by=by
            )
        for _, version in demo.TARGETS[place.channel]:
            if not Release.objects.filter(version=version, **same).exists():
                _release(owner, version, place.architecture, by=by)
        if not Group.objects.filter(name=place.group, **same).exists():
            groups.create(
                owner,
                architecture=place.architecture,
                by=by,
                name=place.group,
                description="Simulated nodes: part of the demo fleet",
                channel=channel,
                max_under_way=place.limit,
            )


def aim(age: timedelta, *, by: Operator) -> None:
    """Let the channels aim at what they aimed at so long after the past began."""
    owned = Channel.objects.filter(application__uuid=uuid.UUID(demo.APPLICATION))
    for channel in owned.select_related("target", "application"):
        version = demo.target(channel.name, age)
        if channel.target is None or channel.target.version != version:
            release = Release.objects.get(
                application=channel.application,
                version=version,
                architecture=channel.architecture,
            )
            channels.set_target(channel, release, by=by)


def _release(owner: Application, version: str, architecture: str, *, by: Operator) -> None:
    """Register a release as if its files were here."""
    with changing():
        release = Release.objects.create(
            application=owner,
            version=version,
            order=sort_key(version),
            architecture=architecture,
            notes=NOTES,
            registered_at=timezone.now(),
        )
        shipped = [
            oems.payload_name(oem)
            for oem in SHIPPED.oems
            if SHIPPED.is_shipped(oem, version=version, architecture=architecture)
        ]
        Payload.objects.bulk_create(
            _payload(release, name) for name in (OS_PAYLOAD, *sorted(set(shipped)))
        )
        activity.record(
            verb="release.imported", subject=release, by=by, after={"for": "the demo fleet"}
        )


def _payload(release: Release, name: str) -> Payload:
    text = f"{release.board} {release.version} {name}".encode()
    return Payload(
        release=release,
        name=name,
        size=_OS_BYTES if name == OS_PAYLOAD else _OTHER_BYTES,
        sha1=hashlib.sha1(text, usedforsecurity=False).hexdigest(),
        sha256=hashlib.sha256(text).hexdigest(),
        is_verified=True,
    )
