"""What a node took from this server, and what it must have got elsewhere, on its timeline."""

from collections.abc import Iterable, Sequence

from django.template.defaultfilters import filesizeformat

from oemupdates.dashboard.timeline_entry import Entry
from oemupdates.domain.event import Meaning
from oemupdates.domain.oem import payload_name
from oemupdates.domain.policy import OS_PAYLOAD
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

    Nothing is said where its own URLs were not what it was sent to first, all the time.
    """
    since = node.group.node_urls_since if node.group else None
    applied = [one for one in events if one.meaning == Meaning.APPLIED and one.target_version]
    if since is None or not applied:
        return []
    versions = {one.target_version for one in applied}
    begun = list(
        node.events.filter(meaning=Meaning.DOWNLOAD_STARTED, target_version__in=versions)
        .order_by("at")
        .values_list("target_version", "at")
    )
    needed = _needed(node, versions)
    rows = NodeDownload.objects.filter(node=node, version__in=versions, is_boot=False)
    taken = set(rows.values_list("version", "name"))
    found = []
    for event in applied:
        version = event.target_version
        starts = [at for target, at in begun if target == version and at <= event.at]
        if starts and starts[-1] >= since:
            missing = [one for one in needed.get(version, ()) if (version, one) not in taken]
            found += [_elsewhere(event, name) for name in missing]
    return found


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
