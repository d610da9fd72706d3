"""Secrets that must be read again, sealed by a key that is not in the database.

The keys come from `FLEET_SECRET_KEY` and its fallbacks. While a key is rotated, what was sealed
with the former one is still read; whatever is sealed anew takes the new one.
"""

import base64
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


class Unreadable(Exception):
    """No key of this server opens what was sealed."""


def seal(text: str, *, purpose: str) -> str:
    """Seal a text; only the same purpose opens it."""
    return _keys(purpose).encrypt(text.encode()).decode()


def unseal(sealed: str, *, purpose: str) -> str:
    """The text that was sealed; `Unreadable` if it was changed, or by a key that is gone."""
    try:
        return _keys(purpose).decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise Unreadable(
            "A secret cannot be read: FLEET_SECRET_KEY is not the one that sealed it."
        ) from error


def _keys(purpose: str) -> MultiFernet:
    secrets = [str(settings.SECRET_KEY), *settings.SECRET_KEY_FALLBACKS]
    return MultiFernet([_key(secret, purpose) for secret in secrets])


@lru_cache(maxsize=32)
def _key(secret: str, purpose: str) -> Fernet:
    derived = HKDF(SHA256(), length=32, salt=None, info=f"oem-fleet {purpose}".encode())
    return Fernet(base64.urlsafe_b64encode(derived.derive(secret.encode())))
