"""What a node is shown when systemd-sysupdate asks for a component's list."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

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


class _Known(NamedTuple):
    """What a node's list depends on."""

    id: int
    group: int | None
    architecture: str
    is_held: bool
    held_until: datetime | None


def listings(asked: Sequence[Asked], now: datetime) -> list[Listing | None]:
    """The lists for all who ask at once, in their order; None where there is no such component.

    The database is asked twice, however many there are.
    """
    config = snapshot.current()
    rows = Node.objects.filter(
        machine_id__in={one.machine_id for one in asked}, application=str(FLATCAR)
    )
    found = rows.order_by().values_list("machine_id", *_Known._fields)
    nodes = {machine_id: _Known(*values) for machine_id, *values in found}
    return [_listing(config, one, nodes.get(one.machine_id), now) for one in asked]


def _listing(config: Snapshot, asked: Asked, node: _Known | None, now: datetime) -> Listing | None:
    """A node that is known gets its group's list.

    One that is not gets that of the group whose track the address names: it may ask before its
    first check-in, and what it takes it never gives back.
    """
    if asked.component not in config.components:
        return None
    if node is None:
        found = [
            image
            for architecture in Architecture.values
            if (group := config.group(str(FLATCAR), architecture, asked.track))
            for image in _of_group(config, group, asked, architecture)
        ]
        return Listing(found, None if found else Withheld.UNKNOWN_NODE)
    if node.is_held and (node.held_until is None or now < node.held_until):
        return Listing([], Withheld.HELD, node.id)
    group = config.groups_by_id.get(node.group or 0)
    if group is None or wanted(group, asked.component) is None:
        return Listing([], Withheld.NOT_WANTED, node.id)
    if not group.updates_enabled:
        return Listing([], Withheld.UPDATES_OFF, node.id)
    found = _of_group(config, group, asked, node.architecture)
    return Listing(found, None if found else Withheld.NONE_FITS, node.id)


def image(component: str, file: str) -> Image | None:
    """The image that is called so, if it is hosted here and not withdrawn."""
    images = snapshot.current().components.get(component, ())
    return next((one for one in images if one.file == file), None)


def node_of(machine_id: str) -> int | None:
    """The id of the node that a machine is; None if it never checked in."""
    rows = Node.objects.filter(machine_id=machine_id, application=str(FLATCAR))
    return rows.values_list("id", flat=True).first()


def wanted(group: Group, component: str) -> Wanted | None:
    """What a group wants of a component, if it does."""
    return next((one for one in group.wants if one.component == component), None)


def _of_group(config: Snapshot, group: Group, asked: Asked, architecture: str) -> list[Image]:
    wants = wanted(group, asked.component)
    if wants is None or not group.updates_enabled:
        return []
    return config.listed(wants, version=asked.os_version, architecture=architecture)
