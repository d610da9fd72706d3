from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from oemupdates.domain.access import EVERYWHERE, Reach
from oemupdates.domain.exposure import Image, Verdict
from oemupdates.models import (
    Activity,
    Advisory,
    Configuration,
    Exposure,
    Node,
    NodeCount,
    Package,
    PackageList,
    Payload,
    Release,
)
from oemupdates.services.oem import package_lists
from oemupdates.services.security import advisories, exposure, exposure_days
from tests.services.makers import (
    NOW,
    make_advisory,
    make_node,
    make_operator,
    make_release,
    osv,
    seeded_group,
)

pytestmark = pytest.mark.django_db
HOLED, CLEARED = (
    "app-emulation/open-vm-tools-12.4.5::x\n",
    "app-emulation/open-vm-tools-13.0.5::x\n",
)


def listed(version: str, content: str, name: str = "oem-vmware", **given: Any) -> Release:
    release = make_release(version, **given)
    PackageList.objects.create(release=release, name=name, content=content)
    package_lists.read_new()
    return release


def vmware(version: str, **given: Any) -> Node:
    return make_node(
        oem="vmware", version=version, oem_version=version, oem_basis="derived", **given
    )


def since(row: Advisory) -> exposure_days.Days:
    found = exposure_days.days([row.pk], EVERYWHERE)
    assert found is not None
    return found[row.pk]


def look(**given: Any) -> exposure.Exposed:
    return exposure.look(**given)[0]


def test_the_nodes_whose_tools_have_the_hole_are_found_and_no_others() -> None:
    make_advisory()
    listed("4081.3.6", HOLED)
    listed("4593.2.1", CLEARED)
    vmware("4081.3.6")
    vmware("4081.3.6", group=seeded_group("beta"))
    vmware("4593.2.1")
    make_node(oem="azure", version="4081.3.6", oem_version="4081.3.6", oem_basis="derived")
    make_node(oem="hetzner", version="4081.3.6", oem_basis="observed")
    found = look()
    assert (found.nodes, found.unknown_nodes) == (2, 0)
    place = found.places[0]
    assert place.image == Image("vmware", "4081.3.6", "amd64")
    assert (place.package_version, place.cleared_by) == ("12.4.5", "4593.2.1")
    assert found.cleared_by == ["4593.2.1"]
    assert found.groups == {seeded_group().pk: 1, seeded_group("beta").pk: 1}
    assert found.verdict(Image("vmware", "4593.2.1", "amd64")) is Verdict.CLEAR
    assert found.verdict(Image("vmware", "4757.1.0", "amd64")) is Verdict.UNKNOWN


def test_an_image_without_a_list_is_unknown_and_never_clean() -> None:
    make_advisory()
    vmware("4081.3.6")
    vmware("4081.3.6")
    make_node(oem="hetzner", version="4081.3.6", oem_version="4081.3.6", oem_basis="derived")
    found = look()
    assert (found.nodes, found.unknown_nodes) == (0, 2)
    assert found.unknown == ((Image("vmware", "4081.3.6", "amd64"), 2),)


@pytest.mark.parametrize("basis", ["reported", "", "observed"])
def test_a_node_of_which_no_sysext_is_known_is_unknown_and_never_clean(basis: str) -> None:
    make_advisory()
    listed("4593.2.1", CLEARED)
    make_node(oem="vmware", version="4593.2.1", oem_basis=basis)
    found = look()
    assert (found.nodes, found.unknown_nodes) == (0, 1)
    assert found.unknown == ((Image("vmware", "", "amd64"), 1),)


def test_a_build_that_nodes_observed_is_held_against_it() -> None:
    make_advisory()
    listed("4593.2.1", CLEARED)
    seen = {"oem": "vmware", "oem_basis": "observed", "version": "4593.2.1"}
    make_node(**seen, oem_version="4593.2.1", oem_build="12.4.5")
    make_node(**seen, oem_version="4593.2.1", oem_build="13.0.5")
    make_node(**seen, oem_version="4593.2.0", oem_build="13.0.5")
    found = look()
    assert (found.nodes, found.unknown_nodes) == (1, 0)
    assert [(place.image.build, place.package_version) for place in found.places] == [
        ("12.4.5", "12.4.5")
    ]


