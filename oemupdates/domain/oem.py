"""The OEM catalogue: which OEM ids and extensions exist, what they bring, since when, and where.

`shipped` has what this version of the product knows of Flatcar; operators correct and add.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from oemupdates.domain.version import BadVersion, Version, parse

BOTH = frozenset({"amd64", "arm64"})
AMD64 = frozenset({"amd64"})

# Second field of a Flatcar version, by which its channel is known.
_ALPHA = 0

# What a node without an OEM says: nothing on plain bare metal, `diskless` from the PXE stub.
NO_OEM = frozenset({"", "diskless"})


# How many updates to versions with a sysext move a former installation over.
MIGRATES_BY = 2
_ID = re.compile(r"[0-9a-z][0-9a-z._-]{0,63}", re.ASCII)


def is_id(text: str) -> bool:
    """Whether a text may be an OEM's id: lower-case letters, digits, dots and dashes."""
    return bool(_ID.fullmatch(text)) and text not in NO_OEM


class Before(StrEnum):
    """What an OEM was before it came as a sysext, or is if it never did."""

    NOTHING = "nothing"  # there was no such OEM
    PARTITION = "partition"  # files on the OEM partition
    BASE = "base"  # files in the OS image


class Carries(StrEnum):
    """What an OEM means on a node of some OS version and architecture."""

    NONE = "none"
    TOOLS = "tools"
    CONFIGURATION = "configuration"
    BASE = "base"
    PARTITION = "partition"
    NOTHING_YET = "nothing_yet"  # too old a version, or another architecture
    DROPPED = "dropped"
    UNKNOWN = "unknown"


WORDS = {
    Carries.NONE: "No OEM: nothing is merged, and nothing should be.",
    Carries.TOOLS: "Tools in a sysext of the OS version: {tools}.",
    Carries.CONFIGURATION: "Configuration only, in a sysext of the OS version: no agent in this"
    " OEM.",
    Carries.BASE: "Files in the base image: they change with the OS, and nothing is merged.",
    Carries.PARTITION: "Legacy partition files: they stay as they were installed.",
    Carries.NOTHING_YET: "Nothing: it has no sysext for this OS version and architecture.",
    Carries.DROPPED: "Nothing any more: Flatcar builds no sysext of it for this OS version.",
    Carries.UNKNOWN: "Not in the catalogue: add it, so that the server knows what to expect.",
}


@dataclass(frozen=True, slots=True)
class Oem:
    """One OEM id, or one extension.

    `alpha_since` and `stable_since` are the first Alpha and the first Stable release with a
    sysext of its own version; without the first there never was one. Beta, Stable and LTS start
    from an Alpha, so they have what it had; an earlier `stable_since` was carried back to them.
    `migrates` says that the OS image can move a legacy installation over, which also makes the
    payload mandatory on nodes that were never migrated. `dropped_in` is the first release without
    a payload for it. Without `tools` it is configuration only; `build_tool` is the one of them
    whose version its builds have, empty where they have one of their own.
    """

    id: str
    architectures: frozenset[str]
    alpha_since: str = ""
    stable_since: str = ""
    migrates: bool = False
    dropped_in: str = ""
    name: str = ""
    tools: tuple[str, ...] = ()
    build_tool: str = ""
    before: Before = Before.NOTHING
    source: str = ""

    def shipped_in(self, version: Version) -> bool:
        """Whether releases of this version were built with a sysext of it."""
        if not self.alpha_since or self.is_dropped_in(version):
            return False
        if version >= parse(self.alpha_since):
            return True
        carried_back = self.stable_since and version.minor != _ALPHA
        return bool(carried_back) and version >= parse(self.stable_since)

    def is_dropped_in(self, version: Version) -> bool:
        """Whether it was there, and no longer is."""
        return bool(self.dropped_in) and version >= parse(self.dropped_in)


class Catalogue:
    """The OEMs and extensions that are known, and what follows from that.

    It never changes: who corrects it makes another. What it answers is remembered, since every
    check-in asks.
    """

    def __init__(self, oems: Iterable[Oem], extensions: Iterable[Oem] = ()) -> None:
        self.oems = {oem.id: oem for oem in oems}
        self.extensions = {extension.id: extension for extension in extensions}
        self._is_shipped = lru_cache(maxsize=4096)(self._look_up)

    def is_shipped(self, oem: str, *, version: str, architecture: str) -> bool:
        """Whether there is a sysext of an OEM for an OS version and architecture."""
        return self._is_shipped(oem, version, architecture)

    def _look_up(self, oem: str, version: str, architecture: str) -> bool:
        known = self.oems.get(oem)
        if known is None or architecture not in known.architectures:
            return False
        try:
            return known.shipped_in(parse(version))
        except BadVersion:
            return False

    def is_mandatory(self, oem: str, *, running: str, target: str, architecture: str) -> bool:
        """Whether a node's update to `target` fails without a payload for its OEM.

        The post-install step wants it when the new image lists the OEM as migrated, or when the
        node runs its OEM as a sysext already. Whether a node of an OEM that is not migrated does,
        its check-ins cannot tell for sure: then a payload that the release should have is wanted.
        """
        known = self.oems.get(oem)
        if known is None or architecture not in known.architectures:
            return False
        if self._is_shipped(oem, running, architecture):
            return True
        if self._is_shipped(oem, target, architecture):
            return True
        # Dropped upstream, but still in the image's list of migrated OEMs.
        return known.migrates and self.is_dropped(oem, target=target)

    def is_dropped(self, oem: str, *, target: str) -> bool:
        """Whether an OEM's payload is no longer built at or before a version."""
        known = self.oems.get(oem)
        try:
            return known is not None and known.is_dropped_in(parse(target))
        except BadVersion:
            return False

    def carries(self, oem: str, *, version: str, architecture: str) -> Carries:
        """What an OEM means on a node that runs an OS version."""
        known = self.oems.get(oem)
        if known is None:
            return Carries.NONE if oem in NO_OEM else Carries.UNKNOWN
        if self._is_shipped(oem, version, architecture):
            return Carries.TOOLS if known.tools else Carries.CONFIGURATION
        if self.is_dropped(oem, target=version):
            return Carries.DROPPED
        if architecture in known.architectures and known.before is not Before.NOTHING:
            return Carries(known.before)
        return Carries.NOTHING_YET

    def words(self, oem: str, *, version: str, architecture: str) -> str:
        """The same in a sentence."""
        known = self.oems.get(oem)
        tools = ", ".join(known.tools) if known else ""
        carried = self.carries(oem, version=version, architecture=architecture)
        return WORDS[carried].format(tools=tools)


# Packages whose tool the catalogue calls by another name.
_TOOLS = {"wa-linux-agent": "walinuxagent"}


def tool_of(package: str) -> str:
    """The tool that a package is, in small letters: of `category/name`, or as it is known."""
    short = package.rpartition("/")[2].lower()
    return _TOOLS.get(short, short)


def own_package(oem: str) -> str:
    """The package that an OEM's image is made of: its version is the image's build."""
    return f"coreos-base/oem-{oem}"


def payload_name(oem: str) -> str:
    """The file name under which a release carries this OEM's sysext."""
    return f"oem-{oem}.gz"
