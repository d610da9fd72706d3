"""Floors and dead ends that come along with releases."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from oemupdates.domain import bundle
from oemupdates.domain.bundle import BadBundle
from oemupdates.models import Activity, Channel, DeadEnd, Floor, PackageList, Payload, Release
from oemupdates.services.carrying import bundles
from oemupdates.services.carrying.bundle_import import take
from oemupdates.services.carrying.bundles import Choice, Planned
from oemupdates.services.groups import channels
from tests.services.bundle_maker import NEW, OLD, believe, whole
from tests.services.makers import make_release, seeded_channel

pytestmark = pytest.mark.django_db


@pytest.fixture
def way(planned: Planned) -> Channel:
    """A channel with a floor and a dead end, and more that lies beyond what is carried."""
    stable = seeded_channel()
    old, later = Release.objects.get(version=OLD), make_release("4700.0.0")
    channels.add_floor(stable, old, by=None, because="Migrates the OEM")
    channels.add_floor(stable, later, by=None, because="Later")
    channels.add_dead_end(stable, "3510.2.0", by=None, because="Reads no\nnew payloads")
    channels.add_dead_end(stable, "4701.0.0", by=None, because="Later")
    return stable


@pytest.fixture
def carried_ways(way: Channel, tmp_path: Path, settings: Any) -> Path:
    """A bundle of both releases, on a server that knows no more than the channel."""
    both = list(Release.objects.filter(version__in=[OLD, NEW]))
    (tmp_path / "ways.tar").write_bytes(whole(bundles.plan(Choice(both))))
    for model in (Floor, DeadEnd, Payload, PackageList, Release):
        model._default_manager.all().delete()
    settings.PAYLOAD_DIR = tmp_path / "there"
    return tmp_path / "ways.tar"


class TestWays:
    def test_come_along_as_far_as_the_newest_release(self, way: Channel) -> None:
        planned = bundles.plan(Choice([Release.objects.get(version=NEW)], running=[OLD]))
        said = [(one.kind, one.channel, one.version, one.reason) for one in planned.manifest.ways]
        assert said == [
            ("dead end", "stable", "3510.2.0", "Reads no new payloads"),
            ("floor", "stable", OLD, "Migrates the OEM"),
        ]
        assert planned.remarks == [f"{OLD} is a floor of stable (amd64) and is not in the bundle."]

    def test_are_added_with_their_reasons_once(self, carried_ways: Path) -> None:
        taken = take(carried_ways, believe(), by=None)
        assert taken.brought.changes == [
            "3510.2.0 is a dead end of stable (amd64).",
            f"{OLD} is a floor of stable (amd64).",
        ]
        assert Floor.objects.get().reason == "Migrates the OEM"
        assert DeadEnd.objects.get().reason == "Reads no new payloads"
        before = Activity.objects.count()
        assert not take(carried_ways, believe(), by=None).changed
        assert Activity.objects.count() == before

    def test_leave_what_operators_said_and_took_away(self, carried_ways: Path) -> None:
        stable = seeded_channel()
        channels.add_dead_end(stable, "3510.2.0", by=None, because="Ours")
        take(carried_ways, believe(), by=None)
        assert DeadEnd.objects.get().reason == "Ours"
        channels.remove_floor(Floor.objects.get(), by=None)
        taken = take(carried_ways, believe(), by=None)
        assert taken.brought.remarks == [
            f"{OLD} was a floor of stable (amd64) and is none any more."
        ]
        assert not Floor.objects.exists()

    def test_of_channels_that_are_not_here_are_told_of(self, carried_ways: Path) -> None:
        Channel.objects.filter(pk=seeded_channel().pk).update(name="ours")
        taken = take(carried_ways, believe(), by=None)
        assert taken.brought.remarks[1] == (
            f"{OLD} is a floor of stable (amd64), a channel that is not here."
        )
        assert not Floor.objects.exists()

    def test_that_cannot_be_are_told_of(self, carried_ways: Path) -> None:
        take(carried_ways, believe(), by=None)
        Floor.objects.all().delete()
        Release.objects.filter(version=OLD).update(
            blocked_at=timezone.now(), blocked_because="Breaks disks"
        )
        taken = take(carried_ways, believe(), by=None)
        assert "becomes no floor of stable (amd64)" in taken.brought.remarks[0]
        assert "Breaks disks" in taken.brought.remarks[0]

    @pytest.mark.parametrize(
        "change",
        [
            {"kind": "target"},
            {"version": "soon"},
            {"reason": ""},
            {"reason": "a\nb"},
            {"reason": "x" * 501},
            {"channel": ""},
            {"architecture": "arm64"},
            {"application": "00000000-0000-4000-8000-000000000000"},
        ],
    )
    def test_of_no_sense_are_in_no_manifest(self, way: Channel, change: dict[str, Any]) -> None:
        manifest = bundles.plan(Choice([Release.objects.get(version=NEW)])).manifest
        bundle.load(bundle.dump(manifest))
        first, *rest = manifest.ways
        for ways in ((replace(first, **change), *rest), (first, first, *rest), (*rest, first)):
            with pytest.raises(BadBundle):
                bundle.load(bundle.dump(replace(manifest, ways=ways)))
