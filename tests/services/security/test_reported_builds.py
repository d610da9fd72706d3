"""What nodes report of their OEM's sysext, held against known holes."""

import pytest

from oemupdates.domain.report import Extension, Report
from oemupdates.models import Node, VersionInterval
from oemupdates.services.drift import reports
from oemupdates.services.oem import catalogue
from oemupdates.services.oem.catalogue import Terms
from oemupdates.services.security import exposure
from tests.services.makers import NOW, counted, make_advisory, make_node, recounted

pytestmark = pytest.mark.django_db


def test_a_build_that_nodes_only_report_is_held_against_it() -> None:
    """CVE-2025-41244 is open-vm-tools before 13.0.5; no release here has any of these images."""
    make_advisory()
    own = Terms(tools=("acmed", "open-vm-tools"), build_tool="open-vm-tools")
    catalogue.add("acme", own, by=None)
    catalogue.add("other", Terms(tools=("open-vm-tools",)), by=None)
    holed = [reported("vmware", "12.4.5"), reported("acme", "13.0.4-r1")]
    for oem, build in (("vmware", "13.0.10"), ("acme", "13.0.5-r2")):
        reported(oem, build)
    unknown = [
        reported("acme", "custom"),
        reported("other", "13.0.10"),
        reported("new", "13.0.10"),
    ]
    (found,) = exposure.look()
    assert (found.nodes, found.unknown_nodes) == (2, 3)
    assert {(one.image.oem, one.package_version) for one in found.places} == {
        ("vmware", "12.4.5"),
        ("acme", "13.0.4-r1"),
    }
    assert {one.image.oem for one in found.unknown} == {"acme", "other", "new"}
    assert counted() == recounted()
    for node in (*holed, *unknown):
        row = Node.objects.get(pk=node.pk)
        ran = VersionInterval.objects.get(node=row, ended_at=None)
        assert (row.oem_basis, ran.oem_build, ran.started_at) == ("observed", row.oem_build, NOW)


def reported(oem: str, build: str) -> Node:
    """A node without a beacon, whose report alone tells what is merged."""
    node = make_node(oem=oem, version="4593.2.1", boot_id="{boot-1}")
    VersionInterval.objects.create(node=node, version=node.version, oem=oem, started_at=NOW)
    image = Extension(
        f"oem-{oem}", merged=True, version_id=node.version, payload_version=build, target="x.raw"
    )
    said = Report(machine_id=node.machine_id, boot_id="boot-1", oem=oem, oem_flag_active=True)
    reports.take(said._replace(extensions=(image,)), secret="", address=None, now=NOW)
    return node
