"""What nodes took is written down, by payload, and by node where the URL says which."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from oemupdates.models import DownloadCount, Node, NodeDownload
from oemupdates.services.hosting import node_urls
from tests.omaha.door import Door, serving
from tests.payloads_door.test_endpoint import CONTENTS
from tests.services.makers import make_node

pytestmark = pytest.mark.django_db(transaction=True)

FOLDER = "amd64-usr/4593.2.1"
SIZE = len(CONTENTS)


@pytest.fixture
def door(tmp_path: Any, settings: Any) -> Any:
    settings.PAYLOAD_DIR = tmp_path / "hosted"
    folder = settings.PAYLOAD_DIR / "amd64-usr" / "4593.2.1"
    folder.mkdir(parents=True)
    for name in ("flatcar_production_update.gz", "oem-azure.gz"):
        (folder / name).write_bytes(CONTENTS)
        (folder / f"{name}.sha256").write_text("5" * 64 + f"  {name}\n")
    with serving() as opened:
        yield opened


def written(door: Door) -> None:
    """Write what is counted, which otherwise happens every few seconds."""
    door.run(door.application.payloads.takings.flush())


def counted(name: str = "oem-azure.gz", *, is_boot: bool = False) -> tuple[int, int, int]:
    row = DownloadCount.objects.get(version="4593.2.1", name=name, is_boot=is_boot)
    return row.whole, row.partial, row.size


def url(node: Node, name: str = "oem-azure.gz") -> str:
    return f"/payloads/n/{node_urls.token(node.pk, FOLDER)}/{FOLDER}/{name}"


def test_the_folder_of_all_is_no_page(door: Door) -> None:
    answer = door.get("/payloads")
    assert (answer.status, answer.body) == (404, b"not found\n")


class TestCounts:
    def test_are_whole_once_the_last_byte_went_out_and_partial_before(self, door: Door) -> None:
        path = f"/payloads/{FOLDER}/oem-azure.gz"
        door.get(path)
        door.get(path, ("range", "bytes=0-684"))
        door.get(path, ("range", "bytes=685-"))
        written(door)
        assert counted() == (2, 1, 2 * SIZE)
        door.get(path)
        written(door)
        assert counted() == (3, 1, 3 * SIZE)
        assert not NodeDownload.objects.exists()

    def test_leave_out_what_sends_no_payload(self, door: Door) -> None:
        door.send([b""], f"/payloads/{FOLDER}/oem-azure.gz", method="HEAD")
        door.get(f"/payloads/{FOLDER}/oem-azure.gz.sha256")
        door.get(f"/payloads/{FOLDER}/oem-qemu.gz")
        door.get(f"/payloads/{FOLDER}/oem-azure.gz", ("range", f"bytes={SIZE}-"))
        written(door)
        assert not DownloadCount.objects.exists()

    def test_are_of_a_node_where_the_url_is_its_own(self, door: Door) -> None:
        node = make_node(oem="azure")
        for _ in range(2):
            door.get(url(node))
        door.get(url(node, "flatcar_production_update.gz"), ("range", "bytes=0-9"))
        written(door)
        row = NodeDownload.objects.get(node=node, name="oem-azure.gz")
        assert (row.whole, row.partial, row.size, row.is_boot) == (2, 0, 2 * SIZE, False)
        assert row.first_at <= row.last_at <= timezone.now()
        assert NodeDownload.objects.get(node=node, name__startswith="flat").partial == 1
        assert counted() == (2, 0, 2 * SIZE)

    def test_are_of_nobody_where_the_token_is_no_good_and_the_bytes_are_there(
        self, door: Door
    ) -> None:
        gone = make_node()
        path = url(gone)
        gone.delete()
        forged = f"/payloads/n/{node_urls.token(7, 'amd64-usr/1.0.0')}/{FOLDER}/oem-azure.gz"
        assert [door.get(one).body for one in (path, forged)] == [CONTENTS, CONTENTS]
        written(door)
        assert counted() == (2, 0, 2 * SIZE)
        assert not NodeDownload.objects.exists()

    def test_are_written_when_the_server_ends(self, tmp_path: Any, door: Door) -> None:
        del tmp_path
        door.get(f"/payloads/{FOLDER}/oem-azure.gz")
        door.run(door.application.payloads.takings.stop())
        assert counted() == (1, 0, SIZE)

    def test_stop_where_the_client_hung_up(self, door: Door) -> None:
        """A server's own buffers took some of it; the rest of the file is not even read."""
        (settings.PAYLOAD_DIR / FOLDER / "oem-azure.gz").write_bytes(CONTENTS * 20)
        hung_up = asyncio.Event()

        async def receive() -> dict[str, Any]:
            await hung_up.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.body":
                hung_up.set()
                await asyncio.sleep(0)

        scope = {
            "type": "http",
            "method": "GET",
            "path": f"/payloads/{FOLDER}/oem-azure.gz",
            "headers": [],
        }
        door.run(door.application(scope, receive, send))
        written(door)
        whole, partial, size = counted()
        assert (whole, partial) == (0, 1)
        assert 0 < size < SIZE


