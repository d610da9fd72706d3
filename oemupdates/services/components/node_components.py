"""What is known of a node's components: what it has, should have, asked for and took."""

from typing import NamedTuple

from oemupdates.domain.report import Report
from oemupdates.domain.sysupdate import version_of
from oemupdates.models import ComponentPoll, Node
from oemupdates.services.checkins import snapshot


class NodeComponent(NamedTuple):
    """One component of a node.

    `has` is the version that its last report says is selected, and `is_merged` whether it ran
    then; both are empty without a report. `wanted` is the version that it would install now if it
    had none; empty if nothing is wanted, or nothing fits. `is_wanted` is whether its group wants
    the component at all. `poll` is when it asked last, if it ever did.
    """

    name: str
    has: str
    is_merged: bool
    wanted: str
    is_wanted: bool
    poll: ComponentPoll | None


def of_node(node: Node, said: Report | None) -> list[NodeComponent]:
    """The components that a node's group wants, it has by its last report, or asked for."""
    config = snapshot.current()
    group = config.groups_by_id.get(node.group_id or 0)
    polls = {one.component.name: one for one in node.component_polls.select_related("component")}
    images = {one.name: one for one in (said.extensions if said else ())}
    has = {name: version_of(name, image.target) for name, image in images.items()}
    wants = {one.component: one for one in (group.wants if group else ())}
    of = {"version": node.version, "architecture": node.architecture}
    return [
        NodeComponent(
            name,
            has=has.get(name, ""),
            is_merged=name in images and images[name].merged,
            wanted=config.best(wants[name], **of) if name in wants else "",
            is_wanted=name in wants,
            poll=polls.get(name),
        )
        for name in sorted({*wants, *polls, *(set(has) & set(config.components))})
    ]
