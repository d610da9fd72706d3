"""The OpenPGP key that signs the lists of components: systemd asks for signatures of that kind.

Nodes with `Verify=yes` in their transfer file believe it by `/etc/systemd/import-pubring.gpg`.
"""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

from oemupdates.services.shared import key_files
from oemupdates.services.shared.activity import Refused

# The library is loaded only where there is a key.
if TYPE_CHECKING:
    from pysequoia import Tsk


class NoListKey(Refused):
    """There is no key, or its file holds none."""


def make(*, replaces: bool = False) -> bytes:
    """The public key of this server, made if there is none yet, as a keyring takes it.

    `replaces` sets a former key aside. It does not end by itself: nodes would take nothing then.
    """
    from pysequoia import Tsk  # noqa: PLC0415 - see above

    path: Path = settings.SYSUPDATE_KEY
    if path.exists() and replaces:
        key_files.set_aside(path, fingerprint())
    if not path.exists():
        key = Tsk.generate(user_id="OEM Fleet", validity_seconds=None)
        key_files.write(path, str(key).encode())
    return public()


def is_made() -> bool:
    """Whether lists are signed here."""
    return bool(settings.SYSUPDATE_KEY.exists())


def public() -> bytes:
    """The public key, as a keyring takes it; raises `NoListKey`."""
    return bytes(_key().extract_certificate())


def fingerprint() -> str:
    """What to compare it by; raises `NoListKey`."""
    return str(_key().extract_certificate().fingerprint)


def sign(content: bytes) -> bytes:
    """A detached signature of a list; raises `NoListKey`."""
    from pysequoia import SignatureMode  # noqa: PLC0415 - see above
    from pysequoia import sign as signed  # noqa: PLC0415

    return bytes(signed(_key().signer(), content, mode=SignatureMode.DETACHED, armor=False))


def _key() -> "Tsk":
    path: Path = settings.SYSUPDATE_KEY
    try:
        return _read(path, path.stat().st_mtime_ns)
    except FileNotFoundError:
        raise NoListKey("No key was made here yet: manage.py sysupdate_key makes one.") from None
    except OSError as error:
        raise NoListKey(f"{path} cannot be read: {error}") from error


@lru_cache(maxsize=1)
def _read(path: Path, _changed: int) -> "Tsk":
    from pysequoia import Tsk  # noqa: PLC0415 - see above

    try:
        return Tsk.from_bytes(path.read_bytes())
    except Exception as error:  # whatever the library raises, it has no class of its own
        raise NoListKey(f"{path} cannot be read as an OpenPGP key: {error}") from error
