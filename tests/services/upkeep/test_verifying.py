"""Announced payloads are fetched from where nodes get them, and judged, by a worker."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from oemupdates import tasks
from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.models import Activity, Release, Verification
from oemupdates.services.releases.publishing import Announced, Announcement, publish
from oemupdates.services.shared import file_locks
from oemupdates.services.upkeep import verifying
from oemupdates.services.upkeep.verifying import CannotVerify
from tests.services.makers import flatcar, make_release
from tests.upstream.public_server import PublicServer, real_files

pytestmark = pytest.mark.django_db
KEY = Path(__file__).parents[2] / "payloads" / "update-payload-key.pub.pem"
VERSION = "4593.2.1"


@pytest.fixture(autouse=True)
def root(tmp_path: Path, settings: Any) -> Path:
    folder = tmp_path / "hosted"
    settings.PAYLOAD_DIR, settings.PAYLOAD_KEYS = folder, [KEY]
    return folder


@pytest.fixture
def announced(public: PublicServer) -> Release:
    return announce(public)


def announce(public: PublicServer) -> Release:
    """A release that a script announced, whose files a server has."""
    files = real_files()
    public.publish(VERSION, files)
    told = [
        Announced(
            name,
            len(content),
            hashlib.sha1(content, usedforsecurity=False).hexdigest(),
            hashlib.sha256(content).hexdigest(),
        )
        for name, content in files.items()
    ]
    said = Announcement(flatcar(), VERSION, "amd64", f"{public.folder}/{VERSION}/", told)
    return publish(said, by=None)[0]


def verified(release: Release) -> list[str]:
    return [*release.payloads.filter(is_verified=True).values_list("name", flat=True)]


def test_what_was_announced_is_read_and_kept_nowhere(announced: Release, root: Path) -> None:
    verifying.ask(announced, by=None)
    tasks.verify_announced()
    row = Verification.objects.get()
    assert (row.state, row.problem) == ("done", "")
    assert row.results == [f"{OS_PAYLOAD} is verified.", "oem-azure.gz is verified."]
    assert verified(announced) == [OS_PAYLOAD, "oem-azure.gz"]
    assert set(announced.payloads.values_list("signed_by", flat=True)) == {KEY.name}
    assert Activity.objects.filter(verb="release.verified").count() == 2
    assert not [one for one in root.rglob("*") if one.is_file() and ".lock" not in one.name]
    with pytest.raises(CannotVerify, match=r"Every payload of 4593.2.1 .amd64. is verified"):
        verifying.ask(announced, by=None)


@pytest.mark.parametrize(
    ("fault", "words"), [("404", "is not there"), ("wrong", "other bytes"), ("500", "answers 500")]
)
def test_one_that_is_not_there_ends_no_other(
    announced: Release, public: PublicServer, fault: str, words: str
) -> None:
    public.faults[OS_PAYLOAD] = [fault] * 50
    verifying.ask(announced, by=None)
    assert verifying.work_open() == 1
    row = Verification.objects.get()
    assert row.state == "failed"
    assert f"{OS_PAYLOAD} is not verified." in row.problem
    assert words in row.problem
    assert verified(announced) == ["oem-azure.gz"]


def test_one_is_worked_on_by_one_and_not_for_ever(announced: Release, root: Path) -> None:
    row = verifying.ask(announced, by=None)
    with pytest.raises(CannotVerify, match="is being verified already"):
        verifying.ask(announced, by=None)
    with file_locks.alone(root / ".fetched" / f"verification-{row.pk}.lock"):
        assert verifying.work_open() == 0
    Verification.objects.update(attempt=verifying.MAX_ATTEMPTS)
    verifying.work_open()
    assert "ended 5 times" in Verification.objects.get().problem


def test_needs_room_and_a_release_elsewhere(announced: Release, settings: Any) -> None:
    settings.SYNC_DISK_RESERVE = 2**60
    verifying.ask(announced, by=None)
    verifying.work_open()
    assert "There is no room" in Verification.objects.get().problem
    with pytest.raises(CannotVerify, match="is hosted here"):
        verifying.ask(make_release("1.2.3"), by=None)
