"""Doing a request once, however often it is sent.

The request is done, and its answer kept, in one transaction: a crash leaves both or neither. What
is refused changes nothing and is not kept, so that it may be tried again under the same key.
"""

import base64
import hashlib
import hmac
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import orjson
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from oemupdates.models import DoneRequest
from oemupdates.services.shared import activity

LIFE = timedelta(hours=24)
# Keys that this process is at work on: on SQLite the only one that there is.
_under_way: set[str] = set()
_guard = threading.Lock()


class KeyUnderWay(activity.Refused):
    """A request with the same key is being done at this moment."""


class KeyReused(activity.Refused):
    """The key was used for another request."""


@dataclass(frozen=True, slots=True)
class Kept:
    """How a request was answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class Record:
    """What is known of a request under its key; `kept` is None until it was done."""

    digest: str
    fingerprint: str
    seal: MultiFernet
    kept: Kept | None = None

    def keep(self, kept: Kept) -> None:
        """Remember how the request was answered, in the transaction that did it."""
        plain = orjson.dumps([kept.status, dict(kept.headers), kept.body.decode()])
        DoneRequest.objects.update_or_create(
            digest=self.digest,
            defaults={
                "fingerprint": self.fingerprint,
                "answer": self.seal.encrypt(plain),
                "at": timezone.now(),
            },
        )


def fingerprint(method: str, path: str, body: bytes) -> str:
    """What a request asks for, as one word."""
    return hashlib.sha256(b"\0".join((method.encode(), path.encode(), body))).hexdigest()


@contextmanager
def once(*, caller: str, key: str, fingerprint: str) -> Iterator[Record]:
    """One transaction in which a request is found done, or is done and kept.

    Raises `KeyUnderWay` while another one is at it, and `KeyReused` if the key was used for
    something else within a day.
    """
    seal = _seal(f"{caller}:{key}")
    digest = hashlib.sha256(f"{caller}:{key}".encode()).hexdigest()
    record = Record(digest, fingerprint, seal)
    with _alone(digest), transaction.atomic():
        _claim(digest)
        known = DoneRequest.objects.filter(pk=digest, at__gt=timezone.now() - LIFE).first()
        if known is not None:
            if not hmac.compare_digest(known.fingerprint, fingerprint):
                raise KeyReused("This key was used for another request: take a new one.")
            record.kept = _open(known, seal)
        yield record


@contextmanager
def _alone(digest: str) -> Iterator[None]:
    """Refuse a second one in this process, before it waits for the database."""
    with _guard:
        if digest in _under_way:
            raise KeyUnderWay("The same request is being answered: ask again in a moment.")
        _under_way.add(digest)
    try:
        yield
    finally:
        with _guard:
            _under_way.discard(digest)


def _claim(digest: str) -> None:
    """Refuse a second one in any process; the lock ends with the transaction."""
    if connection.vendor != "postgresql":
        return
    number = int.from_bytes(bytes.fromhex(digest)[:8], "big", signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [number])
        (is_ours,) = cursor.fetchone()
    if not is_ours:
        raise KeyUnderWay("The same request is being answered: ask again in a moment.")


def _seal(secret: str) -> MultiFernet:
    """What seals an answer: made of the server's key and the sender's, so that both are needed."""
    keys = [str(settings.SECRET_KEY), *settings.SECRET_KEY_FALLBACKS]
    purpose = b"oemupdates.idempotency:" + secret.encode()
    return MultiFernet(
        Fernet(base64.urlsafe_b64encode(hmac.digest(key.encode(), purpose, "sha256")))
        for key in keys
    )


def _open(known: DoneRequest, seal: MultiFernet) -> Kept:
    try:
        status, headers, body = orjson.loads(seal.decrypt(bytes(known.answer)))
    except InvalidToken:
        raise KeyReused(
            "The answer cannot be read any more: the server's key was changed."
        ) from None
    return Kept(status, headers, body.encode())
