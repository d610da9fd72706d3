"""Versions of Gentoo packages in order, and the lists of packages that lie beside images.

The order is that of Gentoo's Package Manager Specification, section 3.3; a line of a list is
`category/name-version`, with `::repository` behind it.
"""

import re
from functools import lru_cache
from typing import NamedTuple

_VERSION = r"\d+(?:\.\d+)*[a-z]?(?:_(?:alpha|beta|pre|rc|p)\d*)*(?:-r\d+)?"
_PARTS = re.compile(r"(\d+(?:\.\d+)*)([a-z]?)((?:_[a-z]+\d*)*)(?:-r(\d+))?", re.ASCII)
_WHOLE = re.compile(_VERSION, re.ASCII)
_SUFFIX = re.compile(r"_([a-z]+)(\d*)", re.ASCII)
_NAME = r"[A-Za-z0-9_][A-Za-z0-9+_.-]*/[A-Za-z0-9_][A-Za-z0-9+_-]*?"
_LINE = re.compile(rf"({_NAME})-({_VERSION})(?:::?[\w./-]+)*", re.ASCII)
_RANKS = {"alpha": -4, "beta": -3, "pre": -2, "rc": -1, "p": 1}
_END = (0, 0)  # behind every `_rc`, and before every `_p`
MAX_LENGTH = 64
MAX_NAME = 128
_MAX_LINE = 300
# An image of Flatcar has some four hundred packages.
MOST = 5000


class BadVersion(ValueError):
    """A text that is no version of a Gentoo package."""


class Package(NamedTuple):
    """One package of a list: `app-emulation/open-vm-tools` and `12.4.5-r1`."""

    name: str
    version: str


@lru_cache(maxsize=4096)
def order(version: str) -> tuple[object, ...]:
    """What sorts as the version does; `BadVersion` if it is none.

    Numbers behind the first that begin with a zero are digits behind a decimal point.
    """
    parts = _PARTS.fullmatch(version) if _WHOLE.fullmatch(version) else None
    if parts is None or len(version) > MAX_LENGTH:
        raise BadVersion(f"{version[:MAX_LENGTH]!r} is no version like 12.4.5-r1")
    first, *others = parts[1].split(".")
    numbers = tuple(
        (0, 0, number.rstrip("0")) if number[0] == "0" else (1, int(number), "")
        for number in others
    )
    suffixes = [(_RANKS[word], int(number or 0)) for word, number in _SUFFIX.findall(parts[3])]
    return (int(first), numbers, parts[2], (*suffixes, _END), int(parts[4] or 0))


def packages(text: str) -> list[Package]:
    """The packages of a list, each once; lines that name none are passed over."""
    found: dict[Package, None] = {}
    for line in text.splitlines():
        match = _LINE.fullmatch(line.strip()) if len(line) <= _MAX_LINE else None
        if match is not None and len(match[1]) <= MAX_NAME and len(match[2]) <= MAX_LENGTH:
            found[Package(match[1], match[2])] = None
        if len(found) >= MOST:
            break
    return list(found)
