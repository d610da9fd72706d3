"""The payloads of a release as rows: written when files are imported, believed once read."""

from typing import Any

from django.utils import timezone

from oemupdates.models import Operator, Payload, Release
from oemupdates.services.hosting.payload_files import PayloadFile
from oemupdates.services.shared import activity


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
            read_at=timezone.now(),
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

    Nothing that was known before is lost: another reading may have had no key or tool.
    """
    known = {payload.name: payload for payload in release.payloads.all()}
    told: dict[str, list[str]] = {}
    for file in files:
        payload = known[file.name]
        now = _both(payload, _judgement(file))
        if any(getattr(payload, name) != value for name, value in now.items()):
            release.payloads.filter(pk=payload.pk).update(**now, read_at=timezone.now())
            verb = "release.verified" if now["is_verified"] else "release.unread"
            told.setdefault(verb, []).append(file.name)
    for verb, names in told.items():
        activity.record(verb=verb, subject=release, by=by, after={"payloads": names})


def _both(payload: Payload, now: dict[str, Any]) -> dict[str, Any]:
    """What is known of a payload from before and by a reading of now."""
    was_looked_into = payload.is_verified and not payload.unread_because
    if now["unread_because"] and was_looked_into:
        now = {"signed_by": now["signed_by"], "is_verified": True}
    return now | {
        "is_verified": payload.is_verified or now["is_verified"],
        "signed_by": now["signed_by"] or payload.signed_by,
    }


def _judgement(file: PayloadFile) -> dict[str, Any]:
    """What was found out about a payload when its bytes were read."""
    inside = file.inside
    return {
        "is_verified": file.is_verified,
        "signed_by": file.signed_by,
        "built_for": inside.version or inside.level if inside else "",
        "own_version": inside.own_version if inside else "",
        "unread_because": file.unread_because,
        "damaged_because": "",
    }
