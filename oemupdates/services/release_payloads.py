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
    """Write down what more is known of payloads that were announced, or read less closely.

    Nothing that was known before is lost: another reading may have had no key to check with.
    """
    known = {payload.name: payload for payload in release.payloads.all()}
    found = []
    for file in files:
        payload = known[file.name]
        if payload.is_verified and (payload.signed_by or not file.signed_by):
            continue
        judgement = _judgement(file)
        judgement["signed_by"] = file.signed_by or payload.signed_by
        release.payloads.filter(pk=payload.pk).update(**judgement)
        found.append(file.name)
    if found:
        activity.record(verb="release.verified", subject=release, by=by, after={"payloads": found})


def _judgement(file: PayloadFile) -> dict[str, Any]:
    """What was found out about a payload when its bytes were read."""
    inside = file.inside
    return {
        "is_verified": True,
        "signed_by": file.signed_by,
        "built_for": inside.version or inside.level if inside else "",
        "own_version": inside.own_version if inside else "",
    }
