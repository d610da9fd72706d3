"""Removing a release that no node has any use for."""

from django.conf import settings

from oemupdates.models import Operator, Release
from oemupdates.services.releases import release_use
from oemupdates.services.shared import activity
from oemupdates.services.shared.configuration import changing


class CannotRemove(activity.Refused):
    """A channel offers the release, nodes pass it, ran it or were offered it, or it is gone."""


def remove(release: Release, *, by: Operator | None, why: str = "") -> None:
    """Take a release out of the register, with its payloads, notes and lists of packages.

    Its files stay on the disk until they are collected. Raises `CannotRemove`.
    """
    # Counted before the lock that check-ins wait for; whoever is offered it meanwhile still finds
    # its files, which are collected only after another look.
    wanted = release_use.wanted(release.version, release.architecture)
    if words := wanted.words(settings.PAYLOAD_KEEP_DAYS):
        raise CannotRemove(f"{release} stays. {words}")
    with changing():
        found = Release.objects.filter(pk=release.pk).first()
        if found is None:
            raise CannotRemove(f"Someone else removed {release} just now.")
        if channels := [str(one) for one in found.target_of.all()]:
            raise CannotRemove(f"{found} stays: it is what {', '.join(channels)} offers.")
        floors = [str(one.channel) for one in found.floor_of.select_related("channel")]
        if floors:
            raise CannotRemove(f"{found} stays: it is a floor of {', '.join(floors)}.")
        before: dict[str, activity.Value] = {
            one.name: f"sha256 {one.sha256}" for one in found.payloads.all()
        }
        if found.codebase:
            before["codebase"] = found.codebase
        subject = activity.Named("release", str(found), found.pk)
        found.delete()
        activity.record(verb="release.removed", subject=subject, by=by, before=before, why=why)