def test_a_list_tells_of_the_build_alone_that_it_or_its_image_names() -> None:
    affected = osv()["affected"]
    affected[0]["package"]["name"] = "net-misc/chrony"
    make_advisory("CVE-1", affected=affected)
    seen = {"oem": "azure", "oem_basis": "observed"}
    for version, own in (("4593.2.1", "coreos-base/oem-azure-2.12.0.4-r2::x\n"), ("4593.2.2", "")):
        release = listed(
            version, f"{own}net-misc/chrony-99::x\n", "oem-azure", payloads=("oem-azure.gz",)
        )
        if not own:
            Payload.objects.filter(release=release).update(own_version="2.12.0.4-r2")
        for build in ("2.12.0.4-r2", "2.13.0"):
            make_node(**seen, version=version, oem_version=version, oem_build=build)
    found = look()
    assert (found.nodes, found.unknown_nodes) == (0, 2)
    assert {one.image.build for one in found.unknown} == {"2.13.0"}


def test_a_node_counts_once_however_many_of_its_images_have_the_hole() -> None:
    row = make_advisory()
    listed("4081.3.6", HOLED)
    PackageList.objects.create(release=Release.objects.get(), name=exposure.OS_LIST, content=HOLED)
    package_lists.read_new()
    vmware("4081.3.6")
    make_node(version="4081.3.6")
    make_node(oem="vmware", version="4081.3.6", oem_basis="reported")
    found = look()
    assert sum(place.nodes for place in found.places) == 4
    assert (found.nodes, found.unknown_nodes) == (3, 0)
    assert found.groups == {seeded_group().pk: 3}
    exposure_days.count(NOW)
    assert exposure_days.days([row.pk], EVERYWHERE) == {row.pk: (3, NOW.date())}


def test_a_tool_by_another_name_than_its_package_is_looked_for() -> None:
    affected = osv()["affected"]
    affected[0]["package"]["name"] = "app-emulation/wa-linux-agent"
    make_advisory("CVE-1", affected=affected)
    make_node(oem="azure", version="4081.3.6", oem_version="4081.3.6", oem_basis="derived")
    assert look().unknown_nodes == 1


def test_a_hole_in_the_os_is_on_every_node_of_the_version() -> None:
    make_advisory()
    listed("4593.2.1", HOLED, exposure.OS_LIST)
    listed("4593.2.2", CLEARED, exposure.OS_LIST)
    make_node(version="4593.2.1")
    vmware("4593.2.1")
    make_node(version="4593.2.1", architecture="arm64")
    found = look()
    assert found.nodes == 2
    assert found.unknown == ((Image("", "4593.2.1", "arm64"), 1),)


def test_one_sees_the_nodes_within_reach_alone() -> None:
    make_advisory()
    listed("4081.3.6", HOLED)
    vmware("4081.3.6", group=seeded_group("beta"))
    assert look(reach=Reach(is_everywhere=False, groups=frozenset({seeded_group().pk}))).nodes == 0
    assert (
        look(reach=Reach(is_everywhere=False, groups=frozenset({seeded_group("beta").pk}))).nodes
        == 1
    )


def test_looking_costs_the_same_for_any_fleet() -> None:
    make_advisory()
    listed("4081.3.6", HOLED)
    with CaptureQueriesContext(connection) as one:
        exposure.look()
    for number in range(5):
        make_advisory(f"CVE-{number}")
        vmware("4081.3.6")
    with CaptureQueriesContext(connection) as many:
        exposure.look()
    assert len(many) == len(one)


def test_a_list_that_changes_is_read_anew() -> None:
    release = listed("4081.3.6", HOLED)
    PackageList.objects.update(content=CLEARED, is_read=False)
    assert package_lists.read_new() == 1
    assert package_lists.read_new() == 0
    assert [row.version for row in Package.objects.filter(package_list__release=release)] == [
        "13.0.5"
    ]


