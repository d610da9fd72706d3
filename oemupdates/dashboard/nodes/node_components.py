"""The components of a node: what it has and should have, and what it asked for and took."""

from typing import NamedTuple

from oemupdates.dashboard.frame.words import Word
from oemupdates.domain.report import Report
from oemupdates.domain.sysupdate import is_older
from oemupdates.domain.sysupdate_words import withheld
from oemupdates.domain.version import without_build
from oemupdates.models import ComponentPoll, Node
from oemupdates.services.components import node_components
from oemupdates.services.components.node_components import NodeComponent

_NOT_WANTED = Word(
    "Not wanted", "circle-dashed", "calm", "Its group does not want it: what it has stays."
)
_NONE_FITS = Word("None fits", "alert-triangle", "wait", "No image on the lists fits it.")
_FETCHED = Word(
    "Fetched", "download", "busy", "It was sent the image. A report would say whether it runs."
)
_UNKNOWN = Word("Not reported", "help-circle", "calm", "Nobody knows what it has.")
_MISSING = Word("Not there yet", "hourglass", "wait", "Its last report names no image of it.")
_BEHIND = Word("Behind", "hourglass", "wait", "It should have a newer version.")
_AHEAD = Word("Ahead", "info-circle", "calm", "Nodes never go back to an older one by themselves.")
_NEXT_BOOT = Word(
    "For the next boot", "rotate-clockwise", "busy", "It is there, and was not merged yet."
)
_THERE = Word("Up to date", "circle-check", "good", "It runs what it should have.")


class Shown(NamedTuple):
    """A component of a node as the page shows it.

    `standing` sums it up. `listed` is in words why a list named nothing, and `remarks` is what the
    node said of itself when it asked that its last check-in does not say.
    """

    known: NodeComponent
    standing: Word
    has_other: bool
    listed: str
    remarks: list[str]


def section(node: Node, said: Report | None) -> list[Shown]:
    """What a node's page says of its components; nothing if it has nothing to do with any."""
    return [_shown(one, node, said) for one in node_components.of_node(node, said)]


def _shown(one: NodeComponent, node: Node, said: Report | None) -> Shown:
    poll = one.poll
    image = said.extension(one.name) if said else None
    return Shown(
        one,
        _standing(one, is_reported=said is not None, is_there=image is not None),
        image is not None and not one.has,
        withheld(poll.withheld) if poll and poll.withheld else "",
        _remarks(poll, node) if poll else [],
    )


def _standing(one: NodeComponent, *, is_reported: bool, is_there: bool) -> Word:
    """How what a node has stands to what it should have."""
    if not one.is_wanted:
        return _NOT_WANTED
    if not one.wanted:
        return _NONE_FITS
    if not one.has:
        return _without_version(one, is_reported=is_reported, is_there=is_there)
    if one.has != one.wanted:
        return _BEHIND if is_older(one.has, one.wanted) else _AHEAD
    return _THERE if one.is_merged else _NEXT_BOOT


def _without_version(one: NodeComponent, *, is_reported: bool, is_there: bool) -> Word:
    """The same where no report tells a version."""
    if not is_reported and one.poll and one.poll.took == one.wanted:
        return _FETCHED
    return _MISSING if is_reported and not is_there else _UNKNOWN


def _remarks(poll: ComponentPoll, node: Node) -> list[str]:
    """What a node's last question says of it otherwise than its last check-in."""
    remarks = []
    if node.boot_id and poll.boot_id != node.boot_id.strip("{}"):
        is_later = poll.polled_at > node.last_seen_at
        remarks.append(
            "It had booted since its last check-in." if is_later else "It has booted since."
        )
    if node.version and poll.os_version != without_build(node.version):
        remarks.append(f"It said OS {poll.os_version}; its last check-in says {node.version}.")
    return remarks
