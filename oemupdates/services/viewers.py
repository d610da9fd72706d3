"""Who watches: those that hold a stream open, let in and looked at again all at once."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.models import Session
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from oemupdates.domain.access import Permission, Reach
from oemupdates.models import Operator
from oemupdates.services import access


@dataclass(frozen=True, slots=True)
class Claim:
    """What somebody came with: the key of a session."""

    session: str


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody who may watch: which part of the fleet, and whether security matters too."""

    operator: int
    reach: Reach
    reads_security: bool


def admit(claims: Collection[Claim]) -> dict[Claim, Viewer]:
    """Those of the claims that hold now; three queries, however many claims there are."""
    keys = {claim.session: claim for claim in claims}
    sessions = Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
    owners = {keys[row.session_key]: row.get_decoded() for row in sessions}
    operators = _operators(held.get(SESSION_KEY) for held in owners.values())
    found = {}
    for claim, held in owners.items():
        operator = operators.get(str(held.get(SESSION_KEY)))
        if operator is not None and _is_current(operator, str(held.get(HASH_SESSION_KEY, ""))):
            viewer = _viewer(operator)
            if viewer.reach:
                found[claim] = viewer
    return found


def _operators(keys: Iterable[object]) -> dict[str, Operator]:
    wanted = {str(key) for key in keys if str(key).isdecimal()}
    rows = Operator.objects.filter(pk__in=wanted, is_active=True, must_change_password=False)
    return {str(row.pk): row for row in rows.prefetch_related("role_grants")}


def _is_current(operator: Operator, held: str) -> bool:
    """Whether a session was opened with the password, and the secret key, that hold today."""
    known = [operator.get_session_auth_hash(), *operator.get_session_auth_fallback_hash()]
    return any(constant_time_compare(held, one) for one in known)


def _viewer(operator: Operator) -> Viewer:
    return Viewer(
        operator.pk,
        access.where(operator, Permission.READ_FLEET),
        access.can(operator, Permission.READ_SECURITY),
    )