def test_lists_of_oems_move_the_configuration_once_however_many_came() -> None:
    release = make_release()
    before = Configuration.objects.get().epoch
    PackageList.objects.create(release=release, name=exposure.OS_LIST, content=CLEARED)
    assert package_lists.read_new() == 1
    assert Configuration.objects.get().epoch == before
    for name in ("oem-azure", "oem-vmware"):
        PackageList.objects.create(release=release, name=name, content=CLEARED)
    assert package_lists.read_new() == 2
    assert Configuration.objects.get().epoch == before + 1


def test_days_are_counted_at_their_worst_hour() -> None:
    row = make_advisory()
    listed("4081.3.6", HOLED)
    first, second = vmware("4081.3.6"), vmware("4081.3.6")
    assert exposure_days.count(NOW) == 1
    for node in (first, second):
        node.delete()
    NodeCount.objects.all().delete()
    exposure_days.count(NOW + timedelta(hours=1))
    assert since(row) == (2, NOW.date())
    exposure_days.count(NOW + timedelta(days=1))
    assert since(row) == (2, None)
    vmware("4081.3.6")
    exposure_days.count(NOW + timedelta(days=3))
    assert since(row) == (3, (NOW + timedelta(days=3)).date())
    assert Exposure.objects.count() == 3
    assert exposure_days.days([], EVERYWHERE) == {}
    days = exposure_days.history(row, EVERYWHERE) or []
    assert [(day.day.day, day.nodes) for day in days] == [(1, 2), (2, 0), (4, 1)]
    assert exposure_days.worst(EVERYWHERE, since=NOW.date(), most=5) == {row: days}


def test_the_days_of_the_whole_fleet_are_nothing_for_who_sees_a_part() -> None:
    row = make_advisory()
    listed("4081.3.6", HOLED)
    vmware("4081.3.6")
    exposure_days.count(NOW)
    mine = Reach(is_everywhere=False, groups=frozenset({seeded_group("beta").pk}))
    assert exposure_days.days([row.pk], mine) is None
    assert exposure_days.history(row, mine) is None
    assert exposure_days.worst(mine, since=NOW.date(), most=5) == {}


class TestAdvisories:
    def test_those_of_the_product_are_loaded_once(self) -> None:
        assert advisories.load_shipped() == 7
        assert advisories.load_shipped() == 0
        names = {row.name for row, _said in advisories.known()}
        assert "CVE-2025-41244" in names
        assert not Activity.objects.filter(subject_kind="advisory").exists()

    def test_a_later_one_replaces_and_the_same_changes_nothing(self) -> None:
        ann = make_operator()
        row = advisories.take(osv(), by=ann)
        assert advisories.take(osv(), by=ann) == row
        assert Activity.objects.filter(verb="advisory.taken").count() == 1
        advisories.take(osv(modified="2026-01-01T00:00:00Z", summary="Worse"), by=ann)
        assert Advisory.objects.get().content["summary"] == "Worse"
        with pytest.raises(advisories.CannotTakeAdvisory, match="no later"):
            advisories.take(osv(summary="Older"), by=ann)

    @pytest.mark.parametrize(
        "said",
        [
            {},
            osv(details="\ud800"),
            osv(details="a\x00"),
            osv(other=float("nan")),
            osv(other="x" * 200_001),
        ],
    )
    def test_what_cannot_be_kept_is_refused(self, said: Any) -> None:
        with pytest.raises(advisories.CannotTakeAdvisory):
            advisories.take(said, by=None)
        assert not Advisory.objects.exists()

    def test_a_withdrawn_one_is_held_against_nothing(self) -> None:
        make_advisory(withdrawn="2026-01-01T00:00:00Z")
        assert exposure.look() == []

    def test_those_of_the_product_stay(self) -> None:
        row = make_advisory()
        with pytest.raises(advisories.CannotRemoveAdvisory):
            advisories.remove(row, by=None)
        own = make_advisory("CVE-1", own=True)
        advisories.remove(own, by=None)
        assert Advisory.objects.get() == row
