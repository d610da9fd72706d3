"""Lists and images of components through the door, and what it refuses."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError

from oemupdates.models import ComponentImage, ComponentPoll
from oemupdates.services.components import component_lists, component_wants, components, list_keys
from oemupdates.services.components.component_lists import Asked, Listing
from tests.component_images import host_image
from tests.omaha.door import Door, serving
from tests.services.makers import make_node, seeded_group

pytestmark = pytest.mark.django_db(transaction=True)

MACHINE, BOOT = "0" * 31 + "1", "b" * 32
FOLDER = f"/sysupdate/v1/{MACHINE}/{BOOT}/4593.2.1/kubernetes"
FILE = "kubernetes-v1.31.0-x86-64.raw"


@pytest.fixture
def door(tmp_path: Path, settings: Any) -> Iterator[Door]:
    settings.PAYLOAD_DIR = tmp_path / "hosted"
    settings.SYSUPDATE_KEY = tmp_path / "key.asc"
    image = host_image(tmp_path)
    component_wants.want(seeded_group(), image.component, by=None)
    make_node(machine_id=MACHINE)
    with serving() as opened:
        yield opened


def test_a_list_is_never_kept_by_anybody_between(door: Door) -> None:
    answer = door.get(f"{FOLDER}/SHA256SUMS")
    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"].startswith("text/plain")
    assert int(answer.headers["content-length"]) == len(answer.body)


def test_an_image_is_sent_whole_in_parts_and_as_a_head(door: Door, tmp_path: Path) -> None:
    content = (tmp_path / FILE).read_bytes()
    whole = door.get(f"{FOLDER}/{FILE}")
    assert (whole.status, whole.body) == (200, content)
    part = door.get(f"{FOLDER}/{FILE}", ("range", "bytes=4-9"))
    assert (part.status, part.body) == (206, content[4:10])
    head = door.send([b""], f"{FOLDER}/{FILE}", method="HEAD")
    assert (head.status, head.headers["content-length"]) == (200, str(len(content)))


def test_what_is_withdrawn_is_not_sent_either(door: Door) -> None:
    components.withdraw(ComponentImage.objects.get(), why="a test", by=None)
    assert door.get(f"{FOLDER}/{FILE}").status == 404


def test_the_placeholder_is_the_file_that_its_line_says(door: Door) -> None:
    answer = door.get(f"{FOLDER}/nothing-for-this-node")
    assert (answer.status, answer.body) == (200, b"")


def test_a_signature_is_of_what_is_listed(door: Door) -> None:
    pysequoia = pytest.importorskip("pysequoia")
    key = pysequoia.Cert.from_bytes(list_keys.make())
    content = door.get(f"{FOLDER}/SHA256SUMS").body
    answer = door.get(f"{FOLDER}/SHA256SUMS.gpg")
    assert answer.headers["content-type"] == "application/pgp-signature"
    signature = pysequoia.Sig.from_bytes(answer.body)
    pysequoia.verify(bytes=content, store=lambda _ids: [key], signature=signature)
    with pytest.raises(Exception, match=r"."):
        pysequoia.verify(bytes=content + b"x", store=lambda _ids: [key], signature=signature)


@pytest.mark.parametrize(
    "path",
    [
        "/sysupdate",
        "/sysupdate/v1/",
        f"/sysupdate/v1/{MACHINE}/{BOOT}/4593.2.1/kubernetes/",
        f"/sysupdate/v1/{MACHINE}/{BOOT}/4593.2.1/wasmtime/SHA256SUMS",
        f"/sysupdate/v1/{MACHINE}/{BOOT}/4593.2.1/../kubernetes/SHA256SUMS",
        f"/sysupdate/v1/{MACHINE}/no-boot/4593.2.1/kubernetes/SHA256SUMS",
        f"/sysupdate/v1/{BOOT}/4593.2.1/kubernetes/SHA256SUMS",
        f"{FOLDER}/kubernetes-v9-x86-64.raw",
        f"{FOLDER}/{FILE}.sha256",
        f"{FOLDER}/..%2f..%2fsecret.raw",
        f"{FOLDER}/{'a' * 257}",
    ],
)
def test_what_is_not_there_is_a_line_of_text(door: Door, path: str) -> None:
    answer = door.get(path)
    assert answer.status == 404
    assert answer.headers["content-type"].startswith("text/plain")


def test_nodes_only_get(door: Door) -> None:
    answer = door.send([b""], f"{FOLDER}/SHA256SUMS", method="POST")
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")


def test_a_database_that_is_away_is_asked_again_later(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise DatabaseError

    monkeypatch.setattr(component_lists, "listings", away)
    answer = door.get(f"{FOLDER}/SHA256SUMS")
    assert (answer.status, answer.headers["retry-after"]) == (503, "60")


def test_who_asks_at_once_is_answered_at_once(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    look = component_lists.listings

    def counted(asked: Sequence[Asked], now: datetime) -> list[Listing | None]:
        looked.append(len(asked))
        return look(asked, now)

    monkeypatch.setattr(component_lists, "listings", counted)
    asked = Asked("kubernetes", MACHINE, BOOT, "4593.2.1")

    async def all_of(number: int) -> list[Listing | None]:
        lists = door.application.sysupdate.lists
        return await asyncio.gather(*(lists.ask(asked) for _ in range(number)))

    found = door.run(all_of(30))
    assert looked == [30]
    assert {one.images[0].version for one in found if one} == {"v1.31.0"}


def test_more_than_can_be_looked_up_come_again_later(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door.application.sysupdate.lists, "_most", 0)
    assert door.get(f"{FOLDER}/SHA256SUMS").status == 503


def test_polls_beyond_what_one_process_keeps_are_answered_all_the_same(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door.application.sysupdate.polls, "_most", 0)
    assert door.get(f"{FOLDER}/SHA256SUMS").status == 200
    door.run(door.application.sysupdate.polls.flush())
    assert not ComponentPoll.objects.exists()


def test_what_was_heard_is_written_at_the_end(tmp_path: Path, settings: Any) -> None:
    settings.PAYLOAD_DIR = tmp_path / "hosted"
    host_image(tmp_path)
    make_node(machine_id=MACHINE)
    with serving() as door:
        door.get(f"{FOLDER}/SHA256SUMS")
        assert not ComponentPoll.objects.exists()
    assert ComponentPoll.objects.get().withheld == "not_wanted"
