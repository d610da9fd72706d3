"""Channels whose target lacks the payload of an OEM that their nodes carry."""

from collections import Counter, defaultdict
from collections.abc import Iterable

from oemupdates.domain import oem as oems
from oemupdates.domain.version import sort_key
from oemupdates.models import Channel, Group, NodeCount, Payload
from oemupdates.services import catalogue

Lacking = dict[Channel, Counter[str]]


def lacking(groups: Iterable[int]) -> Lacking:
    """How many nodes of these groups cannot reach their channel's target, by channel and OEM.

    Counted from the counters, with the rule of the decision: a payload that the node's OEM needs
    there and that the release does not have.
    """
    members: defaultdict[int, list[int]] = defaultdict(list)
    needing = Group.objects.filter(pk__in=groups, needs_oem_payload=True).order_by()
    for key, group in needing.values_list("channel", "pk"):
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
    found: defaultdict[Channel, Counter[str]] = defaultdict(Counter)
    # Channels are few, and groups may be a thousand: the database sums over them.
    for key, channel in aiming.items():
        cells = NodeCount.objects.of({"group": members[key]})
        for oem, architecture, version, nodes in cells.by("oem", "architecture", "version"):
            if oems.payload_name(oem) not in names[channel.target_id or 0] and _needs(
                known, channel, oem, architecture, version
            ):
                found[channel][oem] += nodes
    return found


def _needs(
    known: oems.Catalogue, channel: Channel, oem: str, architecture: str, version: str
) -> bool:
    target = channel.target
    return (
        target is not None
        and sort_key(version) < target.order
        and known.is_mandatory(
            oem, running=version, target=target.version, architecture=architecture
        )
    )
