"""Exposure: which images have a known hole, on how many nodes, and what clears it."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from django.db.models import F

from oemupdates.domain import ebuild
from oemupdates.domain.access import EVERYWHERE, Reach
from oemupdates.domain.advisory import Advisory as Known
from oemupdates.domain.exposure import Image, Inside, Judged, Ran, Verdict, images, judge
from oemupdates.domain.oem import Oem
from oemupdates.domain.version import sort_key
from oemupdates.models import Advisory, NodeCount, Package, PackageList, Payload
from oemupdates.services.oem import catalogue, tools
from oemupdates.services.security import advisories

OS_LIST = "flatcar_production_image"
_OEM = "oem-"


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


class Unknown(NamedTuple):
    """An image of which nobody can say, and of how many nodes that leaves it open."""

    image: Image
    nodes: int


@dataclass(frozen=True, slots=True)
class Exposed:
    """One advisory against this fleet.

    `groups` are the nodes with the hole by group, and `unknown_groups` those of which nobody can
    say: each node once, and in one of them at most. `ran` and `unknown_ran` are what these run.
    """

    row: Advisory
    said: Known
    places: tuple[Place, ...]
    unknown: tuple[Unknown, ...]
    groups: Counter[int]
    unknown_groups: Counter[int]
    ran: frozenset[Ran]
    unknown_ran: frozenset[Ran]
    inside: Inside

    def verdict(self, image: Image) -> Verdict:
        """What can be said of an image that nodes would run."""
        return judge(self.said, image, self.inside).verdict

    @property
    def cleared_by(self) -> list[str]:
        """The releases that clear it on the images that nodes run, the oldest first."""
        found = {place.cleared_by for place in self.places if place.nodes and place.cleared_by}
        return sorted(found, key=sort_key)

    @property
    def nodes(self) -> int:
        """How many nodes have the hole."""
        return self.groups.total()

    @property
    def unknown_nodes(self) -> int:
        """Of how many nodes nobody can say."""
        return self.unknown_groups.total()


class _Cell(NamedTuple):
    """Nodes of a group that run the same."""

    group: int
    ran: Ran
    nodes: int


@dataclass
class _Fleet:
    """What nodes run: the cells of the counters, and by image those that run it."""

    cells: list[_Cell]
    oems: Mapping[str, Oem]
    by_image: defaultdict[Image, set[int]] = field(default_factory=lambda: defaultdict(set))

    def __post_init__(self) -> None:
        for place, cell in enumerate(self.cells):
            for image in images(cell.ran, self.oems):
                self.by_image[image].add(place)

    @cached_property
    def by_oem(self) -> Mapping[str, list[Image]]:
        """The images that nodes run, by OEM."""
        found: defaultdict[str, list[Image]] = defaultdict(list)
        for image in self.by_image:
            found[image.oem].append(image)
        return found

    def groups(self, places: Iterable[int]) -> Counter[int]:
        """The nodes of some cells by group."""
        found: Counter[int] = Counter()
        for place in places:
            found[self.cells[place].group] += self.cells[place].nodes
        return found

    def running(self, found: Iterable[Image]) -> set[int]:
        """The cells that run any of these images."""
        return {place for image in found for place in self.by_image.get(image, ())}


def look(reach: Reach = EVERYWHERE, *, only: Advisory | None = None) -> list[Exposed]:
    """Hold every advisory, or one, against what nodes within a reach run; the most exposed first.

    It costs what there are images and cells of the counters, however many nodes.
    """
    every = [(row, said) for row, said in advisories.known() if only is None or row.pk == only.pk]
    inside = _inside({name for _row, said in every for name in said.packages})
    rows = NodeCount.objects.within(reach).by("group", *Ran._fields)
    cells = [_Cell(group, Ran(*ran), nodes) for group, *ran, nodes in rows]
    fleet = _Fleet(cells, inside.oems)
    found = [_exposed(row, said, fleet, inside) for row, said in every]
    return sorted(
        found, key=lambda one: (-one.nodes, -one.unknown_nodes, -one.said.published_at.timestamp())
    )


def tell_apart(row: Advisory, every: Iterable[Ran]) -> tuple[frozenset[Ran], frozenset[Ran]]:
    """Of all that nodes run, what has a hole, and what nobody can say it of."""
    for known, said in advisories.known():
        if known.pk == row.pk:
            inside = _inside(said.packages)
            fleet = _Fleet([_Cell(0, ran, 1) for ran in every], inside.oems)
            found = _exposed(row, said, fleet, inside)
            return found.ran, found.unknown_ran
    return frozenset(), frozenset()  # a withdrawn one is held against nothing


def _exposed(row: Advisory, said: Known, fleet: _Fleet, inside: Inside) -> Exposed:
    concerned = inside.concerned(said, {"", *inside.carried, *fleet.by_oem})
    listed = _by_kind(inside, concerned)
    looked_at = {image for oem in concerned for image in fleet.by_oem.get(oem, ())}
    looked_at.update(image for kind in listed.values() for image in kind)
    judged = {image: judge(said, image, inside) for image in looked_at}
    exposed = fleet.running(_of(judged, Verdict.EXPOSED))
    unknown = fleet.running(_of(judged, Verdict.UNKNOWN)) - exposed
    places = [
        Place(
            image,
            package.name,
            package.version,
            fleet.groups(fleet.by_image.get(image, ())),
            _cleared(image, judged, listed),
        )
        for image in _of(judged, Verdict.EXPOSED)
        for package in judged[image].holed
    ]
    unsure = [
        Unknown(image, fleet.groups(fleet.by_image[image] & unknown).total())
        for image in _of(judged, Verdict.UNKNOWN)
    ]
    return Exposed(
        row,
        said,
        tuple(sorted(places, key=lambda place: (-place.nodes, place.image))),
        tuple(sorted((one for one in unsure if one.nodes), key=lambda one: (-one.nodes, one))),
        fleet.groups(exposed),
        fleet.groups(unknown),
        frozenset(fleet.cells[place].ran for place in exposed),
        frozenset(fleet.cells[place].ran for place in unknown),
        inside,
    )


def _of(judged: Mapping[Image, Judged], verdict: Verdict) -> list[Image]:
    return [image for image, found in judged.items() if found.verdict is verdict]


def _by_kind(inside: Inside, oems: Collection[str]) -> Mapping[tuple[str, str], list[Image]]:
    """Listed images by OEM and machine, the oldest first."""
    found: defaultdict[tuple[str, str], list[Image]] = defaultdict(list)
    for image in sorted(inside.lists, key=lambda one: sort_key(one.version)):
        if image.oem in oems:
            found[image.oem, image.architecture].append(image)
    return found


def _cleared(
    image: Image,
    judged: Mapping[Image, Judged],
    listed: Mapping[tuple[str, str], list[Image]],
) -> str:
    mine = sort_key(image.version)
    for later in listed.get((image.oem, image.architecture), ()):
        if sort_key(later.version) > mine and judged[later].verdict is Verdict.CLEAR:
            return later.version
    return ""


def _inside(names: Collection[str]) -> Inside:
    """What is known of the packages that advisories are about."""
    lists: dict[Image, list[ebuild.Package]] = {}
    releases: dict[Image, int] = {}
    read = PackageList.objects.filter(is_read=True).values_list(
        "name", "release__version", "release__architecture", "release"
    )
    for name, version, architecture, release in read:
        if (image := _image(name, version, architecture)) is not None:
            lists[image] = []
            releases[image] = release
    rows = Package.objects.filter(name__in=names, package_list__is_read=True).annotate(
        of=F("package_list__name"),
        os_version=F("package_list__release__version"),
        machine=F("package_list__release__architecture"),
    )
    for row in rows:
        if (image := _image(row.of, row.os_version, row.machine)) in lists and image:
            lists[image].append(ebuild.Package(row.name, row.version))
    return Inside(lists, catalogue.load().oems, _builds(releases))


def _builds(releases: Mapping[Image, int]) -> dict[Image, str]:
    """Of which build each OEM's list is: as it says, or as the image of its release does."""
    own = Payload.objects.filter(name__startswith=_OEM).exclude(own_version="")
    told = {
        (release, name.removeprefix(_OEM).removesuffix(".gz")): build
        for release, name, build in own.values_list("release", "name", "own_version")
    } | tools.listed_builds({image.oem for image in releases if image.oem})
    builds = {image: told.get((release, image.oem), "") for image, release in releases.items()}
    return {image: build for image, build in builds.items() if build}


def _image(name: str, version: str, architecture: str) -> Image | None:
    if name == OS_LIST:
        return Image("", version, architecture)
    if name.startswith(_OEM):
        return Image(name.removeprefix(_OEM), version, architecture)
    return None  # an extension: check-ins do not tell who switched it on
