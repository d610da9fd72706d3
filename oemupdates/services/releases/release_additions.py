"""Adding payload files to a release that is registered: from a folder, or as they are uploaded."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from django.conf import settings
from django.template.defaultfilters import filesizeformat

from oemupdates.models import Operator, Release
from oemupdates.services.hosting import disk_room
from oemupdates.services.hosting.payload_files import why_left_out
from oemupdates.services.releases.releases import Imported, Source, judge, registering
from oemupdates.services.shared import activity

# Beside the boards; the payload server knows no such board.
_UPLOADS = ".uploads"
_MOST_BYTES = 8 * 1024**3


class CannotAdd(activity.Refused):
    """A file is too large, or its release has no use for it."""


class BadName(activity.BadWords):
    """A file is called as no node asks for it."""


def check_name(name: str) -> None:
    """Refuse a file that no node would ask for by its name; raises `BadName`."""
    if why := why_left_out(name):
        raise BadName(f"{name[:100]!r} is no payload: {why}. OEMs are called oem-<id>.gz.")


@contextmanager
def upload(size: int) -> Iterator[Path]:
    """Where an upload is written, and room for it until the block ends.

    It is on the disk of the payloads, under a name that nobody chose. Raises `CannotAdd` or
    `NoRoom`.
    """
    if size > _MOST_BYTES:
        most = filesizeformat(_MOST_BYTES).replace("\xa0", " ")
        raise CannotAdd(f"It is larger than {most}, and no payload is.")
    folder = Path(settings.PAYLOAD_DIR) / _UPLOADS
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / uuid.uuid4().hex
    # What is uploaded, and the copy that is hosted.
    with disk_room.taking(path, 2 * size):
        yield path


def add_file(release: Release, name: str, path: Path, *, by: Operator | None) -> Imported:
    """Add a file that was uploaded, under the name that nodes ask for it by; it is gone then.

    Raises `BadName`, or what `add` does.
    """
    check_name(name)
    with TemporaryDirectory(dir=path.parent) as folder:
        path.rename(Path(folder) / name)
        return add(release, Path(folder), by=by)


def add(release: Release, directory: Path, *, by: Operator | None) -> Imported:
    """Add the payload files of a folder to a release, judged as an import judges them.

    For a release whose payloads are on another host the bytes only prove what was announced. The
    same files again change nothing. Raises `CannotAdd`, `CannotImport` or `BadPayload`, and
    nothing is changed then.
    """
    source = Source(
        directory, release.version, codebase=release.codebase, moves_target=False, needs_os=False
    )
    judged = judge(source, application=release.application, architecture=release.architecture)
    if not judged.folder.files:
        raise CannotAdd(f"{directory.name} holds no file that nodes ask for.")
    if release.codebase:
        known = set(release.payloads.values_list("name", flat=True))
        if new := [file.name for file in judged.folder.files if file.name not in known]:
            raise CannotAdd(
                f"{release} has its payloads on {release.codebase}, where nodes would look for"
                f" {', '.join(new)}: put it there, and announce it."
            )
    with registering([judged], by=by) as (imported,):
        if imported.is_new:
            raise CannotAdd(f"Someone else removed {release} just now.")
    return imported


def told(imported: Imported) -> str:
    """What adding came to, in a sentence."""
    if imported.added:
        return f"{', '.join(imported.added)} is added to {imported.release}, and was verified."
    names = ", ".join(file.name for file in imported.folder.files)
    return f"{names} of {imported.release} was verified; it was registered before."
