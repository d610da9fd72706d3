"""What operators do to channels: targets, floors and dead ends."""

from django.db.models import QuerySet

from oemupdates.domain.policy import OEM_PREFIX, OS_PAYLOAD
from oemupdates.domain.version import BadVersion, parse
from oemupdates.models import (
    Application,
    Architecture,
    Channel,
    DeadEnd,
    Floor,
    Operator,
    Release,
)
from oemupdates.services.shared import activity
from oemupdates.services.shared.configuration import changing

_MAX_NAME = 64
_NAMELESS = "A channel needs a name."


class CannotCreate(activity.Refused):
    """The channel has no name, no known architecture, or exists already."""


class CannotRename(activity.Refused):
    """The name is none, or another channel's."""


class CannotDelete(activity.Refused):
    """Groups follow the channel, or it is gone already."""


class CannotTarget(activity.Refused):
    """The release is not one that the channel's nodes could be given."""


class CannotAddFloor(activity.Refused):
    """The release cannot be a floor of the channel, or is one already."""


class CannotAddDeadEnd(activity.Refused):
    """The version is none, or a dead end of the channel already."""


class AlreadyGone(activity.Refused):
    """What was to be taken away is not there any more."""


def create(
    application: Application, *, name: str, architecture: str, by: Operator | None
) -> Channel:
    """Make a channel of an application for one architecture; raises `CannotCreate`."""
    name = activity.wording(name, what="The name", most=_MAX_NAME)
    if not name:
        raise CannotCreate(_NAMELESS)
    if architecture not in Architecture.values:
        raise CannotCreate(f"{architecture!r} is no architecture of Flatcar.")
    with changing():
        channel, is_new = Channel.objects.get_or_create(
            application=application, name=name, architecture=architecture
        )
        if not is_new:
            raise CannotCreate(f"Channel {channel} exists already.")
        activity.record(verb="channel.created", subject=channel, by=by)
    return channel


def rename(channel: Channel, name: str, *, by: Operator | None, why: str = "") -> Channel:
    """Call a channel otherwise; its groups follow it as before. Raises `CannotRename`."""
    name = activity.wording(name, what="The name", most=_MAX_NAME)
    if not name:
        raise CannotRename(_NAMELESS)
    with changing():
        channel = Channel.objects.select_related("application", "target").get(pk=channel.pk)
        before, channel.name = channel.name, name
        same = Channel.objects.exclude(pk=channel.pk).filter(
            application=channel.application, architecture=channel.architecture, name=name
        )
        if same.exists():
            raise CannotRename(f"Channel {channel} exists already.")
        if before != name:
            channel.save(update_fields=["name"])
            activity.record(
                verb="channel.renamed",
                subject=channel,
                by=by,
                before={"name": before},
                after={"name": name},
                why=why,
            )
    return channel


def delete(channel: Channel, *, by: Operator | None, why: str = "") -> None:
    """Take away a channel that no group follows, its floors and dead ends too; `CannotDelete`."""
    with changing():
        followers = channel.groups.count()
        if followers:
            raise CannotDelete(
                f"{channel} is followed by {followers} group{'s' * (followers != 1)}:"
                " give them another channel first."
            )
        before: dict[str, activity.Value] = {
            "target": channel.target.version if channel.target else None,
            "floors": [one.release.version for one in channel.floors.select_related("release")],
            "dead_ends": [one.version for one in channel.dead_ends.all()],
        }
        removed, _ = Channel.objects.filter(pk=channel.pk).delete()
        if not removed:
            raise CannotDelete(f"Someone else took {channel} away just now.")
        activity.record(
            verb="channel.deleted",
            subject=channel,
            by=by,
            before={name: value for name, value in before.items() if value},
            why=why,
        )


def set_target(
    channel: Channel, release: Release, *, by: Operator | None, why: str = ""
) -> Channel:
    """Let a channel's groups update to a release; the one it has already changes nothing.

    Raises `CannotTarget`, also when the target is not any more what `channel` says.
    """
    with changing():
        release = Release.objects.get(pk=release.pk)
        if words := obstacle(channel, release):
            raise CannotTarget(words)
        return _move(channel, release, by=by, why=why)


def clear_target(channel: Channel, *, by: Operator | None, why: str = "") -> Channel:
    """Leave a channel without a target, so that its groups hear of no update.

    Raises `CannotTarget` when the target is not any more what `channel` says.
    """
    with changing():
        return _move(channel, None, by=by, why=why)


