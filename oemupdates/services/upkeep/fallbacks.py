"""What nodes must have taken from another host, though they were sent here for it.

Nothing is said where that is not known: a node may have been in another group then.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Min

from oemupdates.domain.event import Meaning
from oemupdates.domain.oem import payload_name
from oemupdates.domain.policy import OS_PAYLOAD, PayloadSource
from oemupdates.models import Event, Heartbeat, Node, NodeDownload
from oemupdates.services.carrying import carrying
from oemupdates.services.checkins import snapshot
from oemupdates.services.checkins.measuring import Measuring
from oemupdates.services.drift import remeasuring

# What was sent is written down seconds later.
SETTLES = timedelta(minutes=2)
_SOURCES = [one.value for one in PayloadSource if one.begins_here]


def missed(node: Node, events: Iterable[Event]) -> list[tuple[Event, str]]:
    """The payloads of applied updates that a node did not take here, by the event of each."""
    applied = [one for one in events if one.meaning == Meaning.APPLIED and one.target_version]
    group = node.group
    if not applied or group is None or not PayloadSource(group.payload_source).begins_here:
        return []
    versions = {one.target_version for one in applied}
    rows = NodeDownload.objects.filter(node=node, version__in=versions, is_boot=False)
    taken = set(rows.values_list("version", "name"))
    # Who took one of the files was sent here for all of them.
    sent_here = {version for version, _ in taken} | _sent_here(node, versions)
    needed = _needed(node, sent_here)
    return [
        (event, name)
        for event in applied
        for name in needed.get(event.target_version, ())
        if (event.target_version, name) not in taken
    ]


def _sent_here(node: Node, versions: Iterable[str]) -> set[str]:
    """The versions that a node began to download when its group sent it to URLs of its own."""
    since = node.group.node_urls_since if node.group else None
    if since is None or node.moved_to_id is not None:
        return set()
    starts = node.events.filter(meaning=Meaning.DOWNLOAD_STARTED, target_version__in=versions)
    begun = dict(starts.order_by().values_list("target_version").annotate(Min("at")))
    said = node.answers.filter(answer__in=[f"offer {version}" for version in versions])
    tracks = {json.loads(one or "{}").get("track") for one in said.values_list("said", flat=True)}
    if tracks != {node.track}:
        return set()
    return {version for version, at in begun.items() if at >= since}


def _needed(node: Node, versions: Iterable[str]) -> dict[str, Sequence[str]]:
    """The files of releases that this server hosts which the node had to get from somewhere."""
    wanted = (OS_PAYLOAD, payload_name(node.oem))
    releases = carrying.choices(node).filter(version__in=versions, codebase="")
    return {
        release.version: [
            payload.name for payload in release.payloads.all() if payload.name in wanted
        ]
        for release in releases.prefetch_related("payloads")
    }


def look(now: datetime, name: str) -> int:
    """Judge the updates that were applied since the heartbeat of that name; how many nodes missed.

    What is judged twice is judged the same.
    """
    upto = now - SETTLES
    beat = Heartbeat.objects.filter(name=name).first()
    since = beat.at - SETTLES if beat else upto - SETTLES
    applied = Event.objects.filter(
        meaning=Meaning.APPLIED,
        at__gt=since,
        at__lte=upto,
        node__group__payload_source__in=_SOURCES,
    )
    by_node: dict[Node, list[Event]] = {}
    for event in applied.select_related("node__group").order_by("at"):
        by_node.setdefault(event.node, []).append(event)
    found = {node: missed(node, events[-1:]) for node, events in by_node.items()}
    for node, files in found.items():
        _keep(node, files[0][0].at if files else None, now)
    return sum(bool(files) for files in found.values())


def _keep(node: Node, at: datetime | None, now: datetime) -> None:
    if node.fallback_at == at:
        return
    with transaction.atomic():
        Node.objects.select_for_update(no_key=True).filter(pk=node.pk).update(fallback_at=at)
        remeasuring.settle([node.pk], Measuring(snapshot.current(), now), by="an update from here")
