"""Files of a real import, which go away and rot on the disk."""

import os
import shutil
from datetime import timedelta

import pytest
from django.utils import timezone

from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.models import Activity, Configuration, Payload
from oemupdates.services.releases import releases
from oemupdates.services.releases.releases import Source
from oemupdates.services.server import health
from oemupdates.services.server.health import Level
from oemupdates.services.upkeep import scrub
from tests.domain.payload_maker import make_payload
from tests.services.makers import last_activity, make_release, seeded_channel

pytestmark = pytest.mark.django_db
ALL = 2**40
VERSION = "4593.2.1"


@pytest.fixture
def hosted(tmp_path, settings):
    settings.PAYLOAD_DIR = tmp_path / "hosted"
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in (OS_PAYLOAD, "flatcar-zfs.gz"):
        (folder / name).write_bytes(make_payload(name.encode()))
    releases.import_release(Source(folder, VERSION), channel=seeded_channel(), by=None)
    return settings.PAYLOAD_DIR / "amd64-usr" / VERSION


def later():
    return timezone.now() + scrub.READ_AGAIN + timedelta(hours=1)


def rot(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    os.utime(path, (0, 0))  # a disk that lies does not say when it began


def states():
    return dict(Payload.objects.values_list("name", "is_verified"))


def part():
    found = health.everyday(timezone.now())
    return next((one for one in found if one.name == "payloads"), None)


class TestScrub:
    def test_reads_each_file_in_its_turn_and_no_more_than_it_may(self, hosted):
        first, second = Payload.objects.order_by("pk")
        assert scrub.scrub(timezone.now(), most_bytes=ALL) == 0  # the import has read them
        assert scrub.scrub(later(), most_bytes=1) == 1
        Payload.objects.filter(pk=first.pk).update(read_at=later())
        written = Activity.objects.count()
        assert scrub.scrub(later(), most_bytes=ALL) == 1
        second.refresh_from_db()
        assert second.is_verified
        assert Activity.objects.count() == written

    def test_takes_back_what_is_gone_until_it_is_there_again(self, hosted, tmp_path):
        epoch = Configuration.objects.get().epoch
        shutil.move(hosted, tmp_path / "elsewhere")
        scrub.scrub(timezone.now(), most_bytes=0)
        assert states() == {OS_PAYLOAD: False, "flatcar-zfs.gz": False}
        assert last_activity().verb == "release.damaged"
        assert last_activity().after == {OS_PAYLOAD: scrub.GONE, "flatcar-zfs.gz": scrub.GONE}
        assert Configuration.objects.get().epoch > epoch
        assert (part().level, part().value) == (Level.TROUBLE, 2)
        scrub.scrub(timezone.now(), most_bytes=0)
        shutil.move(tmp_path / "elsewhere", hosted)
        scrub.scrub(timezone.now(), most_bytes=0)
        assert states() == {OS_PAYLOAD: True, "flatcar-zfs.gz": True}
        verbs = list(Activity.objects.order_by("-pk").values_list("verb", flat=True)[:2])
        assert verbs == ["release.mended", "release.damaged"]
        assert part() is None

    def test_takes_back_what_rotted_until_a_good_copy_is_there(self, hosted, tmp_path):
        rot(hosted / OS_PAYLOAD)
        scrub.scrub(later(), most_bytes=ALL)
        assert states() == {OS_PAYLOAD: False, "flatcar-zfs.gz": True}
        assert scrub.scrub(timezone.now(), most_bytes=ALL) == 0  # it is no better yet
        releases.import_release(
            Source(tmp_path / "folder", VERSION), channel=seeded_channel(), by=None
        )
        payload = Payload.objects.get(name=OS_PAYLOAD)
        assert (payload.is_verified, payload.damaged_because) == (True, "")

    def test_believes_a_good_copy_that_somebody_put_there(self, hosted, tmp_path):
        rot(hosted / OS_PAYLOAD)
        scrub.scrub(later(), most_bytes=ALL)
        shutil.copyfile(tmp_path / "folder" / OS_PAYLOAD, hosted / OS_PAYLOAD)
        assert scrub.scrub(timezone.now(), most_bytes=ALL) == 1
        assert states()[OS_PAYLOAD] is True

    def test_leaves_alone_what_is_elsewhere(self, settings, tmp_path):
        settings.PAYLOAD_DIR = tmp_path
        make_release(codebase="https://mirror.example.net/")
        assert scrub.scrub(later(), most_bytes=ALL) == 0
        assert all(states().values())