def _move(channel: Channel, release: Release | None, *, by: Operator | None, why: str) -> Channel:
    """Move a channel, unless someone else has moved it since it was read."""
    to = release.pk if release else None
    seen = Channel.objects.filter(pk=channel.pk, target=channel.target_id)
    if not seen.update(target=to):
        raise CannotTarget(f"The target of {channel} was changed by someone else just now.")
    if to != channel.target_id:
        before = channel.target.version if channel.target else None
        activity.record(
            verb="channel.target_set" if release else "channel.target_cleared",
            subject=channel,
            by=by,
            before={"target": before},
            after={"target": release.version if release else None},
            why=why,
        )
    channel.target = release
    return channel


def releases_for(thing: Channel | Release) -> QuerySet[Release]:
    """The releases that could be a target or a floor of a channel, or stand in for a release."""
    return Release.objects.filter(
        application=thing.application_id, architecture=thing.architecture
    )


def obstacle(channel: Channel, release: Release) -> str:
    """Why a channel's nodes could not be given a release; empty if they can."""
    if release.application_id != channel.application_id:
        return f"{release} is a release of another application than {channel}."
    if release.architecture != channel.architecture:
        return f"{release} is built for {release.architecture}, and {channel} is not."
    if release.blocked_because:
        return f"{release} is blocked: {release.blocked_because}"
    if not release.payloads.filter(name=OS_PAYLOAD).exists():
        return f"{release} has no {OS_PAYLOAD}: nodes could not update to it."
    unread = release.payloads.filter(is_verified=False).exclude(name__startswith=OEM_PREFIX)
    if names := ", ".join(unread.values_list("name", flat=True)):
        return f"{release} is not verified: nobody has read {names}, so every node would wait."
    return ""


def add_floor(channel: Channel, release: Release, *, by: Operator | None, because: str) -> Floor:
    """Make nodes pass a release on their way to any newer one; raises `CannotAddFloor`."""
    because = activity.reason(because)
    with changing():
        release = Release.objects.get(pk=release.pk)
        if words := obstacle(channel, release):
            raise CannotAddFloor(words)
        floor, is_new = Floor.objects.get_or_create(
            channel=channel, release=release, defaults={"reason": because}
        )
        if not is_new:
            raise CannotAddFloor(f"{floor} already.")
        activity.record(
            verb="channel.floor_added",
            subject=channel,
            by=by,
            after={"floor": release.version},
            why=because,
        )
    return floor


def remove_floor(floor: Floor, *, by: Operator | None, why: str = "") -> None:
    """Let nodes pass a release by again; raises `AlreadyGone`."""
    with changing():
        removed, _ = Floor.objects.filter(pk=floor.pk).delete()
        if not removed:
            raise AlreadyGone("Someone else took this floor away just now.")
        activity.record(
            verb="channel.floor_removed",
            subject=floor.channel,
            by=by,
            before={"floor": floor.release.version, "reason": floor.reason},
            why=why,
        )


def add_dead_end(channel: Channel, version: str, *, by: Operator | None, because: str) -> DeadEnd:
    """Offer nothing to nodes of a version that has no way on; raises `CannotAddDeadEnd`."""
    because = activity.reason(because)
    version = version.strip()
    try:
        parse(version)
    except BadVersion as error:
        raise CannotAddDeadEnd(f"{error}.") from None
    with changing():
        dead_end, is_new = DeadEnd.objects.get_or_create(
            channel=channel, version=version, defaults={"reason": because}
        )
        if not is_new:
            raise CannotAddDeadEnd(f"{dead_end} already.")
        activity.record(
            verb="channel.dead_end_added",
            subject=channel,
            by=by,
            after={"dead_end": version},
            why=because,
        )
    return dead_end


def remove_dead_end(dead_end: DeadEnd, *, by: Operator | None, why: str = "") -> None:
    """Let nodes of a version go on again; raises `AlreadyGone`."""
    with changing():
        removed, _ = DeadEnd.objects.filter(pk=dead_end.pk).delete()
        if not removed:
            raise AlreadyGone("Someone else took this dead end away just now.")
        activity.record(
            verb="channel.dead_end_removed",
            subject=dead_end.channel,
            by=by,
            before={"dead_end": dead_end.version, "reason": dead_end.reason},
            why=why,
        )
