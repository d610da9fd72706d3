"""What is in one release and not in another: payloads and packages that came, went, or changed."""

from dataclasses import dataclass
from enum import StrEnum

from oemupdates.domain.oem import payload_name, tool_of
from oemupdates.models import Oem, Package, Payload, Release


class Change(StrEnum):
    """What became of a payload between two releases."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class Difference:
    """A payload in two releases; None where a release does not have it."""

    name: str
    before: Payload | None
    after: Payload | None

    @property
    def change(self) -> Change:
        """What became of it: the same bytes are the same payload."""
        if self.before is None:
            return Change.ADDED
        if self.after is None:
            return Change.REMOVED
        return Change.SAME if self.before.sha256 == self.after.sha256 else Change.CHANGED

    @property
    def grown(self) -> int:
        """By how many bytes it grew."""
        return (self.after.size if self.after else 0) - (self.before.size if self.before else 0)


def compare(before: Release, after: Release) -> list[Difference]:
    """Every payload of either release, by name."""
    old = {payload.name: payload for payload in before.payloads.all()}
    new = {payload.name: payload for payload in after.payloads.all()}
    return [Difference(name, old.get(name), new.get(name)) for name in sorted({*old, *new})]


@dataclass(frozen=True, slots=True)
class PackageDifference:
    """A package of an image whose versions differ; none where the release's image lacks it."""

    image: str
    name: str
    before: tuple[str, ...]
    after: tuple[str, ...]


def compare_packages(before: Release, after: Release) -> list[PackageDifference]:
    """The packages that differ in images whose lists both releases have; OEMs come first."""
    old, new = _packages(before), _packages(after)
    found = [
        PackageDifference(image, name, old[image].get(name, ()), new[image].get(name, ()))
        for image in old.keys() & new.keys()
        for name in old[image].keys() | new[image].keys()
        if old[image].get(name) != new[image].get(name)
    ]
    return sorted(found, key=lambda one: (not one.image.startswith("oem-"), one.image, one.name))


@dataclass(frozen=True, slots=True)
class ToolDifference:
    """A tool of an OEM whose version differs; empty where it is not known, or not there."""

    oem: str
    tool: str
    before: str
    after: str


def compare_tools(before: Release, after: Release) -> list[ToolDifference]:
    """The tools of OEMs that differ, by OEM, as lists of packages and images tell of them."""
    old, new = _tools(before), _tools(after)
    return [
        ToolDifference(oem, tool, old.get((oem, tool), ""), new.get((oem, tool), ""))
        for oem, tool in sorted(old.keys() | new.keys())
        if old.get((oem, tool)) != new.get((oem, tool))
    ]


def _tools(release: Release) -> dict[tuple[str, str], str]:
    """The version of each tool, by OEM and name; an image tells that of one alone."""
    payloads = {one.name: one.own_version for one in release.payloads.all()}
    images = _packages(release)
    found = {}
    for row in Oem.objects.filter(kind=Oem.Kind.OEM).exclude(tools=""):
        listed = {
            tool_of(name): versions[-1]
            for name, versions in images.get(
                payload_name(row.oem_id).removesuffix(".gz"), {}
            ).items()
        }
        for tool in row.tools.split(", "):
            version = listed.get(tool.lower(), "")
            if tool == row.build_tool and not version:
                version = payloads.get(payload_name(row.oem_id), "")
            if version:
                found[row.oem_id, tool] = version
    return found


def _packages(release: Release) -> dict[str, dict[str, tuple[str, ...]]]:
    found: dict[str, dict[str, tuple[str, ...]]] = {
        one.name: {} for one in release.package_lists.filter(is_read=True)
    }
    rows = Package.objects.filter(package_list__release=release, package_list__is_read=True)
    for image, name, version in rows.values_list("package_list__name", "name", "version"):
        found[image][name] = (*found[image].get(name, ()), version)
    return found
