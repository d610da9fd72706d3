"""Extensions that nodes keep up to date by systemd-sysupdate, apart from the OS.

Such a *component* has versions of its own, as Flatcar's sysext-bakery builds them. A node takes
the newest image that a list names, so what it runs is steered by what its list names.
"""

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple

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
    return tuple(sorted(images, key=lambda image: order(image.version), reverse=True))


def sums(images: Sequence[Image]) -> bytes:
    """A list of images as systemd-pull reads `SHA256SUMS`: one that is empty it refuses."""
    lines = [f"{image.sha256}  {image.file}\n" for image in images]
    return "".join(lines or [_NOTHING_LINE]).encode()


def is_older(one: str, other: str) -> bool:
    """Whether systemd takes a version for older than another."""
    return order(one) < order(other)


# What is below all that begins otherwise, the lowest first; "" is a version's end.
_MARKS = ("~", "", "-", "^", ".")
_NO_PART = re.compile(r"[^0-9A-Za-z~.^-]+")
_PART = re.compile(r"(?P<digits>[0-9]+)|(?P<letters>[A-Za-z]*)")


@lru_cache(maxsize=4096)
def order(version: str) -> tuple[bool | int | str, ...]:
    """What versions compare by as systemd compares them (UAPI.10).

    Source: https://uapi-group.org/specifications/specs/version_format_specification/
    """
    key: list[bool | int | str] = []
    rest = version
    while True:
        if found := _NO_PART.match(rest):
            rest = rest[found.end() :]
        for mark in _MARKS:
            has = rest[:1] == mark
            key.append(not has)
            if has and not mark:
                return tuple(key)
            rest = rest[has:]
        part = _PART.match(rest)
        digits, letters = part.groups("") if part else ("", "")
        rest = rest[len(digits) + len(letters) :]
        number = digits.lstrip("0")
        key += [bool(digits), len(number), number or letters]
