"""Where else the files of a release are: the addresses at which a sync found them."""

from collections.abc import Iterable

from oemupdates.models import Operator, Release
from oemupdates.services.releases.releases import CannotImport, codebase_of
from oemupdates.services.shared import activity
from oemupdates.services.shared.configuration import changing

_MOST = 4


class CannotForget(activity.Refused):
    """The release has no such origin, or none any more."""


def remember(release: Release, urls: Iterable[str], *, by: Operator | None) -> None:
    """Remember the folders in which a release was found, the newest first.

    One that is known stays where it is in the list: nodes that are under way are offered the same
    URLs as before.
    """
    said = list(dict.fromkeys(filter(None, map(_folder, urls))))
    if set(said) <= set(release.origins):
        return
    with changing():
        known = Release.objects.values_list("origins", flat=True).get(pk=release.pk)
        found = [*(url for url in said if url not in known), *known][:_MOST]
        if found == known:
            return
        Release.objects.filter(pk=release.pk).update(origins=found)
        activity.record(
            verb="release.found_at",
            subject=release,
            by=by,
            before={"origins": known},
            after={"origins": found},
        )


def forget(release: Release, url: str, *, by: Operator | None, why: str = "") -> None:
    """Send nodes to an address no more for a release's files; raises `CannotForget`.

    A sync that still finds them there remembers it again.
    """
    with changing():
        rows = Release.objects.filter(pk=release.pk)
        known = rows.values_list("origins", flat=True).first()
        if not known or url not in known:
            raise CannotForget(f"{url[:100]} is no origin of {release}.")
        left = [one for one in known if one != url]
        rows.update(origins=left)
        activity.record(
            verb="release.origin_forgotten",
            subject=release,
            by=by,
            before={"origins": known},
            after={"origins": left},
            why=why,
        )


def _folder(url: str) -> str:
    """A URL as nodes are given it; empty if it is none that they could use."""
    try:
        return codebase_of(url)
    except CannotImport:
        return ""
