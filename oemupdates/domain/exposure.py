"""What can be said of an image and a known hole, by what is known to be inside.

An image is the OS of a release, or an OEM's sysext for an OS version. The list of packages beside
it tells what is inside; its build, which nodes observe, does so too of the tool whose version the
OEM's builds have. Where neither tells, the image is unknown, and never clean.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

from oemupdates.domain.advisory import Advisory
from oemupdates.domain.checkin import OBSERVED
from oemupdates.domain.ebuild import BadVersion, Package, order
from oemupdates.domain.oem import NO_OEM, Before, Oem, tool_of

_REVISION = re.compile(r"-r\d+$", re.ASCII)
# The build of an OEM's sysext that has no version of its own.
_NO_VERSION = "0"


class Verdict(StrEnum):
    """What can be said of an image and a hole."""

    EXPOSED = "exposed"
    CLEAR = "clear"
    UNKNOWN = "unknown"


class Ran(NamedTuple):
    """All of a node that tells which images it runs."""

    architecture: str
    version: str
    oem: str
    oem_version: str
    oem_build: str
    oem_basis: str


class Image(NamedTuple):
    """One image: of the OS if `oem` is empty, else of an OEM, for an OS version and machine.

    `build` is what was observed of an OEM's. An OEM's without a version is whatever a node runs
    of which no merged sysext is known, above all files that were installed on its OEM partition.
    """

    oem: str
    version: str
    architecture: str
    build: str = ""

    @property
    def words(self) -> str:
        """What it is called."""
        build = f" {self.build}" if self.build else ""
        return f"OEM {self.oem}{build}" if self.oem else "the OS"

    @property
    def why_unknown(self) -> str:
        """Why nobody can say what is in it, where nobody can."""
        if self.oem and not self.version:
            return "No sysext is known to be merged: it may run files of an older installation."
        if self.build:
            return "Its build does not tell, and no list of its packages does."
        return "No list of its packages is here."


class Judged(NamedTuple):
    """The verdict on an image, and the packages in it that have the hole."""

    verdict: Verdict
    holed: tuple[Package, ...] = ()


@dataclass(frozen=True)
class Inside:
    """What is known to be in images: their lists of packages, and what OEMs are known to bring.

    `lists` may leave out packages that no advisory is about; `builds` are those that lists of OEMs
    are of, where that is known.
    """

    lists: Mapping[Image, Collection[Package]]
    oems: Mapping[str, Oem]
    builds: Mapping[Image, str] = field(default_factory=dict)

    @cached_property
    def carried(self) -> Mapping[str, set[str]]:
        """The packages that some image of each OEM holds; those of the OS by an empty id."""
        found: defaultdict[str, set[str]] = defaultdict(set)
        for image, packages in self.lists.items():
            found[image.oem].update(package.name for package in packages)
        return found

    @cached_property
    def _brought(self) -> set[str]:
        """The tools that any OEM brings."""
        named = {tool.lower() for oem in self.oems.values() for tool in oem.tools}
        seen = {tool_of(name) for oem, names in self.carried.items() if oem for name in names}
        return named | seen

    def list_of(self, image: Image) -> Collection[Package] | None:
        """What an image holds by its list; None without one, or with that of another build."""
        any_build = image._replace(build="")
        build = self.builds.get(any_build, "")
        if image.build and build and build != image.build:
            return None
        return self.lists.get(any_build)

    def may_carry(self, oem: str, package: str) -> bool:
        """Whether an image that nothing else is known of may hold a package.

        A package that no OEM is known to bring may be in the OS. An OEM that is not in the
        catalogue, and of which no list is here, may bring anything.
        """
        if package in self.carried.get(oem, ()):
            return True
        if not oem:
            return tool_of(package) not in self._brought
        known = self.oems.get(oem)
        if known is None:
            return oem not in self.carried
        return tool_of(package) in {tool.lower() for tool in known.tools}

    def build_tells_of(self, image: Image, package: str) -> bool:
        """Whether a build is the version of a package: where the catalogue says of which tool."""
        known = self.oems.get(image.oem)
        has_version = image.build not in {"", _NO_VERSION}
        return bool(
            has_version
            and known
            and known.build_tool
            and tool_of(package) == tool_of(known.build_tool)
        )

    def concerned(self, said: Advisory, oems: Iterable[str]) -> list[str]:
        """Those OEMs, and the OS as an empty one, that may carry what an advisory is about."""
        return [
            oem for oem in oems if any(self.may_carry(oem, package) for package in said.packages)
        ]


def images(ran: Ran, oems: Mapping[str, Oem]) -> list[Image]:
    """The images that a node runs, as far as that is known."""
    found = [Image("", ran.version, ran.architecture)]
    if ran.oem in NO_OEM:
        return found
    if ran.oem_version:
        return [*found, Image(ran.oem, ran.oem_version, ran.architecture, ran.oem_build)]
    known = oems.get(ran.oem)
    runs_nothing = ran.oem_basis == OBSERVED and known and known.before is not Before.PARTITION
    return found if runs_nothing else [*found, Image(ran.oem, "", ran.architecture)]


def judge(said: Advisory, image: Image, inside: Inside) -> Judged:
    """Say whether an image has a hole: by its build what that tells, by its list the rest."""
    listed = inside.list_of(image)
    holed: list[Package] = []
    is_sure = True
    for name in sorted(said.packages):
        packages = [one for one in listed or () if one.name == name]
        if inside.build_tells_of(image, name):
            packages = _by_build(said, image, name, packages)
            is_sure = is_sure and bool(packages)
        elif listed is None:
            is_sure = is_sure and not inside.may_carry(image.oem, name)
        holed += [one for one in packages if said.holds(one.name, one.version)]
    if holed:
        return Judged(Verdict.EXPOSED, tuple(holed))
    return Judged(Verdict.CLEAR if is_sure else Verdict.UNKNOWN)


def _by_build(said: Advisory, image: Image, name: str, listed: list[Package]) -> list[Package]:
    """The package in the version that a build tells; none where it cannot be told.

    The revision of a build is not the tool's but that of the OEM's own package. Where a hole ends
    with a revision, only a list of the same version can tell.
    """
    try:
        order(image.build)
    except BadVersion:
        return []
    bare = _REVISION.sub("", image.build)
    if said.holds(name, bare) == said.holds(name, image.build):
        return [Package(name, image.build)]
    return [one for one in listed if _REVISION.sub("", one.version) == bare]
