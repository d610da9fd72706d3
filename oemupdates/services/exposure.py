"""Exposure: which images have a known hole, on how many nodes, and what clears it.

An image is the OS of a release or the sysext of one of its OEMs; what is in it is known from the
list of packages beside it. An image without a list is unknown, and never clean.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

from django.db.models import F

from oemupdates.domain.access import EVERYWHERE, Reach
from oemupdates.domain.advisory import Advisory as Known
from oemupdates.domain.oem import NO_OEM, tool_of
from oemupdates.domain.version import sort_key
from oemupdates.models import Advisory, NodeCount, Package, PackageList
from oemupdates.services import advisories, catalogue

OS_LIST = "flatcar_production_image"
_OEM = "oem-"


class Image(NamedTuple):
    """One image: of the OS if `oem` is empty, else of an OEM, for an OS version and machine."""

    oem: str
    version: str
    architecture: str

    @property
    def words(self) -> str:
        """What it is called."""
        return f"OEM {self.oem}" if self.oem else "the OS"


class Verdict(StrEnum):
    """What can be said of an image and a hole."""

    EXPOSED = "exposed"
    CLEAR = "clear"
    UNKNOWN = "unknown"


class Place(NamedTuple):
    """An image with the hole: in which package, on how many nodes by group, and what clears it.

    `cleared_by` is the first later release whose image is known not to have it.
    """

    image: Image
    package: str
    package_version: str
    groups: Mapping[int, int]
    cleared_by: str

    @property
    def nodes(self) -> int:
        """On how many nodes it runs."""
        return sum(self.groups.values())


@dataclass(frozen=True, slots=True)
class Exposed:
    """One advisory against this fleet. `unknown` are the nodes on images nobody can say it of."""

    row: Advisory
    said: Known
    places: tuple[Place, ...]
    unknown: Mapping[Image, int]
    listed: Collection[Image]

    def verdict(self, image: Image) -> Verdict:
        """What can be said of an image that nodes would run."""
        if any(place.image == image for place in self.places):
            return Verdict.EXPOSED
        return Verdict.CLEAR if image in self.listed else Verdict.UNKNOWN

    @property
    def cleared_by(self) -> list[str]:
        """The releases that clear it on the images that nodes run, the oldest first."""
        found = {place.cleared_by for place in self.places if place.nodes and place.cleared_by}
        return sorted(found, key=sort_key)

    @property
    def nodes(self) -> int:
        """How many nodes have the hole, each once."""
        return sum({place.image: place.nodes for place in self.places}.values())

    @property
    def unknown_nodes(self) -> int:
        """Of how many nodes nobody can say."""
        return sum(self.unknown.values())

    @property
    def groups(self) -> Counter[int]:
        """How many nodes of each group have the hole, each once."""
        found: Counter[int] = Counter()
        for groups in {place.image: place.groups for place in self.places}.values():
            found.update(groups)
        return found


@dataclass
class Images:
    """Every image whose packages are known, and those that nodes run."""

    known: dict[Image, list[Package]] = field(default_factory=lambda: defaultdict(list))
    running: dict[Image, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    listed: set[Image] = field(default_factory=set)

    @cached_property
    def by_kind(self) -> Mapping[tuple[str, str], list[Image]]:
        """Listed images by OEM and machine, the oldest first."""
        found: defaultdict[tuple[str, str], list[Image]] = defaultdict(list)
        for image in sorted(self.listed, key=lambda one: sort_key(one.version)):
            found[image.oem, image.architecture].append(image)
        return found


def look(reach: Reach = EVERYWHERE, *, only: Advisory | None = None) -> list[Exposed]:
    """Hold every advisory, or one, against what nodes within a reach run; the most exposed first.

    It costs what there are images and cells of the counters, however many nodes.
    """
    every = [(row, said) for row, said in advisories.known() if only is None or row.pk == only.pk]
    images = _images({name for _row, said in every for name in said.packages}, reach)
    tools = _tools()
    found = [_exposed(row, said, images, tools) for row, said in every]
    return sorted(
        found, key=lambda one: (-one.nodes, -one.unknown_nodes, -one.said.published_at.timestamp())
    )


def _exposed(row: Advisory, said: Known, images: Images, tools: Mapping[str, set[str]]) -> Exposed:
    holed = {
        image: [one for one in held if said.holds(one.name, one.version)]
        for image, held in images.known.items()
    }
    places = [
        Place(
            image,
            one.name,
            one.version,
            images.running.get(image, {}),
            _cleared(image, holed, images),
        )
        for image, held in holed.items()
        for one in held
    ]
    places.sort(key=lambda place: (-place.nodes, place.image))
    concerned = _concerned(said, images, tools)
    unknown = {
        image: groups.total()
        for image, groups in images.running.items()
        if image not in images.listed and image.oem in concerned and groups.total()
    }
    return Exposed(row, said, tuple(places), unknown, images.listed)


def _concerned(said: Known, images: Images, tools: Mapping[str, set[str]]) -> set[str]:
    """The OEMs, and the OS as an empty one, that may carry a package that an advisory names."""
    carried = {
        image.oem
        for image, held in images.known.items()
        if any(one.name in said.packages for one in held)
    }
    names = {tool_of(name) for name in said.packages}
    return carried | {oem for oem, brought in tools.items() if brought & names}


def _cleared(image: Image, holed: Mapping[Image, Collection[Package]], images: Images) -> str:
    mine = sort_key(image.version)
    for later in images.by_kind[image.oem, image.architecture]:
        if sort_key(later.version) > mine and not holed.get(later):
            return later.version
    return ""


def _images(names: Collection[str], reach: Reach) -> Images:
    found = Images()
    lists = PackageList.objects.filter(is_read=True).values_list(
        "name", "release__version", "release__architecture"
    )
    for name, version, architecture in lists:
        if (image := _image(name, version, architecture)) is not None:
            found.listed.add(image)
    rows = Package.objects.filter(name__in=names).annotate(
        of=F("package_list__name"),
        os_version=F("package_list__release__version"),
        machine=F("package_list__release__architecture"),
    )
    for row in rows:
        if (image := _image(row.of, row.os_version, row.machine)) is not None:
            found.known[image].append(row)
    cells = NodeCount.objects.within(reach)
    for group, machine, version, oem, oem_version, nodes in cells.by(
        "group", "architecture", "version", "oem", "oem_version"
    ):
        found.running[Image("", version, machine)][group] += nodes
        # Without one nothing is merged, or nobody knows what is.
        if oem not in NO_OEM and oem_version:
            found.running[Image(oem, oem_version, machine)][group] += nodes
    return found


def _image(name: str, version: str, architecture: str) -> Image | None:
    if name == OS_LIST:
        return Image("", version, architecture)
    if name.startswith(_OEM):
        return Image(name.removeprefix(_OEM), version, architecture)
    return None  # an extension: check-ins do not tell who switched it on


def _tools() -> dict[str, set[str]]:
    known = catalogue.load()
    return {oem.id: {tool.lower() for tool in oem.tools} for oem in known.oems.values()}
