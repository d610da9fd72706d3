"""Links by which a chosen bundle is downloaded: whoever has one needs no log-in, for a day."""

from django.core import signing
from django.db import connections

from oemupdates.models import Operator, Release
from oemupdates.services.carrying import bundles
from oemupdates.services.carrying.bundles import CannotExport, Choice, Planned
from oemupdates.services.shared import activity

FOLDER = "/payloads/bundles"
LASTS_SECONDS = 24 * 60 * 60
_SALT = "oem-fleet.bundle"


class NoSuchLink(activity.Refused):
    """The link was changed, or is older than a day."""


def make(choice: Choice, *, by: Operator | None) -> tuple[str, Planned]:
    """The address of a bundle, and what will be in it; raises as `bundles.plan` does."""
    planned = bundles.plan(choice)
    said = {
        "releases": sorted(one.pk for one in choice.releases),
        "oems": None if choice.oems is None else sorted(choice.oems),
        "extensions": None if choice.extensions is None else sorted(choice.extensions),
        "running": sorted(choice.running),
    }
    activity.record(
        verb="bundle.exported",
        subject=activity.Named("bundle", planned.name),
        by=by,
        after={"releases": [str(one) for one in choice.releases]},
    )
    return f"{FOLDER}/{signing.dumps(said, salt=_SALT, compress=True)}.tar", planned


def follow(token: str) -> Planned:
    """The bundle behind a link, as it is now; for a thread that keeps no connection."""
    try:
        said = signing.loads(token, salt=_SALT, max_age=LASTS_SECONDS)
    except signing.BadSignature:
        raise NoSuchLink("This link is over, or never was one: choose the bundle anew.") from None
    try:
        releases = list(
            Release.objects.filter(pk__in=said["releases"]).select_related("application")
        )
        if len(releases) != len(said["releases"]):
            raise CannotExport("A release of this bundle is not here any more.")
        return bundles.plan(
            Choice(
                releases,
                None if said["oems"] is None else frozenset(said["oems"]),
                None if said["extensions"] is None else frozenset(said["extensions"]),
                said["running"],
            )
        )
    finally:
        connections.close_all()
