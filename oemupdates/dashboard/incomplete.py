"""Channels whose target lacks the payload of an OEM that their nodes carry."""

from collections import Counter, defaultdict
from collections.abc import Iterable

from django.db.models import Sum

from oemupdates.domain import oem as oems
from oemupdates.domain.version import sort_key
from oemupdates.models import Channel, Group, NodeCount, Payload

Lacking = dict[Channel, Counter[str]]


def lacking(groups: Iterable[int]) -> Lacking:
    """How many nodes of these groups cannot reach their channel's target, by channel and OEM.

    Counted from the counters, with the rule of the decision: a payload that the node's OEM needs
    there and that the release does not have.
    """
    channels = {
        group.pk: group.channel
        for group in Group.objects.filter(
            pk__in=groups, channel__target__isnull=False, needs_oem_payload=True
        ).select_related("channel__target")
    }
    names = defaultdict(set)
    targets = [channel.target_id for channel in channels.values() if channel]
    for release, name in Payload.objects.filter(release__in=targets).values_list(
        "release_id", "name"
    ):
        names[release].add(name)
    found: defaultdict[Channel, Counter[str]] = defaultdict(Counter)
    counts = NodeCount.objects.filter(group__in=channels).values_list(
        "group", "oem", "architecture", "version"
    )
    for group, oem, architecture, version, nodes in counts.annotate(sum=Sum("nodes")).order_by():
        channel = channels[group]
        if nodes and channel and _lacks(channel, names, oem, architecture, version):
            found[channel][oem] += nodes
    return found


def _lacks(
    channel: Channel, names: dict[int, set[str]], oem: str, architecture: str, version: str
) -> bool:
    target = channel.target
    return (
        target is not None
        and sort_key(version) < target.order
        and oems.payload_name(oem) not in names[target.pk]
        and oems.is_mandatory(
            oem, running=version, target=target.version, architecture=architecture
        )
    )
