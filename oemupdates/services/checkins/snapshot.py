"""The configuration that check-ins are answered from, as one value in memory."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from django.conf import settings
from django.db.models import prefetch_related_objects

from oemupdates import models
from oemupdates.domain.oem import Catalogue, payload_name
from oemupdates.domain.policy import (
    OEM_PREFIX,
    OS_PAYLOAD,
    Channel,
    Floor,
    Group,
    Payload,
    PayloadSource,
    Release,
)
from oemupdates.domain.shipped import SHIPPED
from oemupdates.domain.sysupdate import Image, Wanted, listed, newest_first
from oemupdates.domain.version import parse
from oemupdates.models.application import Architecture
from oemupdates.services.checkins.passes import Pass, passes
from oemupdates.services.oem import catalogue, tools

NO_RELEASES: dict[str, Release] = {}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Applications, groups, channels and releases at one epoch.

    `applications` maps a lower-case UUID or product id to the UUID that stands for it; `groups`
    maps (application, architecture, track) to a policy, where a group's own UUID is a track too.
    """

    epoch: int
    applications: dict[str, str] = field(default_factory=dict)
    groups: dict[tuple[str, str, str], Group] = field(default_factory=dict)
    releases: dict[tuple[str, str], dict[str, Release]] = field(default_factory=dict)
    groups_by_id: dict[int, Group] = field(default_factory=dict)
    # What lets nodes in, by the digest of what follows the endpoint's path.
    passes: dict[str, Pass] = field(default_factory=dict)
    oems: Catalogue = SHIPPED
    # The images that lists may name of each component, the newest first.
    components: dict[str, tuple[Image, ...]] = field(default_factory=dict)

    def group(self, application: str, architecture: str, track: str) -> Group | None:
        """The group that a node asks for; the wire's track is compared as it is sent."""
        return self.groups.get((application, architecture, track))

    def releases_for(self, application: str, architecture: str) -> dict[str, Release]:
        """The releases of an application for one architecture, by version."""
        return self.releases.get((application, architecture), NO_RELEASES)

    def listed(self, wanted: Wanted, *, version: str, architecture: str) -> list[Image]:
        """What of a wanted component a node on an OS version may install, the newest first."""
        images = self.components.get(wanted.component, ())
        return listed(images, up_to=wanted.up_to, os_version=version, architecture=architecture)

    def best(self, wanted: Wanted, *, version: str, architecture: str) -> str:
        """The version that such a node should have; empty if there is none."""
        found = self.listed(wanted, version=version, architecture=architecture)
        return found[0].version if found else ""


def load() -> Snapshot:
    """Read the configuration as it is committed now.

    The epoch is read first: what is read after it can only be newer, and is then read again.
    """
    epoch = current_epoch()
    applications = list(models.Application.objects.all())
    releases = _releases()
    channels = _channels(releases)
    oems = catalogue.load()
    groups = _groups(channels, {one.pk: str(one.uuid) for one in applications}, oems)
    return Snapshot(
        epoch,
        _application_names(applications),
        groups,
        _by_version(releases.values(), {one.pk: str(one.uuid) for one in applications}),
        {group.id: group for group in groups.values()},
        passes(),
        oems,
        _components(),
    )


# The configuration as this process last read it.
_kept: Snapshot | None = None


def current() -> Snapshot:
    """The configuration as it is committed now, read again only where it has changed.

    What lets nodes in ends by itself, too: ask `passes` for that.
    """
    global _kept  # noqa: PLW0603 - one for the process; a snapshot never changes
    kept = _kept
    if kept is None or kept.epoch != current_epoch():
        kept = _kept = load()
    return kept


def current_epoch() -> int:
    """The epoch that is committed now."""
    return models.Configuration.objects.get(pk=models.Configuration.ONLY).epoch


def of_group(row: models.Group) -> tuple[Group, dict[str, Release]]:
    """One group with the values that it has in memory, and the releases there are for it."""
    releases = _releases()
    known = {
        release.version: release
        for application, release in releases.values()
        if (application, release.architecture) == (row.application_id, row.architecture)
    }
    # As it is in memory, but for what it wants: that is read at once.
    prefetch_related_objects([row], "component_wants__component")
    return _group(row, _channels(releases), catalogue.load()), known


def _application_names(applications: Iterable[models.Application]) -> dict[str, str]:
    names = {}
    for application in applications:
        names[str(application.uuid)] = str(application.uuid)
        if application.product_id:
            names[application.product_id.lower()] = str(application.uuid)
    return names


