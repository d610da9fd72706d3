"""Who may do what, here and now: the one question that every door asks."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from django.conf import settings
from django.utils import timezone

from oemupdates.domain.access import (
    EVERYWHERE,
    EVERYWHERE_ONLY,
    NOWHERE,
    Grant,
    Permission,
    Reach,
    Role,
    reach,
)
from oemupdates.models import Operator
from oemupdates.services.shared import activity


class NotAllowed(activity.Refused):
    """Whoever asks has no permission for it, there or anywhere."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the token that somebody came with leaves of what they may do."""

    permissions: frozenset[Permission]
    reach: Reach = EVERYWHERE


# Set by the door that let a token in, for as long as its request runs.
limits: ContextVar[Limits | None] = ContextVar("limits", default=None)


@contextmanager
def unlimited() -> Iterator[None]:
    """Begin a request without limits, and forget at its end those that its token set."""
    before = limits.set(None)
    try:
        yield
    finally:
        limits.reset(before)


def grants(operator: Operator) -> list[Grant]:
    """The roles of an operator, read once for as long as the object lives."""
    known: list[Grant] | None = getattr(operator, "_grants", None)
    if known is None:
        known = _read_grants(operator)
        operator._grants = known  # type: ignore[attr-defined]  # noqa: SLF001 - as Django caches
    return known


def believed() -> set[str]:
    """Whose roles hold: administrators' (empty), and those of the providers that are asked yet."""
    return {"", *(one.id for one in settings.LOGIN_PROVIDERS)}


def _read_grants(operator: Operator) -> list[Grant]:
    if not operator.is_active:
        return []
    if operator.is_superuser:
        return [Grant(Role.ADMIN)]
    groups: dict[Role, set[int | None]] = defaultdict(set)
    givers, now = believed(), timezone.now()
    for granted in operator.role_grants.all():
        if granted.provider in givers and (granted.holds_until or now) >= now:
            groups[Role(granted.role)].add(granted.group_id)
    return [
        Grant(role, None if None in keys else frozenset(key for key in keys if key is not None))
        for role, keys in groups.items()
    ]


def where(operator: Operator, permission: Permission) -> Reach:
    """Where an operator has a permission, within what their token allows.

    As with a role, what concerns no single group is not for a token that is limited to groups.
    """
    held = reach(grants(operator), permission)
    limited = limits.get()
    if limited is None:
        return held
    if permission not in limited.permissions:
        return NOWHERE
    if permission in EVERYWHERE_ONLY and not limited.reach.is_everywhere:
        return NOWHERE
    return held.within(limited.reach)


def token_reach() -> Reach:
    """Where the token that somebody came with may be used; everywhere without one."""
    limited = limits.get()
    return EVERYWHERE if limited is None else limited.reach


def can(operator: Operator, permission: Permission, *, group: int | None = None) -> bool:
    """Whether an operator has a permission for a group, by its key; for the fleet without one.

    Pages, API and streams all ask this. What belongs to no group, an unassigned node for one,
    needs the permission everywhere.
    """
    return where(operator, permission).covers(group)


def require(operator: Operator, permission: Permission, *, group: int | None = None) -> None:
    """Raise `NotAllowed` unless an operator has a permission."""
    if not can(operator, permission, group=group):
        raise NotAllowed(f"{operator} may not do this: it needs the permission {permission}.")
