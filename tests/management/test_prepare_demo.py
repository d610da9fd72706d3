"""`manage.py prepare_demo`."""

from io import StringIO

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from oemupdates.domain.shipped import SHIPPED
from oemupdates.management.simulation import content
from oemupdates.management.simulation.population import TRACKS, VERSIONS
from oemupdates.models import Activity, Architecture, Channel, Group, Payload, Release
from oemupdates.services.groups import groups

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _payloads_elsewhere(tmp_path_factory: pytest.TempPathFactory, settings: object) -> None:
    settings.PAYLOAD_DIR = tmp_path_factory.mktemp("payloads")  # type: ignore[attr-defined]


def prepare() -> list[str]:
    said = StringIO()
    call_command("prepare_demo", stdout=said)
    return said.getvalue().splitlines()


def test_makes_what_the_simulated_fleet_asks_for() -> None:
    lines = prepare()
    assert all(line.endswith(": new") for line in lines), lines
    for architecture in Architecture.values:
        tracks = set(
            Group.objects.filter(
                architecture=architecture, channel__target__isnull=False
            ).values_list("track", flat=True)
        )
        assert set(TRACKS) <= tracks
        stable = Channel.objects.get(name="stable", architecture=architecture)
        assert stable.target is not None
        assert stable.target.version == "4593.2.1"
        assert [floor.release.version for floor in stable.floors.all()] == [content.FLOOR]
        lts = Channel.objects.get(name="lts", architecture=architecture)
        assert [end.version for end in lts.dead_ends.all()] == [content.DEAD_END]
        berlin = Group.objects.get(track="berlin", architecture=architecture)
        assert berlin.max_under_way == content.PLACES
        assert berlin.budget.under_way == 0


def test_is_newer_than_what_some_nodes_of_each_track_run() -> None:
    prepare()
    for track, versions in VERSIONS.items():
        group = Group.objects.get(track=track, architecture="amd64")
        assert group.channel is not None
        assert group.channel.target is not None
        assert set(versions) != {group.channel.target.version}


def test_hosts_every_payload_with_the_bytes_it_promises() -> None:
    prepare()
    for payload in Payload.objects.select_related("release"):
        release = payload.release
        path = settings.PAYLOAD_DIR / release.board / release.version / payload.name
        assert path.stat().st_size == payload.size
        assert payload.is_verified


def test_ships_the_oems_that_flatcar_does() -> None:
    prepare()
    for release in Release.objects.prefetch_related("payloads"):
        names = {payload.name for payload in release.payloads.all()}
        for oem in ("azure", "vmware", "packet"):
            shipped = SHIPPED.is_shipped(
                oem, version=release.version, architecture=release.architecture
            )
            assert (f"oem-{oem}.gz" in names) == shipped


def test_changes_nothing_the_second_time() -> None:
    prepare()
    done = Activity.objects.count()
    rows = (Release.objects.count(), Payload.objects.count(), Group.objects.count())
    again = prepare()
    assert all(line.endswith(": there already") for line in again), again
    assert Activity.objects.count() == done
    assert (Release.objects.count(), Payload.objects.count(), Group.objects.count()) == rows


def test_leaves_what_an_operator_changed() -> None:
    prepare()
    berlin = Group.objects.get(track="berlin", architecture="amd64")
    groups.edit(berlin, by=None, max_under_way=None, name="Berlin")
    prepare()
    berlin.refresh_from_db()
    assert (berlin.name, berlin.max_under_way) == ("Berlin", None)


def test_says_what_stands_in_its_way() -> None:
    prepare()
    other = Payload.objects.filter(name="oem-azure.gz").order_by("pk").first()
    assert other is not None
    other.sha256 = "00" * 32
    other.save()
    with pytest.raises(CommandError, match=r"another oem-azure\.gz"):
        prepare()
