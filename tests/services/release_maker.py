"""Folders of payload files, and imports of them."""

from pathlib import Path

from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.services.releases import releases
from oemupdates.services.releases.releases import Source
from tests.domain.payload_maker import make_payload
from tests.services.makers import seeded_channel

REAL = Path(__file__).parents[1] / "payloads" / "4593.2.1"


def make_folder(path, **files):
    """A folder with an OS payload, and with what is given as `oem_azure="contents"`."""
    path.mkdir()
    (path / OS_PAYLOAD).write_bytes(make_payload(b"the system"))
    for name, contents in files.items():
        (path / f"{name.replace('_', '-')}.gz").write_bytes(contents)
    return path


def run(folder, version="4593.2.1", *, channel=None, by=None, **given):
    source = Source(folder, version, **given)
    return releases.import_release(source, channel=channel or seeded_channel(), by=by)


def files_below(path):
    """What lies there, without the lock of those who put files in place."""
    found = {str(one.relative_to(path)) for one in path.rglob("*") if one.is_file()}
    return found - {".hosting.lock"}


def written(path: Path) -> dict[Path, tuple[int, int]]:
    """Which file stands where, and when it was written."""
    return {one: (one.stat().st_ino, one.stat().st_mtime_ns) for one in path.rglob("*")}
