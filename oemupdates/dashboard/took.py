"""What a node took from this server, and what it must have got elsewhere, on its timeline."""

import json
from collections.abc import Iterable, Sequence

from django.db.models import Min
from django.template.defaultfilters import filesizeformat

from oemupdates.dashboard.timeline_entry import Entry
from oemupdates.domain.event import Meaning
from oemupdates.domain.oem import payload_name
from oemupdates.domain.policy import OS_PAYLOAD, PayloadSource
from oemupdates.models import Event, Node, NodeDownload
from oemupdates.services import carrying


def took(download: NodeDownload) -> Entry:
    """A file that a node took, or began to take."""
    size = filesizeformat(download.size).replace("\xa0", " ")
    requests = download.whole + download.partial
    what = f"{size} of {download.version} in {requests} request{'s' * (requests != 1)}."
    if download.is_boot:
        why = "Its initrd lacked the OEM of the version that it booted, as its address tells."
        title = f"Took {download.name} from this server at boot"
        return Entry(download.last_at, "alert-triangle", "wait", title, [what, why])
    if download.whole:
        title = f"Took {download.name} from this server"
        return Entry(download.last_at, "download", "good", title, [what])
    title = f"Began to take {download.name} from this server"
    return Entry(download.last_at, "download", "calm", title, [what])


def elsewhere(node: Node, events: Iterable[Event]) -> list[Entry]:
    """What a node that applied an update did not take here, though it was sent here for it.

    Nothing is said where that is not known: a node may have been in another group then.
    """
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
        _elsewhere(event, name)
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


def _elsewhere(event: Event, name: str) -> Entry:
    lines = [
        f"It applied {event.target_version}, and asked for no byte of it at its own URL here."
    ]
    if name == OS_PAYLOAD:
        return Entry(event.at, "arrows-right", "wait", f"Took {name} from another host", lines)
    lines.append(
        "Post-install asks the public host for what it cannot get as it was offered. Or the node"
        " had the file already."
    )
    return Entry(event.at, "alert-triangle", "wait", f"Used the public host for {name}", lines)
