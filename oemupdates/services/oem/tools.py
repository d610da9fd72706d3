"""Tools: what an OEM's sysext brings to a node, in which versions, and how that is known."""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from oemupdates.domain.checkin import DERIVED, NO_BASIS, OBSERVED
from oemupdates.domain.confidence import Confidence, grade
from oemupdates.domain.drift_facts import Basis
from oemupdates.domain.event import Meaning
from oemupdates.domain.oem import own_package, payload_name, tool_of
from oemupdates.models import Node, Oem, Package, Payload


class Tool(NamedTuple):
    """One tool, and the basis of its version; without one it is not known."""

    name: str
    version: str
    basis: str


def of_node(node: Node) -> list[Tool]:
    """The tools of the OEM sysext that a node runs; none if it runs none, or it brings none.

    The build of an OEM's sysext is the version of the tool that the catalogue names. A beacon or a
    report observes it; the other versions follow from the image's list of packages.
    """
    row = Oem.objects.filter(kind=Oem.Kind.OEM, oem_id=node.oem).first()
    names = [name for name in row.tools.split(", ") if name] if row else []
    if not names or not node.oem_version:
        return []
    listed = _listed(node)
    found = []
    for name in names:
        version, basis = listed.get(name.lower(), ""), DERIVED
        if row and name == row.build_tool and node.oem_build:
            version, basis = node.oem_build, OBSERVED
        elif row and name == row.build_tool and not version:
            version = _own_version(node)
        found.append(Tool(name, version, basis if version else NO_BASIS))
    return found


def confidence_of(node: Node) -> Confidence | None:
    """How sure it is that a node runs the image that these versions follow from.

    None where that was observed, by the beacon or a report.
    """
    if node.drift_basis in {Basis.REPORT.value, Basis.BEACON.value}:
        return None
    applied = node.events.filter(meaning=Meaning.APPLIED, target_version=node.version)
    return grade(
        basis=node.oem_basis,
        version=node.version,
        aleph_version=node.aleph_version,
        has_applied=node.oem_basis == DERIVED and applied.exists(),
    )


def first_versions(versions: Collection[str]) -> dict[tuple[str, str], str]:
    """The version of each OEM's first tool, by OEM and OS version, as far as it is known."""
    rows = list(Oem.objects.filter(kind=Oem.Kind.OEM).exclude(tools=""))
    oems = {row.oem_id: row.tools.split(", ")[0].lower() for row in rows}
    payloads = {payload_name(oem): oem for oem in oems}
    told = [row.oem_id for row in rows if row.build_tool.lower() == oems[row.oem_id]]
    own = Payload.objects.filter(
        name__in=[payload_name(oem) for oem in told], release__version__in=versions
    )
    found = {
        (payloads[name], version): inside
        for name, version, inside in own.exclude(own_version="").values_list(
            "name", "release__version", "own_version"
        )
    }
    lists = {name.removesuffix(".gz"): oem for name, oem in payloads.items()}
    listed = Package.objects.filter(
        package_list__name__in=lists, package_list__release__version__in=versions
    ).values_list("package_list__name", "package_list__release__version", "name", "version")
    for name, os_version, package, version in listed:
        oem = lists[name]
        if tool_of(package) == oems[oem]:
            found[oem, os_version] = version
    return found


def listed_builds(oems: Iterable[str]) -> dict[tuple[int, str], str]:
    """The builds that lists of packages are of, by release and OEM, as far as they tell."""
    own = {own_package(oem): oem for oem in oems}
    rows = Package.objects.filter(name__in=own, package_list__is_read=True).values_list(
        "name", "version", "package_list__name", "package_list__release"
    )
    return {
        (release, own[name]): version
        for name, version, listed, release in rows
        if listed == payload_name(own[name]).removesuffix(".gz")
    }


def _listed(node: Node) -> dict[str, str]:
    rows = Package.objects.filter(
        package_list__name=payload_name(node.oem).removesuffix(".gz"),
        package_list__release__version=node.oem_version,
        package_list__release__architecture=node.architecture,
    )
    return {tool_of(row.name): row.version for row in rows}


def _own_version(node: Node) -> str:
    found = Payload.objects.filter(
        name=payload_name(node.oem),
        release__version=node.oem_version,
        release__architecture=node.architecture,
    )
    return found.values_list("own_version", flat=True).first() or ""
