"""URLs that are a node's own: their tokens, by the secret key and those before it.

After a key was rotated nodes are offered new URLs at their next check, and what they began under
the old ones still counts as theirs for as long as the old key is a fallback.
"""

from functools import lru_cache

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from oemupdates.domain import serving


def token(node: int, folder: str) -> str:
    """What stands for a node in the URLs of a release's folder: `amd64-usr/4593.2.1`."""
    return serving.token(_key(str(settings.SECRET_KEY)), node, folder)


def node_of(said: str, folder: str) -> int | None:
    """The id of the node that a token stands for; None if this server did not make it."""
    keys = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return serving.node_of(said, folder, map(_key, map(str, keys)))


@lru_cache(maxsize=16)
def _key(secret: str) -> bytes:
    derived = HKDF(SHA256(), length=32, salt=None, info=b"oem-fleet node urls")
    return derived.derive(secret.encode())
