"""Private keys of this server in files: made once, set aside and never overwritten."""

import os
from pathlib import Path


def write(path: Path, key: bytes) -> None:
    """Write a key where there is none, for this server's user alone to read."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(key)


def set_aside(path: Path, fingerprint: str) -> None:
    """Rename a former key, by the beginning of its fingerprint."""
    path.rename(path.with_name(f"{path.stem}-{fingerprint[:16]}{path.suffix}"))
