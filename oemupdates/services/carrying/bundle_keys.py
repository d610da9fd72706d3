"""The key that signs bundles, and those whose bundles are believed: Ed25519, in PEM files."""

from collections.abc import Iterable
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from django.conf import settings

from oemupdates.domain.bundle import fingerprint
from oemupdates.services.shared import key_files
from oemupdates.services.shared.activity import Refused

OWN = "this server's own"


class NoKey(Refused):
    """There is no key where one is needed, or the file holds another kind."""


def make(*, replaces: bool = False) -> Ed25519PrivateKey:
    """The key of this server, made if there is none yet; `replaces` sets a former one aside."""
    path: Path = settings.BUNDLE_KEY
    if path.exists() and replaces:
        key_files.set_aside(path, fingerprint(signing().public_key()))
    if not path.exists():
        key = Ed25519PrivateKey.generate()
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        key_files.write(path, pem)
    return signing()


def signing() -> Ed25519PrivateKey:
    """The key that signs; `NoKey` if none was made."""
    path: Path = settings.BUNDLE_KEY
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except FileNotFoundError:
        raise NoKey("No key was made here yet: manage.py bundle keys makes one.") from None
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise NoKey(f"{path} cannot be read as a private key: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise NoKey(f"{path} holds no Ed25519 key.")
    return key


def public_pem(key: Ed25519PrivateKey) -> str:
    """What the other side needs of a key."""
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem.decode()


def trusted(more: Iterable[Path] = ()) -> dict[str, Ed25519PublicKey]:
    """The keys whose bundles are believed here, by the names of their files: ours is one."""
    found = {path.name: _public(path) for path in (*settings.BUNDLE_KEYS, *more)}
    if settings.BUNDLE_KEY.exists():
        found[OWN] = signing().public_key()
    return found


def only(paths: Iterable[Path]) -> dict[str, Ed25519PublicKey]:
    """The keys in some files, and no others."""
    return {path.name: _public(path) for path in paths}


def _public(path: Path) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise NoKey(f"{path} cannot be read as a public key: {error}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise NoKey(f"{path} holds no Ed25519 key.")
    return key