class TestABootWithoutItsOem:
    PATH = f"/payloads/{FOLDER}/oem-azure.gz"

    def fetch(self, door: Door) -> None:
        door.get(self.PATH)  # from 192.0.2.7
        written(door)

    def test_is_seen_where_a_node_there_runs_that_version(self, door: Door) -> None:
        node = make_node(oem="azure", version="4593.2.1", address="192.0.2.7")
        make_node(oem="azure", version="4593.2.1", address="192.0.2.8")
        self.fetch(door)
        assert counted(is_boot=True) == (1, 0, SIZE)
        assert NodeDownload.objects.get().node == node
        assert NodeDownload.objects.get().is_boot

    def test_is_seen_too_where_the_file_is_not_here(self, door: Door) -> None:
        node = make_node(oem="qemu", version="4593.2.1", address="192.0.2.7")
        for name in ("oem-qemu.gz", "oem-ami.gz", "flatcar-zfs.gz", "oem-qemu.gz.sha256"):
            assert door.get(f"/payloads/{FOLDER}/{name}").status == 404
        assert door.get(f"/payloads/{FOLDER}/oem-qemu.gz").status == 404
        written(door)
        assert counted("oem-qemu.gz", is_boot=True) == (0, 2, 0)
        assert DownloadCount.objects.count() == 1
        node.refresh_from_db()
        assert node.boot_fetched_at

    def test_is_no_browser_of_somebody_behind_the_same_address(self, door: Door) -> None:
        make_node(oem="azure", version="4593.2.1", address="192.0.2.7")
        door.get(self.PATH, ("user-agent", "Mozilla/5.0 (X11; Linux x86_64)"))
        written(door)
        assert counted() == (1, 0, SIZE)
        assert not NodeDownload.objects.exists()

    def test_is_of_no_node_where_several_share_the_address(self, door: Door) -> None:
        for _ in range(2):
            make_node(oem="azure", version="4593.2.1", address="192.0.2.7")
        self.fetch(door)
        assert counted(is_boot=True) == (1, 0, SIZE)
        assert not NodeDownload.objects.exists()

    def test_is_told_from_an_update_that_just_ended(self, door: Door) -> None:
        node = make_node(
            oem="azure", address="192.0.2.7", state="reboot_pending", target_version="4593.2.1"
        )
        applied = {"type": 3, "result": 1, "meaning": "applied", "target_version": "4593.2.1"}
        event = node.events.create(at=timezone.now() + timedelta(seconds=1), **applied)
        self.fetch(door)
        assert counted() == (1, 0, SIZE)
        event.at = timezone.now() - timedelta(minutes=5)
        event.save()
        self.fetch(door)
        assert counted(is_boot=True) == (1, 0, SIZE)
