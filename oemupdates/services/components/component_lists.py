"""What a node is shown when systemd-sysupdate asks for a component's list."""

from datetime import datetime
from typing import NamedTuple

from django.db.models import QuerySet

from oemupdates.domain.policy import Group
from oemupdates.domain.sysupdate import Image, Wanted, Withheld
from oemupdates.models import FLATCAR, Architecture, Node
from oemupdates.services.checkins import snapshot
from oemupdates.services.checkins.snapshot import Snapshot


class Asked(NamedTuple):
    """What the address of a list says, as systemd-sysupdate filled it in; `track` may be empty."""

    component: str
    machine_id: str
    boot_id: str
    os_version: str
    track: str = ""


class Listing(NamedTuple):
    """The images that a list names, the newest first, or why it names none.

    `node` is the id of the node that asked, if it is known.
    """

    images: list[Image]
    withheld: Withheld | None = None
    node: int | None = None


def listing(asked: Asked, now: datetime) -> Listing | None:
    """The list for whoever asks; None if there is no such component.

    A node that is known gets its group's list. One that is not gets that of the group whose track
    the address names: it may ask before its first check-in, and what it takes it never gives back.
    """
    config = snapshot.current()
    if asked.component not in config.components:
        return None
    rows = _nodes(asked.machine_id)
    row = rows.values_list("id", "group", "architecture", "is_held", "held_until").first()
    if row is None:
        found = [
            image
            for architecture in Architecture.values
            if (group := config.group(str(FLATCAR), architecture, asked.track))
            for image in _of_group(config, group, asked, architecture)
        ]
        return Listing(found, None if found else Withheld.UNKNOWN_NODE)
    node, group_id, architecture, is_held, until = row
    if is_held and (until is None or now < until):
        return Listing([], Withheld.HELD, node)
    group = config.groups_by_id.get(group_id or 0)
    if group is None or wanted(group, asked.component) is None:
        return Listing([], Withheld.NOT_WANTED, node)
    if not group.updates_enabled:
        return Listing([], Withheld.UPDATES_OFF, node)
    found = _of_group(config, group, asked, architecture)
    return Listing(found, None if found else Withheld.NONE_FITS, node)


def image(component: str, file: str) -> Image | None:
    """The image that is called so, if it is hosted here and not withdrawn."""
    images = snapshot.current().components.get(component, ())
    return next((one for one in images if one.file == file), None)


def node_of(machine_id: str) -> int | None:
    """The id of the node that a machine is; None if it never checked in."""
    return _nodes(machine_id).values_list("id", flat=True).first()


def wanted(group: Group, component: str) -> Wanted | None:
    """What a group wants of a component, if it does."""
    return next((one for one in group.wants if one.component == component), None)


def _nodes(machine_id: str) -> QuerySet[Node]:
    return Node.objects.filter(machine_id=machine_id, application=str(FLATCAR))


def _of_group(config: Snapshot, group: Group, asked: Asked, architecture: str) -> list[Image]:
    wants = wanted(group, asked.component)
    if wants is None or not group.updates_enabled:
        return []
    return config.listed(wants, version=asked.os_version, architecture=architecture)
