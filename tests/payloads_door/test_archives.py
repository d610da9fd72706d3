"""All files of an update as one download: made while it is sent, resumed where it broke off."""

import hashlib
import io
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from oemupdates.domain.policy import OS_PAYLOAD
from tests.flatcar_update_rules import OnNode, Run, run
from tests.payloads_door.test_endpoint import ask

CONTENTS = {OS_PAYLOAD: b"CrAU" + bytes(range(256)) * 4000, "oem-azure.gz": b"CrAU" * 700}
FOLDER = "/payloads/amd64-usr/4593.2.1"
ARCHIVE = f"{FOLDER}/flatcar-update.tar"
NAME = "flatcar-update-4593.2.1-amd64"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, settings: Any) -> Path:
    settings.PAYLOAD_DIR = tmp_path / "hosted"
    folder = tmp_path / "hosted" / "amd64-usr" / "4593.2.1"
    folder.mkdir(parents=True)
    for name, content in CONTENTS.items():
        (folder / name).write_bytes(content)
        line = f"{hashlib.sha256(content).hexdigest()}  {name}\n"
        (folder / f"{name}.sha256").write_text(line)
    return folder


def get(query: str = "file=oem-azure.gz", *, method: str = "GET", **headers: str) -> Any:
    return ask(ARCHIVE, query=query, method=method, **headers)


def test_it_holds_the_files_their_sums_and_the_line() -> None:
    reply = get()
    assert reply.status == 200
    assert int(reply.headers["content-length"]) == len(reply.body)
    assert "content-encoding" not in reply.headers
    assert reply.headers["content-disposition"] == f'attachment; filename="{NAME}.tar"'
    with tarfile.open(fileobj=io.BytesIO(reply.body)) as read:
        names = read.getnames()
        assert names == [
            f"{NAME}/{one}" for one in ("SHA256SUMS", "update.sh", OS_PAYLOAD, "oem-azure.gz")
        ]
        for name, content in CONTENTS.items():
            member = read.extractfile(f"{NAME}/{name}")
            assert member is not None
            assert member.read() == content
    assert get().body == reply.body
    assert get("file=oem-azure.gz&file=oem-azure.gz").body == reply.body


def test_its_script_checks_the_files_and_runs_the_line(tmp_path: Path) -> None:
    """On the other side there are a shell, `sha256sum` and `tar`, and nothing of ours."""
    (tmp_path / "carried.tar").write_bytes(get().body)
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    (bin_folder / "sudo").write_text('#!/bin/sh\nshift\nprintf "%s\\n" "$PWD" "$@" > "$TOLD"\n')
    (bin_folder / "sudo").chmod(0o755)
    environment = {"PATH": f"{bin_folder}:/usr/bin:/bin", "TOLD": str(tmp_path / "told")}

    def shell(command: str) -> int:
        return subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            check=False,
        ).returncode

    assert shell(f"tar -xf carried.tar && sh {NAME}/update.sh") == 0
    there, *words = (tmp_path / "told").read_text().splitlines()
    assert there == str(tmp_path / NAME)
    assert run(words, OnNode("azure")) == Run("4593.2.1", OS_PAYLOAD, ["oem-azure.gz"])
    (tmp_path / "told").unlink()
    (tmp_path / NAME / "oem-azure.gz").write_bytes(b"another")
    assert shell(f"sh {NAME}/update.sh") != 0
    assert not (tmp_path / "told").exists()


@pytest.mark.parametrize(
    ("wanted", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=511-1030", 511, 1031),
        ("bytes=100000-", 100000, None),
        ("bytes=-2000", -2000, None),
        ("bytes=5-999999999999", 5, None),
    ],
)
def test_a_part_is_that_part(wanted: str, start: int, stop: int | None) -> None:
    whole = get()
    part = get(range=wanted)
    assert part.status == 206
    assert part.body == whole.body[start:stop]
    assert int(part.headers["content-length"]) == len(part.body)
    first = start % len(whole.body)
    assert part.headers["content-range"] == (
        f"bytes {first}-{first + len(part.body) - 1}/{len(whole.body)}"
    )


@pytest.mark.parametrize("wanted", ["bytes=0-1,5-6", "bytes=7-3", "bytes=-", "lines=1-2", ""])
def test_what_is_no_range_is_answered_with_all(wanted: str) -> None:
    assert get(range=wanted).status == 200


@pytest.mark.parametrize("wanted", ["bytes=99999999-", "bytes=-0"])
def test_a_part_behind_the_end_is_refused(wanted: str) -> None:
    reply = get(range=wanted)
    assert reply.status == 416
    assert reply.headers["content-range"].startswith("bytes */")


def test_a_part_of_another_archive_is_not_mixed_in(place: Path) -> None:
    etag = get().headers["etag"]
    assert get(**{"range": "bytes=7-", "if-range": etag}).status == 206
    assert get("", **{"range": "bytes=7-", "if-range": etag}).status == 200
    assert get("").headers["etag"] != etag


def test_head_says_how_long_it_is() -> None:
    reply = get(method="HEAD")
    assert (reply.status, reply.body) == (200, b"")
    assert int(reply.headers["content-length"]) == len(get().body)


@pytest.mark.parametrize(
    "query",
    [
        "file=oem-vmware.gz",
        "file=../../secret.gz",
        "file=oem-azure.gz.sha256",
        "file=",
        "other=1",
        "file=oem-azure.gz&other=1",
        "file",
        "&".join(["file=oem-azure.gz"] * 65),
        "file=%C3%A4.gz",
    ],
)
def test_what_is_not_there_is_not_found(query: str) -> None:
    assert get(query).status == 404


def test_a_file_without_its_sum_is_not_handed_out(place: Path) -> None:
    (place / "oem-azure.gz.sha256").write_text("nonsense\n")
    assert get().status == 404


def test_a_release_without_the_os_is_not_handed_out(place: Path) -> None:
    (place / OS_PAYLOAD).unlink()
    assert get().status == 404
