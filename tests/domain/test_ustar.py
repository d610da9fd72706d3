import io
import tarfile
from pathlib import Path

import pytest

from oemupdates.domain.ustar import MAX_SIZE, BadName, Member, header, pieces


def whole(members: list[Member]) -> bytes:
    found = b""
    for content, size in pieces(members):
        read = content.read_bytes() if isinstance(content, Path) else content
        assert len(read) == size
        found += read
    return found


def test_an_archive_is_what_every_tar_unpacks(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"b" * 512)
    made = whole(
        [
            Member.of("folder/a", b"a" * 700),
            Member("folder/b", 512, tmp_path / "b"),
            Member.of(f"{'long' * 30}/{'c' * 90}", b""),
        ]
    )
    with tarfile.open(fileobj=io.BytesIO(made)) as read:
        found = {one.name: read.extractfile(one) for one in read.getmembers()}
        assert {one.type for one in read.getmembers()} == {tarfile.REGTYPE}
        assert all(one.mtime == one.uid == 0 and not one.uname for one in read.getmembers())
    assert [*found] == ["folder/a", "folder/b", f"{'long' * 30}/{'c' * 90}"]
    assert len(made) % 512 == 0


@pytest.mark.parametrize(
    ("name", "size"), [("x" * 300, 1), ("grün", 1), ("x", MAX_SIZE + 1), ("x", -1)]
)
def test_what_fits_into_no_header_is_refused(name: str, size: int) -> None:
    with pytest.raises(BadName):
        header(name, size)


def test_the_biggest_file_fits() -> None:
    assert len(header("x", MAX_SIZE)) == 512