def _releases() -> dict[int, tuple[int, Release]]:
    rows = list(models.Release.objects.prefetch_related("payloads"))
    untold = {
        payload.name.removeprefix(OEM_PREFIX).removesuffix(".gz")
        for row in rows
        for payload in row.payloads.all()
        if payload.name.startswith(OEM_PREFIX) and not payload.own_version
    }
    builds = {
        (release, payload_name(oem)): build
        for (release, oem), build in tools.listed_builds(untold).items()
    }
    return {row.pk: (row.application_id, _release(row, builds)) for row in rows}


def codebase(row: models.Release) -> str:
    """The URL below which nodes find a release's payloads: another host's, or ours."""
    return row.codebase or f"{settings.FLEET_URL}/payloads/{row.board}/{row.version}/"


def _release(row: models.Release, builds: Mapping[tuple[int, str], str]) -> Release:
    payloads = sorted(row.payloads.all(), key=lambda one: (one.name != OS_PAYLOAD, one.name))
    return Release(
        id=row.pk,
        version=row.version,
        order=parse(row.version),
        architecture=row.architecture,
        codebase=codebase(row),
        payloads=tuple(
            Payload(
                one.name,
                one.size,
                one.sha1,
                one.sha256,
                one.is_verified,
                one.own_version or builds.get((row.pk, one.name), ""),
            )
            for one in payloads
        ),
        blocked_because=row.blocked_because,
        folder="" if row.codebase else f"{row.board}/{row.version}",
        origins=tuple(row.origins),
    )


def _channels(releases: dict[int, tuple[int, Release]]) -> dict[int, Channel]:
    return {
        row.pk: Channel(
            name=row.name,
            architecture=row.architecture,
            target=releases[row.target_id][1] if row.target_id else None,
            floors=tuple(
                sorted(
                    (Floor(releases[one.release_id][1], one.reason) for one in row.floors.all()),
                    key=lambda one: one.release.order,
                )
            ),
            dead_ends={one.version: one.reason for one in row.dead_ends.all()},
        )
        for row in models.Channel.objects.prefetch_related("floors", "dead_ends")
    }


def _groups(
    channels: dict[int, Channel], applications: dict[int, str], oems: Catalogue
) -> dict[tuple[str, str, str], Group]:
    groups: dict[tuple[str, str, str], Group] = {}
    by_track: dict[tuple[int, str], list[tuple[str, Group]]] = {}
    for row in models.Group.objects.prefetch_related("component_wants__component"):
        group = _group(row, channels, oems)
        application = applications[row.application_id]
        groups.setdefault((application, row.architecture, str(row.uuid)), group)
        groups[application, row.architecture, row.track] = group
        by_track.setdefault((row.application_id, row.track), []).append((row.architecture, group))
    for alias in models.TrackAlias.objects.all():
        for architecture, group in by_track.get((alias.application_id, alias.track), []):
            key = (applications[alias.application_id], architecture, alias.alias)
            groups.setdefault(key, group)
    return groups


def _group(row: models.Group, channels: dict[int, Channel], oems: Catalogue) -> Group:
    return Group(
        id=row.pk,
        name=row.name,
        architecture=row.architecture,
        channel=channels[row.channel_id] if row.channel_id else None,
        updates_enabled=row.updates_enabled,
        needs_oem_payload=row.needs_oem_payload,
        offers_own_oem_only=row.offers_own_oem_only,
        poll_interval_seconds=row.poll_interval_seconds,
        max_postinst_failures=row.max_postinst_failures,
        max_download_failures=row.max_download_failures,
        max_under_way=row.max_under_way,
        payload_source=PayloadSource(row.payload_source),
        has_node_urls=row.has_node_urls,
        wants=tuple(Wanted(one.component.name, one.up_to) for one in row.component_wants.all()),
        oems=oems,
    )


def _components() -> dict[str, tuple[Image, ...]]:
    images: dict[str, list[Image]] = {}
    own = [f"images__{one}" for one in models.ComponentImage.VALUES[1:]]
    rows = models.Component.objects.order_by().values_list("name", "images__withdrawn_at", *own)
    for name, withdrawn_at, version, *values in rows:
        of_it = images.setdefault(name, [])
        # A component without an image is a row without a version.
        if version is not None and withdrawn_at is None:
            of_it.append(Image(name, version, *values))
    return {name: newest_first(of_it) for name, of_it in images.items()}


def _by_version(
    releases: Iterable[tuple[int, Release]], applications: dict[int, str]
) -> dict[tuple[str, str], dict[str, Release]]:
    found: dict[tuple[str, str], dict[str, Release]] = {
        (application, architecture): {}
        for application in applications.values()
        for architecture in Architecture.values
    }
    for application_id, release in releases:
        found[applications[application_id], release.architecture][release.version] = release
    return found
