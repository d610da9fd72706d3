"""That it is still the person who logged in: dangerous things ask for the password again."""

import time
from collections.abc import MutableMapping
from typing import Any

from oemupdates.models import Operator
from oemupdates.services.access import operators
from oemupdates.services.shared import rates

KEY = "proved_at"
LASTS_SECONDS = 15 * 60
# How often somebody may try a minute.
TRIES = 5
Session = MutableMapping[str, Any]


def prove(session: Session, *, at: float | None = None) -> None:
    """Remember that whoever has a session proved who they are, just now or at a time."""
    now = time.time()
    session[KEY] = now if at is None else min(at, now)


def is_recent(session: Session) -> bool:
    """Whether whoever has a session proved lately who they are."""
    at = session.get(KEY)
    return isinstance(at, float) and 0 <= time.time() - at < LASTS_SECONDS


def accept(operator: Operator, password: str, session: Session) -> bool:
    """Take a password as the proof, if it is the right one and few were wrong before."""
    if not rates.take(f"proof:{operator.pk}", TRIES).is_let_in:
        return False
    if not operator.check_password(password):
        operators.log_in_failed(operator.username, why="The password was wrong when asked again")
        return False
    prove(session)
    return True
