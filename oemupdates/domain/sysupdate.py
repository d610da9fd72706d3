"""Extensions that nodes keep up to date by systemd-sysupdate, apart from the OS.

Such a *component* has versions of its own, as Flatcar's sysext-bakery builds them. A node takes
the newest image that a list names, so what it runs is steered by what its list names.
"""

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum
from functools import cmp_to_key, lru_cache
from hashlib import sha256
from typing import Any, NamedTuple

from oemupdates.domain.extension import ARCHITECTURES
from oemupdates.domain.version import without_build

SUMS, SIGNATURE = "SHA256SUMS", "SHA256SUMS.gpg"
MAX_NAME, MAX_VERSION = 64, 64
_NAME = re.compile(rf"[a-z0-9][a-z0-9._-]{{0,{MAX_NAME - 1}}}", re.ASCII)
# What systemd takes for a version, and no more of it than a file's name has room for.
_VERSION = re.compile(rf"[0-9A-Za-z][0-9A-Za-z.,_+-]{{0,{MAX_VERSION - 1}}}", re.ASCII)
_FILE = re.compile(r"(?P<name>.+)-(?P<machine>x86-64|arm64)\.raw", re.ASCII)
_MACHINES = {ours: theirs for theirs, ours in ARCHITECTURES.items()}
# A list without a line is an error to systemd; this file no pattern of any extension matches.
NOTHING = "nothing-for-this-node"
_NOTHING_LINE = f"{sha256(b'').hexdigest()}  {NOTHING}\n"


class BadImageName(ValueError):
    """A file that is called as no image of a component is; the text says how one is."""


class Withheld(StrEnum):
    """Why a list names nothing."""

    UNKNOWN_NODE = "unknown_node"
    NOT_WANTED = "not_wanted"
    UPDATES_OFF = "updates_off"
    HELD = "held"
    NONE_FITS = "none_fits"


class Image(NamedTuple):
    """One image: `sha256` is lower-case hex, `size` is in bytes.

    `bound_to` is the OS version that it was built for; empty if it fits every version.
    """

    component: str
    version: str
    architecture: str
    sha256: str = ""
    size: int = 0
    bound_to: str = ""

    @property
    def file(self) -> str:
        """What it is called, as the pattern `<component>-@v-%a.raw` of the bakery matches it."""
        return f"{self.component}-{self.version}-{_MACHINES[self.architecture]}.raw"

    def fits(self, *, os_version: str, architecture: str) -> bool:
        """Whether systemd-sysext of a node would merge it; an empty architecture is any."""
        is_its_own = self.architecture == (architecture or self.architecture)
        return is_its_own and self.bound_to in {"", without_build(os_version)}


class Wanted(NamedTuple):
    """That a group's nodes should have a component: up to a version, or the newest if empty."""

    component: str
    up_to: str = ""


def is_component(text: str) -> bool:
    """Whether a component can have that name: as a file, a folder, and a part of a URL."""
    return _NAME.fullmatch(text) is not None


def is_version(text: str) -> bool:
    """Whether systemd-sysupdate takes a text for a version."""
    return _VERSION.fullmatch(text) is not None


def read_name(file: str, component: str = "") -> Image:
    """What an image's name says; without its component, that ends before the first digit part.

    Raises `BadImageName`.
    """
    match = _FILE.fullmatch(file)
    if match is None:
        raise BadImageName(
            f"{file[:100]!r} is no name of an image: that is <component>-<version>-x86-64.raw,"
            " or -arm64.raw."
        )
    name = match["name"]
    if not component:
        found = re.match(r"(.+?)-(?=v?[0-9])", name)
        component = found[1] if found else ""
    version = name.removeprefix(f"{component}-")
    if not is_component(component) or version == name or not is_version(version):
        raise BadImageName(f"{file[:100]!r} names no component and version of it.")
    return Image(component, version, ARCHITECTURES[match["machine"]])


def version_of(component: str, path: str) -> str:
    """The version that the target of a component's link has; empty if it tells none."""
    try:
        return read_name(path.rpartition("/")[2], component).version
    except BadImageName:
        return ""


def listed(
    images: Iterable[Image], *, up_to: str, os_version: str, architecture: str
) -> list[Image]:
    """Those of a component's images that a node may install; older ones are its way back."""
    return [
        image
        for image in images
        if image.fits(os_version=os_version, architecture=architecture)
        and not (up_to and is_older(up_to, image.version))
    ]


def newest_first(images: Iterable[Image]) -> tuple[Image, ...]:
    """Images in the order of which a node takes the first that it can."""
    return tuple(sorted(images, key=lambda image: by_age(image.version), reverse=True))


def sums(images: Sequence[Image]) -> bytes:
    """A list of images as systemd-pull reads `SHA256SUMS`: one that is empty it refuses."""
    lines = [f"{image.sha256}  {image.file}\n" for image in images]
    return "".join(lines or [_NOTHING_LINE]).encode()


def is_older(one: str, other: str) -> bool:
    """Whether systemd takes a version for older than another."""
    return compare(one, other) < 0


@lru_cache(maxsize=4096)
def compare(one: str, other: str) -> int:
    """Order two versions as systemd does (UAPI.10): below, at or above zero.

    Source: https://uapi-group.org/specifications/specs/version_format_specification/
    """
    while True:
        one, other = (re.sub(r"^[^0-9A-Za-z~.^-]+", "", text) for text in (one, other))
        if one == other:
            return 0
        for mark in _MARKS:
            has = [text[:1] == mark for text in (one, other)]
            if has[0] != has[1]:
                return -1 if has[0] else 1
            if has[0]:
                one, other = one[1:], other[1:]
        is_number = one[:1].isdigit() or other[:1].isdigit()
        order, one, other = (_numbers if is_number else _letters)(one, other)
        if order:
            return order


# What is below all that begins otherwise, the lowest first; "" is a version's end.
_MARKS = ("~", "", "-", "^", ".")


def _numbers(one: str, other: str) -> tuple[int, str, str]:
    """How two versions stand by the numbers that they begin with, and what follows those."""
    ours, one = _split(r"[0-9]*", one)
    theirs, other = _split(r"[0-9]*", other)
    keys = [(bool(text), len(text.lstrip("0")), text.lstrip("0")) for text in (ours, theirs)]
    return _sign(*keys), one, other


def _letters(one: str, other: str) -> tuple[int, str, str]:
    """The same by letters."""
    ours, one = _split(r"[A-Za-z]*", one)
    theirs, other = _split(r"[A-Za-z]*", other)
    return _sign(ours, theirs), one, other


def _split(pattern: str, text: str) -> tuple[str, str]:
    rest = re.sub(f"^{pattern}", "", text)
    return text[: len(text) - len(rest)], rest


def _sign(one: Any, other: Any) -> int:
    return int(one > other) - int(one < other)


by_age = cmp_to_key(compare)
