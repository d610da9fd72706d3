"""Archives that every `tar` unpacks, and that are the same bytes each time they are made.

POSIX ustar of plain files alone, owned by nobody and made at no time, so that a header follows
from a name and a size. That is also how one is read: any other byte in a header is refused.
"""

import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

BLOCK = 512
END = bytes(2 * BLOCK)
MAX_SIZE = 8 * 1024**3 - 1


class BadName(ValueError):
    """A name or a size that a header cannot hold."""


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive: its size in bytes, and its content or where that is."""

    name: str
    size: int
    content: bytes | Path

    @classmethod
    def of(cls, name: str, content: bytes) -> "Member":
        """A file whose content is at hand."""
        return cls(name, len(content), content)


def header(name: str, size: int) -> bytes:
    """The block before a file of that name and size."""
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o644
    if not name.isascii() or not 0 <= size <= MAX_SIZE:
        raise BadName(f"{name!r} of {size} bytes fits into no archive.")
    try:
        return member.tobuf(tarfile.USTAR_FORMAT, "ascii", "strict")
    except ValueError as error:
        raise BadName(f"{name!r} fits into no archive: {error}.") from error


def padding(size: int) -> bytes:
    """What fills a file up to a whole number of blocks."""
    return bytes(-size % BLOCK)


def pieces(members: Iterable[Member]) -> list[tuple[bytes | Path, int]]:
    """What an archive is made of, in order, each with its size."""
    found: list[tuple[bytes | Path, int]] = []
    for member in members:
        found += [
            (header(member.name, member.size), BLOCK),
            (member.content, member.size),
            (padding(member.size), -member.size % BLOCK),
        ]
    return [*found, (END, len(END))]
