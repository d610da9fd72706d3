"""What bundles say of the way: floors and dead ends of channels, carried with their reasons."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from oemupdates.domain.bundle_way import DEAD_END, FLOOR, Way
from oemupdates.domain.version import sort_key
from oemupdates.models import Activity, Channel, DeadEnd, Floor, Operator, Release
from oemupdates.services.groups import channels

_REMOVED = {FLOOR: ("channel.floor_removed", "floor")}
_REMOVED |= {DEAD_END: ("channel.dead_end_removed", "dead_end")}


def gather(releases: Iterable[Release]) -> list[Way]:
    """The floors and dead ends of all channels, up to the newest of some releases of each kind."""
    newest: dict[tuple[int, str], str] = {}
    for one in releases:
        kind = (one.application_id, one.architecture)
        newest[kind] = max(newest.get(kind, ""), one.order)
    found: list[Way] = []
    for (application, architecture), order in newest.items():
        here = {"channel__application": application, "channel__architecture": architecture}
        floors = Floor.objects.filter(**here, release__order__lte=order)
        found += [
            _way(FLOOR, one.channel, one.release.version, one.reason)
            for one in floors.select_related("channel__application", "release")
        ]
        found += [
            _way(DEAD_END, one.channel, one.version, one.reason)
            for one in DeadEnd.objects.filter(**here).select_related("channel__application")
            if sort_key(one.version) <= order
        ]
    return sorted(found)


def _way(kind: str, channel: Channel, version: str, reason: str) -> Way:
    uuid = str(channel.application.uuid)
    said = "".join(filter(str.isprintable, " ".join(reason.split())))
    return Way(uuid, channel.architecture, channel.name, kind, version, said)


@dataclass(slots=True)
class Brought:
    """What became of ways, in sentences."""

    changes: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def bring(ways: Sequence[Way], *, by: Operator | None) -> Brought:
    """Add the floors and dead ends that channels here do not have; within `changing()`.

    What is here already stays as it is, with its own reason, and what an operator took away
    stays away.
    """
    brought = Brought()
    for way in ways:
        channel = (
            Channel.objects.filter(
                application__uuid=way.application, architecture=way.architecture, name=way.channel
            )
            .select_related("application")
            .first()
        )
        if channel is None:
            brought.remarks.append(
                f"{way.version} is a {way.kind} of {way.channel} ({way.architecture}), a channel"
                " that is not here."
            )
        elif not _is_here(channel, way):
            _add(channel, way, brought, by=by)
    return brought


def _is_here(channel: Channel, way: Way) -> bool:
    if way.kind == FLOOR:
        return channel.floors.filter(release__version=way.version).exists()
    return channel.dead_ends.filter(version=way.version).exists()


def _add(channel: Channel, way: Way, brought: Brought, *, by: Operator | None) -> None:
    verb, name = _REMOVED[way.kind]
    taken_away = Activity.objects.filter(
        subject_kind="channel",
        subject_id=channel.pk,
        verb=verb,
        **{f"before__{name}": way.version},
    )
    if taken_away.exists():
        brought.remarks.append(
            f"{way.version} was a {way.kind} of {channel} and is none any more."
        )
        return
    if way.kind == DEAD_END:
        channels.add_dead_end(channel, way.version, by=by, because=way.reason)
    else:
        release = channels.releases_for(channel).filter(version=way.version).first()
        problem = channels.obstacle(channel, release) if release else "it is not here."
        if release is None or problem:
            brought.remarks.append(f"{way.version} becomes no floor of {channel}: {problem}")
            return
        channels.add_floor(channel, release, by=by, because=way.reason)
    brought.changes.append(f"{way.version} is a {way.kind} of {channel}.")
