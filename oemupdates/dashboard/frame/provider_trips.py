"""Log-ins that are under way at an identity provider: what the session keeps until they end."""

import json
import secrets
import time
from dataclasses import asdict, dataclass
from typing import Any

from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest

from oemupdates.models import Operator
from oemupdates.services.shared import sealing
from oemupdates.upstream import openid
from oemupdates.upstream.openid import Asked

KEY, PURPOSE = "provider_trips", "suspended form"
LASTS_SECONDS = 10 * 60
# As many tabs may be on their way at once.
MOST = 5
MOST_SUSPENDED = 256 * 1024


@dataclass(frozen=True, slots=True)
class Trip:
    """One log-in: where it goes on afterwards, or the form that waits for a proof."""

    provider: str
    asked: Asked
    began_at: float
    next_url: str = ""
    suspended: str = ""


@dataclass(frozen=True, slots=True)
class Suspended:
    """A form that somebody posted, and that waits for the proof that it is they."""

    operator: int
    path: str
    fields: list[tuple[str, str]]

    def seal(self) -> str:
        """As a text that says nothing and cannot be changed."""
        return sealing.seal(json.dumps(asdict(self)), purpose=PURPOSE)


def begin(
    request: HttpRequest, provider: str, redirect_to: str, *, next_url: str, suspended: str
) -> Trip:
    """Begin a log-in, and keep what it is told by."""
    asked = openid.ask(secrets.token_urlsafe(32), redirect_to)
    trip = Trip(provider, asked, time.time(), next_url, suspended)
    newest = sorted(_kept(request.session).items(), key=lambda one: one[1]["began_at"])
    request.session[KEY] = dict(newest[1 - MOST :]) | {asked.state: asdict(trip)}
    return trip


def end(request: HttpRequest, provider: str, state: str) -> Trip | None:
    """The log-in that an answer belongs to, once; None if it began elsewhere or long ago."""
    kept = _kept(request.session)
    found = kept.pop(state, None)
    request.session[KEY] = kept
    if found is None or found["provider"] != provider:
        return None
    return Trip(**{**found, "asked": Asked(**found["asked"])})


def suspended(operator: Operator, sealed: str) -> Suspended | None:
    """The form that somebody suspended; None if it is no form of theirs."""
    if len(sealed) > MOST_SUSPENDED:
        return None
    try:
        said = json.loads(sealing.unseal(sealed, purpose=PURPOSE))
    except sealing.Unreadable:
        return None
    found = Suspended(said["operator"], said["path"], [(k, v) for k, v in said["fields"]])
    return found if found.operator == operator.pk else None


def _kept(session: SessionBase) -> dict[str, dict[str, Any]]:
    now = time.time()
    trips: dict[str, dict[str, Any]] = session.get(KEY, {})
    return {state: trip for state, trip in trips.items() if now - trip["began_at"] < LASTS_SECONDS}
