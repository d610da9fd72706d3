"""The payloads of a release as rows: written when files are imported, believed once read."""

from typing import Any

from oemupdates.models import Operator, Payload, Release
from oemupdates.services import activity
from oemupdates.services.payload_files import PayloadFile


def register(
    release: Release, files: list[PayloadFile], *, by: Operator | None, is_new: bool
) -> None:
    """Write down the payloads that a release gets, and that it was imported or completed."""
    Payload.objects.bulk_create(
        Payload(
            release=release,
            name=file.name,
            size=file.size,
            sha1=file.sha1,
            sha256=file.sha256,
            **_judgement(file),
        )
        for file in files
    )
    after: dict[str, activity.Value] = {file.name: f"sha256 {file.sha256}" for file in files}
    if is_new and release.codebase:
        after["codebase"] = release.codebase
    activity.record(
        verb="release.imported" if is_new else "release.completed",
        subject=release,
        by=by,
        after=after,
    )


def believe(release: Release, files: list[PayloadFile], *, by: Operator | None) -> None:
    """Take payloads for verified that were announced by their sums alone, and now were read."""
    unread = set(release.payloads.filter(is_verified=False).values_list("name", flat=True))
    found = [file for file in files if file.name in unread]
    for file in found:
        release.payloads.filter(name=file.name).update(**_judgement(file))
    if found:
        activity.record(
            verb="release.verified",
            subject=release,
            by=by,
            after={"payloads": [file.name for file in found]},
        )


def _judgement(file: PayloadFile) -> dict[str, Any]:
    """What was found out about a payload when its bytes were read."""
    inside = file.inside
    return {
        "is_verified": True,
        "signed_by": file.signed_by,
        "built_for": inside.version or inside.level if inside else "",
        "own_version": inside.own_version if inside else "",
    }
