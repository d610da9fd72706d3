"""What a node took from this server, and what it must have got elsewhere, on its timeline."""

from collections.abc import Iterable

from django.template.defaultfilters import filesizeformat

from oemupdates.dashboard.nodes.timeline_entry import Entry
from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.models import Event, Node, NodeDownload
from oemupdates.services.upkeep import fallbacks


def took(download: NodeDownload) -> Entry:
    """A file that a node took, or began to take."""
    requests = download.whole + download.partial + download.redirected
    times = f"{requests} request{'s' * (requests != 1)}"
    size = filesizeformat(download.size).replace("\xa0", " ")
    what = f"{size} of {download.version} in {times}."
    if download.redirected:
        what = f"Sent on to the bucket, which does not say how much of it was taken: {times}."
    elif download.is_boot and not download.size:
        title = f"Asked for {download.name} at boot, which is not here"
        lines = [
            f"Its initrd lacked the OEM of {download.version}, as its address tells.",
            "A boot ends there. Add the payload to the release, and start the node again.",
        ]
        return Entry(download.last_at, "alert-triangle", "bad", title, lines)
    if download.is_boot:
        why = "Its initrd lacked the OEM of the version that it booted, as its address tells."
        title = f"Took {download.name} from this server at boot"
        return Entry(download.last_at, "alert-triangle", "wait", title, [what, why])
    if download.whole:
        title = f"Took {download.name} from this server"
        return Entry(download.last_at, "download", "good", title, [what])
    if download.redirected:
        title = f"Asked this server for {download.name}"
        return Entry(download.last_at, "download", "good", title, [what])
    title = f"Began to take {download.name} from this server"
    return Entry(download.last_at, "download", "calm", title, [what])


def elsewhere(node: Node, events: Iterable[Event]) -> list[Entry]:
    """What a node that applied an update did not take here, though it was sent here for it."""
    return [_elsewhere(event, name) for event, name in fallbacks.missed(node, events)]


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
