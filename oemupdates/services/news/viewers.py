"""Who watches: those that hold a stream open, let in and looked at again all at once."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.models import Session
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from oemupdates.domain.access import EVERYWHERE, Permission, Reach
from oemupdates.models import ApiToken, Group, Node, Operator
from oemupdates.services.access import access, factors, tokens


@dataclass(frozen=True, slots=True)
class Claim:
    """What somebody came with: the key of a session, or of a token that let them in."""

    session: str = ""
    token: int = 0


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody who may watch: which part of the fleet, and whether security matters too."""

    operator: int
    reach: Reach
    reads_security: bool


def claim_by_secret(secret: str, address: str) -> Claim:
    """The claim of who comes with a token's secret; raises a kind of `tokens.BadToken`."""
    return Claim(token=tokens.authenticate(secret, address).token.pk)


def admit(claims: Collection[Claim]) -> dict[Claim, Viewer]:
    """Those of the claims that hold now; six queries at most, however many claims there are."""
    now = timezone.now()
    sessions = _sessions({claim.session for claim in claims if claim.session}, now)
    held = _tokens({claim.token for claim in claims if claim.token}, now)
    owners = {str(held.get(SESSION_KEY)) for held in sessions.values()}
    operators = _operators(owners | {str(token.operator_id) for token in held.values()})
    found: dict[Claim, Viewer] = {}
    for key, held_there in sessions.items():
        operator = operators.get(str(held_there.get(SESSION_KEY)))
        if operator is not None and _is_let_in(operator, held_there):
            found[Claim(session=key)] = _viewer(operator, None)
    for token_key, token in held.items():
        operator = operators.get(str(token.operator_id))
        if operator is not None:
            found[Claim(token=token_key)] = _viewer(operator, _limits(token))
    return {claim: viewer for claim, viewer in found.items() if viewer.reach}


def hidden(
    viewer: Viewer, *, nodes: Collection[int], groups: Collection[int]
) -> tuple[set[int], set[int]]:
    """The nodes and groups that are not there, or beyond what somebody may see, as one."""
    rows = Node.objects.filter(pk__in=nodes).values_list("pk", "group_id")
    seen = {key for key, group in rows if viewer.reach.covers(group)}
    known = Group.objects.within(viewer.reach).filter(pk__in=groups)
    return set(nodes) - seen, set(groups) - set(known.values_list("pk", flat=True))


def _sessions(keys: Collection[str], now: datetime) -> dict[str, Mapping[str, object]]:
    """What each session knows, by its key."""
    if not keys:
        return {}
    rows = Session.objects.filter(session_key__in=keys, expire_date__gt=now)
    return {row.session_key: row.get_decoded() for row in rows}


def _tokens(keys: Collection[int], now: datetime) -> dict[int, ApiToken]:
    if not keys:
        return {}
    rows = ApiToken.objects.filter(pk__in=keys, revoked_at=None, expires_at__gt=now)
    return {row.pk: row for row in rows.prefetch_related("groups")}


def _operators(keys: Iterable[str]) -> dict[str, Operator]:
    wanted = {key for key in keys if key.isdecimal()}
    rows = Operator.objects.filter(pk__in=wanted, is_active=True)
    return {str(row.pk): row for row in rows.prefetch_related("role_grants")}


def _is_let_in(operator: Operator, session: Mapping[str, object]) -> bool:
    """Whether a session shows the fleet: pages ask for a password or a factor before."""
    if operator.must_change_password or factors.is_missing(operator, session):
        return False
    return _is_current(operator, str(session.get(HASH_SESSION_KEY, "")))


def _is_current(operator: Operator, held: str) -> bool:
    """Whether a session was opened with the password, and the secret key, that hold today."""
    known = [operator.get_session_auth_hash(), *operator.get_session_auth_fallback_hash()]
    return any(constant_time_compare(held, one) for one in known)


def _limits(token: ApiToken) -> access.Limits:
    reach = EVERYWHERE
    if token.is_limited_to_groups:
        groups = frozenset(group.pk for group in token.groups.all())
        reach = Reach(is_everywhere=False, groups=groups)
    known = frozenset(scope for scope in Permission if scope in token.scopes)
    return access.Limits(known, reach)


def _viewer(operator: Operator, limits: access.Limits | None) -> Viewer:
    before = access.limits.set(limits)
    try:
        return Viewer(
            operator.pk,
            access.where(operator, Permission.READ_FLEET),
            access.can(operator, Permission.READ_SECURITY),
        )
    finally:
        access.limits.reset(before)
