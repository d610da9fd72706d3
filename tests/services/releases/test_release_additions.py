"""Adding payloads to a release that is here: judged as an import does, or nothing changed."""

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.models import Activity, Payload, Release
from oemupdates.services.hosting.disk_room import NoRoom
from oemupdates.services.releases import release_additions as additions
from oemupdates.services.releases.publishing import Announced, Announcement, publish
from oemupdates.services.releases.releases import CannotImport, Source, import_release
from oemupdates.services.shared.activity import Refused
from tests.domain.payload_maker import make_manifest, make_payload, sign
from tests.services.makers import flatcar, last_activity, seeded_channel

pytestmark = pytest.mark.django_db
REAL = Path(__file__).parents[2] / "payloads" / "4593.2.1"
OTHER = REAL.parent / "4757.1.0"
KEY = Path(__file__).parents[2] / "payloads" / "update-payload-key.pub.pem"
STRANGER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ELSEWHERE = "https://mirror.example.net/amd64-usr/4593.2.1/"


@pytest.fixture(autouse=True)
def root(tmp_path: Path, settings: Any) -> Path:
    folder = tmp_path / "hosted"
    settings.PAYLOAD_DIR, settings.PAYLOAD_KEYS = folder, [KEY]
    return folder


@pytest.fixture
def release(tmp_path: Path, root: Path) -> Release:
    """A release that is here with its OS alone."""
    folder = tmp_path / "from"
    folder.mkdir()
    (folder / OS_PAYLOAD).write_bytes((REAL / OS_PAYLOAD).read_bytes())
    source = Source(folder, "4593.2.1", moves_target=False)
    return import_release(source, channel=seeded_channel(), by=None).release


def bring(release: Release, content: bytes, name: str = "oem-azure.gz") -> Any:
    with additions.upload(len(content)) as path:
        path.write_bytes(content)
        return additions.add_file(release, name, path, by=None)


def left(root: Path) -> list[Path]:
    return [*(root / ".uploads").iterdir()]


def test_a_single_oem_completes_a_release(release: Release, root: Path) -> None:
    content = (REAL / "oem-azure.gz").read_bytes()
    done = bring(release, content)
    assert additions.told(done) == f"oem-azure.gz is added to {release}, and was verified."
    payload = release.payloads.get(name="oem-azure.gz")
    assert (payload.is_verified, payload.signed_by) == (True, KEY.name)
    assert (root / "amd64-usr/4593.2.1/oem-azure.gz").read_bytes() == content
    assert (root / "amd64-usr/4593.2.1/oem-azure.gz.sha256").is_file()
    assert last_activity().verb == "release.completed"
    assert not left(root)


def test_a_file_that_is_here_and_was_lost_comes_back(release: Release, root: Path) -> None:
    place = root / "amd64-usr/4593.2.1" / OS_PAYLOAD
    place.unlink()
    done = bring(release, (REAL / OS_PAYLOAD).read_bytes(), OS_PAYLOAD)
    assert "it was registered before" in additions.told(done)
    assert place.is_file()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("oem-azure.gz", b"not a payload", "oem-azure.gz is nothing that a node would take"),
        ("oem-azure.gz", b"", "oem-azure.gz is nothing that a node would take"),
        ("oem-azure.gz", make_payload(b"unsigned"), "oem-azure.gz is nothing that a node"),
        ("oem-azure.gz", (REAL / "oem-azure.gz").read_bytes()[:-1], "nothing that a node"),
        (OS_PAYLOAD, (REAL / "oem-azure.gz").read_bytes(), "is registered with another"),
        ("azure.gz", b"", "is no payload: no name that nodes ask for"),
        ("../oem-azure.gz", b"", "is no payload"),
        ("oem-azure.gz.sha256", b"", "is no payload"),
        ("oem-oem-azure.gz", b"", "nodes would take it for another file"),
        ("", b"", "is no payload"),
    ],
)
def test_what_is_none_is_refused_in_words_and_changes_nothing(
    release: Release, root: Path, name: str, content: bytes, words: str
) -> None:
    before = (Payload.objects.count(), Activity.objects.count())
    with pytest.raises(Refused, match=words):
        bring(release, content, name)
    assert (Payload.objects.count(), Activity.objects.count()) == before
    assert {one.name for one in (root / "amd64-usr/4593.2.1").iterdir()} == {
        OS_PAYLOAD,
        f"{OS_PAYLOAD}.sha256",
    }
    assert not [one for one in left(root) if one.is_dir()]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("oem-azure.gz", b"\x1f\x8b no CrAU", "nothing that a node would take"),
        ("oem-azure.gz", sign(*make_manifest(b"own"), STRANGER), "signature"),
        ("oem-vmware.gz", (OTHER / "oem-vmware.gz").read_bytes(), r"built for 4757\.1\.0"),
    ],
    ids=["no payload", "signed by a stranger", "built for another version"],
)
def test_case_45_what_no_node_would_take_is_refused_with_the_reason(
    release: Release, name: str, content: bytes, words: str
) -> None:
    with pytest.raises(Refused, match=words):
        bring(release, content, name)
    assert set(release.payloads.values_list("name", flat=True)) == {OS_PAYLOAD}


class TestOfARelease:
    """Whose payloads are on another host."""

    @pytest.fixture
    def announced(self, tmp_path: Path, settings: Any) -> Release:
        found = import_release(
            Source(REAL, "4593.2.1", codebase=ELSEWHERE, moves_target=False),
            channel=seeded_channel(),
            by=None,
        )
        files = [Announced(one.name, one.size, one.sha1, one.sha256) for one in found.folder.files]
        found.release.delete()
        said = Announcement(flatcar(), "4593.2.1", "amd64", ELSEWHERE, files)
        return publish(said, by=None)[0]

    def test_the_bytes_prove_what_was_announced(self, announced: Release, root: Path) -> None:
        done = bring(announced, (REAL / "oem-azure.gz").read_bytes())
        assert "was verified; it was registered before" in additions.told(done)
        payload = announced.payloads.get(name="oem-azure.gz")
        assert (payload.is_verified, payload.signed_by) == (True, KEY.name)
        assert not (root / "amd64-usr").exists()
        assert not announced.payloads.get(name=OS_PAYLOAD).is_verified

    def test_other_bytes_and_more_files_are_refused(self, announced: Release) -> None:
        with pytest.raises(CannotImport, match="is registered with another"):
            bring(announced, (REAL / OS_PAYLOAD).read_bytes())
        with pytest.raises(additions.CannotAdd, match="put it there, and announce it"):
            bring(announced, (REAL / OS_PAYLOAD).read_bytes(), "oem-vmware.gz")


def test_room_is_looked_after(settings: Any) -> None:
    with pytest.raises(additions.CannotAdd, match=r"It is larger than 8\.0 GB"):
        additions.upload(2**40).__enter__()
    settings.SYNC_DISK_RESERVE = 2**60
    with pytest.raises(NoRoom, match="no room"):
        additions.upload(1).__enter__()
