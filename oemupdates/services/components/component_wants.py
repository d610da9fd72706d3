"""Which components a group's nodes should have, and up to which version."""

from django.conf import settings

from oemupdates.domain import sysupdate
from oemupdates.domain.transfer import Source
from oemupdates.models import Component, ComponentWant, Group, Operator
from oemupdates.services.components import list_keys
from oemupdates.services.shared import activity
from oemupdates.services.shared.configuration import changing


class CannotWant(activity.Refused):
    """A group cannot have a component like that."""


def want(
    group: Group, component: Component, *, up_to: str = "", by: Operator | None, why: str = ""
) -> ComponentWant:
    """Let a group's nodes have a component: up to a version, or the newest if that is empty.

    Nodes that have a newer version keep it. Raises `CannotWant`.
    """
    if up_to and not sysupdate.is_version(up_to):
        raise CannotWant(f"{up_to[:100]!r} is no version that systemd-sysupdate knows.")
    with changing():
        images = component.images.filter(architecture=group.architecture, withdrawn_at=None)
        if up_to and not images.filter(version=up_to).exists():
            raise CannotWant(f"There is no {component} {up_to} for {group.architecture} here.")
        if not images.exists():
            raise CannotWant(f"There is no image of {component} for {group.architecture} here.")
        row = ComponentWant.objects.filter(group=group, component=component).first()
        if row is not None and row.up_to == up_to:
            return row
        before = {"wants": _said(component, row.up_to)} if row else {}
        row = row or ComponentWant(group=group, component=component)
        row.up_to = up_to
        row.save()
        activity.record(
            verb="group.wants_component",
            subject=group,
            by=by,
            before=before,
            after={"wants": _said(component, up_to)},
            why=why,
        )
    return row


def source(group: Group) -> Source:
    """From where a group's nodes get what it wants, with the key of lists if there is one."""
    key = list_keys.public() if list_keys.is_made() else b""
    return Source(settings.FLEET_URL, group.track, key)


def unwant(group: Group, component: Component, *, by: Operator | None, why: str = "") -> None:
    """Show a group's nodes no more of a component; what they have stays. Raises `CannotWant`."""
    with changing():
        gone, _ = ComponentWant.objects.filter(group=group, component=component).delete()
        if not gone:
            raise CannotWant(f"{group} does not want {component}.")
        activity.record(
            verb="group.unwants_component",
            subject=group,
            by=by,
            before={"wants": str(component)},
            why=why,
        )


def _said(component: Component, up_to: str) -> str:
    return f"{component} up to {up_to}" if up_to else f"the newest {component}"
