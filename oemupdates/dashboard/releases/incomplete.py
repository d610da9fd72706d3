"""Channels whose target lacks the payload of an OEM that their nodes carry."""

from collections import Counter, defaultdict
from collections.abc import Collection
from typing import NamedTuple

from oemupdates.domain import oem as oems
from oemupdates.domain.version import sort_key
from oemupdates.models import Channel, Group, Payload, Release
from oemupdates.services.oem import catalogue


class Lack(NamedTuple):
    """Nodes of an OEM that need what their channel's target has not; `groups` are theirs.

    `is_dropped` says that Flatcar builds this payload no more, so that no sync brings it.
    """

    channel: Channel
    target: Release
    oem: str
    nodes: int
    groups: tuple[int, ...]
    is_dropped: bool


# The counters' columns that tell which payload nodes need.
CARRIED = ("group", "oem", "architecture", "version")


def lacking(rows: Collection[tuple[int, str, str, str, int]]) -> list[Lack]:
    """The nodes that cannot reach their channel's target, by channel and OEM.

    `rows` are nodes by `CARRIED`. The rule is the decision's: a payload that the node's OEM needs
    there and that the release does not have.
    """
    members: defaultdict[int, list[int]] = defaultdict(list)
    groups = {row[0] for row in rows}
    needing = Group.objects.filter(pk__in=groups, needs_oem_payload=True).order_by()
    channel_of = dict(needing.values_list("pk", "channel"))
    for group, key in channel_of.items():
        members[key or 0].append(group)
    channels = Channel.objects.filter(target__isnull=False).select_related("target")
    aiming = channels.in_bulk(list(members))
    names = defaultdict(set)
    targets = [channel.target_id for channel in aiming.values()]
    for release, name in Payload.objects.filter(release__in=targets).values_list(
        "release_id", "name"
    ):
        names[release].add(name)
    known = catalogue.load()
    carried: defaultdict[int, Counter[tuple[str, str, str]]] = defaultdict(Counter)
    for group, oem, architecture, version, nodes in rows:
        carried[channel_of.get(group) or 0][oem, architecture, version] += nodes
    found: list[Lack] = []
    for key, channel in aiming.items():
        if channel.target is None:
            continue
        missing: Counter[str] = Counter()
        for (oem, architecture, version), nodes in carried[key].items():
            if oems.payload_name(oem) not in names[channel.target.pk] and _needs(
                known, channel.target, oem, architecture, version
            ):
                missing[oem] += nodes
        found += [
            Lack(
                channel,
                channel.target,
                oem,
                nodes,
                tuple(members[key]),
                known.is_dropped(oem, target=channel.target.version),
            )
            for oem, nodes in sorted(missing.items())
        ]
    return found


def _needs(
    known: oems.Catalogue, target: Release, oem: str, architecture: str, version: str
) -> bool:
    return sort_key(version) < target.order and known.is_mandatory(
        oem, running=version, target=target.version, architecture=architecture
    )
