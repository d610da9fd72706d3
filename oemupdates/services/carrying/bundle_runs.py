"""Imports of bundles that are asked for by page: files are kept, and workers take them in."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from oemupdates.domain import bundle
from oemupdates.domain.bundle import Manifest
from oemupdates.models import BundleImport, Operator
from oemupdates.services.carrying import bundle_import, bundle_keys
from oemupdates.services.carrying.bundle_import import Belief, Taken
from oemupdates.services.hosting import disk_room
from oemupdates.services.shared import activity
from oemupdates.services.shared.file_locks import alone

# An import whose workers die again and again is what kills them.
MAX_ATTEMPTS = 5
_UPLOADS = ".bundles"
_State = BundleImport.State


class CannotAskImport(activity.Refused):
    """There is no such file, it is being imported already, or there is no room for it."""


@dataclass(frozen=True, slots=True)
class Found:
    """A bundle in the folder of the settings."""

    name: str
    size: int


def found() -> list[Found]:
    """The bundles that lie in the folder of the settings, by name."""
    folder = settings.BUNDLE_DIR
    if folder is None or not folder.is_dir():
        return []
    files = [one for one in sorted(folder.glob("*.tar")) if one.is_file()]
    return [Found(one.name, one.stat().st_size) for one in files]


@contextmanager
def upload(size: int) -> Iterator[Path]:
    """Where an upload is written, and room for it until the block ends.

    It is on the disk of the payloads, under a name that nobody chose. Raises `CannotAskImport` or
    `NoRoom`.
    """
    if size > settings.BUNDLE_MAX_BYTES:
        raise CannotAskImport(f"It is larger than {settings.BUNDLE_MAX_BYTES} bytes.")
    folder = Path(settings.PAYLOAD_DIR) / _UPLOADS
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"upload-{uuid.uuid4().hex}.tar"
    with disk_room.taking(path, size):
        yield path


def ask_found(name: str, *, is_check: bool = False, by: Operator | None) -> BundleImport:
    """Let a worker take in, or only read, a bundle of the folder; raises `CannotAskImport`."""
    folder: Path | None = settings.BUNDLE_DIR
    for one in found():
        if folder is not None and one.name == name:
            row = BundleImport(name=name, path=str(folder / name), size=one.size)
            return _add(row, is_check=is_check, is_upload=False, by=by)
    raise CannotAskImport(f"There is no bundle {name[:100]!r} in the folder of this server.")


def ask_uploaded(
    name: str, path: Path, *, is_check: bool = False, by: Operator | None
) -> BundleImport:
    """Let a worker take in, or only read, a file that was uploaded, and delete it at the end."""
    shown = activity.wording(name, what="The name of the file", most=255)
    row = BundleImport(name=shown or path.name, path=str(path), size=path.stat().st_size)
    return _add(row, is_check=is_check, is_upload=True, by=by)


def _add(
    row: BundleImport, *, is_check: bool, is_upload: bool, by: Operator | None
) -> BundleImport:
    row.is_check, row.is_upload, row.asked_at, row.asked_by = (
        is_check,
        is_upload,
        timezone.now(),
        by,
    )
    verb = "bundle.check_asked" if is_check else "bundle.import_asked"
    try:
        with transaction.atomic():
            row.save(force_insert=True)
            activity.record(verb=verb, subject=activity.Named("bundle", row.name, row.pk), by=by)
    except IntegrityError:
        raise CannotAskImport(f"{row.name} is being imported already.") from None
    return row


def work_open() -> int:
    """Take in every bundle that waits and that nobody works on; how many."""
    worked = 0
    for key in list(BundleImport.objects.filter(state=_State.OPEN).values_list("pk", flat=True)):
        with alone(Path(settings.PAYLOAD_DIR) / _UPLOADS / f"import-{key}.lock") as is_alone:
            if is_alone and (row := _begin(key)):
                _end(row, _work(row))
                worked += 1
    return worked


def _begin(key: int) -> BundleImport | None:
    """Count an attempt; None if it was ended by somebody else meanwhile."""
    rows = BundleImport.objects.filter(pk=key, state=_State.OPEN)
    if not rows.update(attempt=F("attempt") + 1):
        return None
    return BundleImport.objects.select_related("asked_by").get(pk=key)


@dataclass(frozen=True, slots=True)
class _Outcome:
    results: list[str] = field(default_factory=list)
    problem: str = ""


def _work(row: BundleImport) -> _Outcome:
    if row.attempt > MAX_ATTEMPTS:
        return _Outcome(problem=f"Whoever worked on it ended {MAX_ATTEMPTS} times.")
    try:
        if row.is_check:
            return _Outcome(_checked(Path(row.path)))
        belief = Belief(bundle_keys.trusted())
        return _Outcome(told(bundle_import.take(Path(row.path), belief, by=row.asked_by)))
    except activity.Refused as refusal:
        return _Outcome(problem=str(refusal))
    except (bundle.BadBundle, OSError) as problem:
        return _Outcome(problem=f"{row.name} is not right. {problem}")


def _checked(path: Path) -> list[str]:
    """Read a bundle to its end, and say what is in it; keeps nothing."""
    with path.open("rb") as file:
        opened = bundle.verify(file, bundle_keys.trusted())
    return [*contents(opened.manifest), f"All of it is as {opened.key} signed it."]


def contents(manifest: Manifest) -> Iterator[str]:
    """What is in a bundle, a line for each release, floor and dead end."""
    for release in manifest.releases:
        names = [one.name for one in manifest.of(release) if one.is_payload]
        part = "" if manifest.is_whole(release) else ", for nodes that run it"
        yield f"{release.version} ({release.architecture}){part}: {', '.join(names)}"
    for way in manifest.ways:
        yield f"{way.version} is a {way.kind} of {way.channel} ({way.architecture}): {way.reason}"


def told(taken: Taken) -> list[str]:
    """What an import came to, in sentences."""
    lines = []
    for one in taken.imported:
        if one.is_new:
            lines.append(f"Registered {one.release} with {', '.join(one.added)}.")
        elif one.added:
            lines.append(f"Added {', '.join(one.added)} to {one.release}.")
        else:
            lines.append(f"{one.release} is registered like this already.")
    lines += [*taken.brought.changes, *taken.brought.remarks]
    return [*lines, f"Signed by {taken.opened.key}. No channel was moved."]


def _end(row: BundleImport, outcome: _Outcome) -> None:
    """Write down what an import came to, and delete what was uploaded for it."""
    BundleImport.objects.filter(pk=row.pk, state=_State.OPEN, attempt=row.attempt).update(
        state=_State.FAILED if outcome.problem else _State.DONE,
        ended_at=timezone.now(),
        results=outcome.results,
        problem=outcome.problem,
    )
    if row.is_upload:
        with suppress(FileNotFoundError):
            Path(row.path).unlink()
