import pytest

from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.models import Package, PackageList, Payload, Release
from oemupdates.services.releases.comparing import Change, ToolDifference, compare, compare_tools
from tests.services.makers import make_release


@pytest.mark.django_db
def test_tells_what_came_went_and_changed() -> None:
    before = make_release("4459.2.1", payloads=(OS_PAYLOAD, "oem-azure.gz", "oem-packet.gz"))
    after = make_release("4593.2.1", payloads=(OS_PAYLOAD, "oem-azure.gz", "oem-stackit.gz"))
    Payload.objects.filter(release=after, name="oem-azure.gz").update(size=1500, sha256="3" * 64)
    found = compare(before, after)
    assert [(one.name, one.change, one.grown) for one in found] == [
        (OS_PAYLOAD, Change.SAME, 0),
        ("oem-azure.gz", Change.CHANGED, 500),
        ("oem-packet.gz", Change.REMOVED, -1000),
        ("oem-stackit.gz", Change.ADDED, 1000),
    ]


def listed(release: Release, image: str, **packages: str) -> None:
    row = PackageList.objects.create(release=release, name=image, content="", is_read=True)
    for name, version in packages.items():
        Package.objects.create(package_list=row, name=f"app/{name}", version=version)


@pytest.mark.django_db
def test_tells_which_tools_of_oems_changed() -> None:
    names = (OS_PAYLOAD, "oem-azure.gz", "oem-vmware.gz", "oem-hetzner.gz")
    before, after = make_release("4459.2.1", payloads=names), make_release(payloads=names)
    for release, version in ((before, "12.4.5"), (after, "13.0.5")):
        listed(release, "oem-vmware", **{"open-vm-tools": version, "openssl": "3.0"})
        listed(release, "oem-hetzner", openssl=version)
    for release, version in ((before, "2.13"), (after, "2.14")):
        Payload.objects.filter(release=release, name="oem-azure.gz").update(own_version=version)
    found = compare_tools(before, after)
    assert ToolDifference("vmware", "open-vm-tools", "12.4.5", "13.0.5") in found
    assert [(one.oem, one.before, one.after) for one in found] == [
        ("azure", "2.13", "2.14"),
        ("vmware", "12.4.5", "13.0.5"),
    ]
    assert compare_tools(after, after) == []
