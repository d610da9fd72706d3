"""Flatcar versions, parsed and ordered as numbers.

Flatcar's versions are Semantic Versioning 2.0.0 with four-digit majors: `4593.2.1`,
`4593.0.0-alpha-nightly`, `4799.0.0+nightly-20260821-2100`. Order follows that specification: build
metadata never makes one version newer than another.
"""

import re
from functools import lru_cache
from typing import NamedTuple

_SHAPE = re.compile(
    r"(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})"
    r"(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?"
    r"(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?",
    re.ASCII,
)
MAX_LENGTH = 64
_FIELDS = 3
# A pre-release identifier of digits alone compares as a number; this is the widest we accept.
_MAX_DIGITS = 18
# Twenty of the shortest identifiers, so that `sort_key` never outgrows its column.
_MAX_PRE = 40
# Sorts before every identifier's own characters: of two, the one that ends first comes first.
_SEPARATOR = "00"


class BadVersion(ValueError):
    """A text that is no Flatcar version."""


class Version(NamedTuple):
    """A version in a form that compares as the specification says.

    `is_release` puts a release behind its own pre-releases, whose identifiers are in `pre`.
    """

    major: int
    minor: int
    patch: int
    is_release: bool
    pre: tuple[tuple[int, int, str], ...]


@lru_cache(maxsize=4096)
def parse(text: str) -> Version:
    """Read a version; `BadVersion` if it is none.

    Pre-release identifiers compare numerically when they are digits, else as ASCII, and digits
    come before letters (section 11 of the specification).
    """
    match = _SHAPE.fullmatch(text) if len(text) <= MAX_LENGTH else None
    if match is None:
        raise BadVersion(f"{text[:MAX_LENGTH]!r} is no Flatcar version like 4593.2.1")
    if match[4] and len(match[4]) > _MAX_PRE:
        raise BadVersion(f"{match[4]!r} is longer than a pre-release of Flatcar's")
    pre = tuple(_identifier(part) for part in match[4].split(".")) if match[4] else ()
    return Version(int(match[1]), int(match[2]), int(match[3]), not pre, pre)


def without_build(text: str) -> str:
    """A version as `VERSION_ID` has it, to which images are bound: without what a plus begins.

    A nightly and its images say `4799.0.0` there; `4799.0.0+nightly-20260821-2100` is its name.
    """
    return text.partition("+")[0]


def _identifier(part: str) -> tuple[int, int, str]:
    if not part.isdigit():
        return (1, 0, part)
    if len(part) > _MAX_DIGITS or (part[0] == "0" and part != "0"):
        raise BadVersion(f"{part!r} is no pre-release number")
    return (0, int(part), "")


def sort_key(text: str) -> str:
    """A text that sorts as the version does, for a database column of 128 characters.

    Digits and small letters alone stand in it, which every collation orders alike: numbers are
    padded to nine digits, a release ends in `z`, and a pre-release goes on in hexadecimal. Texts
    that are no version sort first.
    """
    try:
        version = parse(text)
    except BadVersion:
        return ""
    numbers = "".join(f"{number:09d}" for number in version[:_FIELDS])
    if version.is_release:
        return f"{numbers}z"
    return numbers + _SEPARATOR.join(_identifier_key(*part) for part in version.pre)


def _identifier_key(kind: int, number: int, word: str) -> str:
    """Words by their characters; a number by how many digits it has, which no character starts."""
    if kind:
        return word.encode().hex()
    digits = str(number)
    return f"{len(digits):02d}{digits}"
