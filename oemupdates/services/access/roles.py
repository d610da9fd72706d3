"""Roles: given and taken by administrators, and by identity providers at each log-in."""

from collections.abc import Iterable
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from oemupdates.domain.access import Role
from oemupdates.models import Group, Operator, RoleGrant
from oemupdates.services.access import access
from oemupdates.services.shared import activity

Pair = tuple[str, int | None]


class CannotGiveRole(activity.Refused):
    """The role is had already, or cannot be had so."""


class CannotTakeRole(activity.Refused):
    """The role is gone, is the provider's, or is the last administrator's."""


class LastAdministrator(activity.Refused):
    """Nobody would be left to administer this server."""


def give(operator: Operator, role: Role, *, group: Group | None, by: Operator) -> RoleGrant:
    """Make somebody something, everywhere or in one group; raises `CannotGiveRole`."""
    if group is not None and role in {Role.ADMIN, Role.AUDITOR}:
        raise CannotGiveRole(f"An {role} is one everywhere: the role concerns no single group.")
    with transaction.atomic():
        grant, is_new = RoleGrant.objects.get_or_create(
            operator=operator, role=role, group=group, provider=""
        )
        if not is_new:
            raise CannotGiveRole(f"{grant}, already.")
        _record("role.given", operator, [(role, group.pk if group else None)], by=by)
    return grant


def take(grant: RoleGrant, *, by: Operator) -> None:
    """Take a role away that an administrator gave; raises `CannotTakeRole`."""
    if grant.provider and grant.provider in access.believed():
        raise CannotTakeRole(
            f"This role comes from {grant.provider} at each log-in: take it away there."
        )
    with transaction.atomic(), keeping_an_administrator():
        if not RoleGrant.objects.filter(pk=grant.pk).delete()[0]:
            raise CannotTakeRole("Somebody else took this role away just now.")
        _record("role.taken", grant.operator, [(grant.role, grant.group_id)], by=by)


def make_ordinary(operator: Operator, *, by: Operator, why: str = "") -> None:
    """Let the first operator have no more than the roles that they are given."""
    with transaction.atomic(), keeping_an_administrator():
        if not Operator.objects.filter(pk=operator.pk, is_superuser=True).update(
            is_superuser=False
        ):
            raise CannotTakeRole(f"{operator} is no administrator by birth.")
        _record("role.taken", operator, [(Role.ADMIN, None)], by=by, why=why)


class keeping_an_administrator:  # noqa: N801 - reads as the verb that it stands in
    """Lock everybody who logs in, and refuse at the end what leaves no administrator.

    Two hands that each take away one of the last two come one after the other.
    """

    def __enter__(self) -> None:
        people = Operator.objects.filter(is_service_account=False).order_by("pk")
        list(people.select_for_update(no_key=True).values_list("pk"))

    def __exit__(self, kind: type[BaseException] | None, *_rest: object) -> None:
        if kind is None and not administrators().exists():
            raise LastAdministrator(
                "Nobody would be left to administer this server: make somebody else one first."
            )


def administrators() -> QuerySet[Operator]:
    """The people who may administer this server."""
    holding = Q(holds_until=None) | Q(holds_until__gte=timezone.now())
    granted = RoleGrant.objects.filter(
        holding, role=Role.ADMIN, group=None, provider__in=access.believed()
    ).values("operator")
    return Operator.objects.filter(
        Q(is_superuser=True) | Q(pk__in=granted), is_active=True, is_service_account=False
    )


def follow_provider(
    operator: Operator, provider: str, entries: Iterable[str], *, why: str
) -> list[activity.Entry]:
    """Give somebody the roles that their provider's groups stand for, and no other of its.

    An entry is `role`, or `role@track` for one group. They hold for the days that settings give,
    unless somebody logs in again before. Gives what is to be written down of it, last in the
    transaction that it is called in.
    """
    wanted = meant(entries)
    Operator.objects.select_for_update(no_key=True).get(pk=operator.pk)
    theirs = RoleGrant.objects.filter(operator=operator, provider=provider)
    had: set[Pair] = set(theirs.values_list("role", "group_id"))
    for role, group_id in had - wanted:
        where = Q(group=None) if group_id is None else Q(group=group_id)
        theirs.filter(where, role=role).delete()
    RoleGrant.objects.bulk_create(
        RoleGrant(operator=operator, role=role, group_id=group_id, provider=provider)
        for role, group_id in sorted(wanted - had, key=str)
    )
    theirs.update(holds_until=timezone.now() + timedelta(days=settings.PROVIDER_ROLES_DAYS))
    changes = (("role.taken", had - wanted), ("role.given", wanted - had))
    return [_entry(verb, operator, pairs, by=None, why=why) for verb, pairs in changes if pairs]


def meant(entries: Iterable[str]) -> set[Pair]:
    """The roles that entries stand for; a track without a group gives nothing."""
    found: set[Pair] = set()
    for entry in set(entries):
        role, _, track = entry.partition("@")
        if not track:
            found.add((role, None))
            continue
        keys = Group.objects.filter(track=track).values_list("pk", flat=True)
        found |= {(role, key) for key in keys}
    return found


def _record(
    verb: str, operator: Operator, pairs: Iterable[Pair], *, by: Operator | None, why: str = ""
) -> None:
    activity.record_all([_entry(verb, operator, pairs, by=by, why=why)])


def _entry(
    verb: str, operator: Operator, pairs: Iterable[Pair], *, by: Operator | None, why: str
) -> activity.Entry:
    names = {group.pk: str(group) for group in Group.objects.filter(pk__in=[k for _, k in pairs])}
    said = sorted(f"{role} of {names[key]}" if key else role for role, key in pairs)
    before, after = (said, None) if verb == "role.taken" else (None, said)
    return activity.Entry(
        verb,
        operator,
        by,
        before={"roles": before} if before else {},
        after={"roles": after} if after else {},
        why=why,
    )
