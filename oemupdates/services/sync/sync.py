"""Working on a run of the sync: ask, compare, fetch what is missing, and move what may move.

Every step looks at what is there already, so a run may be cut short anywhere and be begun again.
"""

import logging
from collections.abc import Callable

from django.conf import settings
from django.db import DatabaseError
from django.db.models import Q, QuerySet
from django.utils import timezone

from oemupdates.domain.published import expected, names
from oemupdates.models import Channel, Payload, Release, Subscription, SyncRun, Upstream
from oemupdates.services.oem import catalogue, oem_proposals
from oemupdates.services.shared import activity
from oemupdates.services.shared.configuration import changing
from oemupdates.services.sync import proposals, sync_documents, sync_runs
from oemupdates.services.sync.proposals import Floors
from oemupdates.services.sync.sync_keeper import Keeper, Lost
from oemupdates.services.sync.sync_releases import Job, take, unproven
from oemupdates.services.sync.sync_runs import Outcome
from oemupdates.upstream import omaha, release_server
from oemupdates.upstream.download import CannotFetch
from oemupdates.upstream.omaha import BadAnswer, Manifest, Offered, Package, Question
from oemupdates.upstream.session import Absent, Route, Session, Unreachable

log = logging.getLogger(__name__)

_EXPECTED = (activity.Refused, BadAnswer, CannotFetch, Unreachable, DatabaseError, OSError)
Policy = Upstream.Policy


class CannotSync(activity.Refused):
    """What is asked for is not published, or could not be judged."""


def work_due() -> int:
    """Work on runs that nobody works on, until none is left; on how many."""
    worked: list[int] = []
    sync_runs.ask_due(timezone.now())
    while run := sync_runs.claim_any(but=worked):
        worked.append(run.pk)
        work(run)
    return len(worked)


def work(run: SyncRun, watch: Callable[[Keeper], None] | None = None) -> SyncRun:
    """Work on a run that was claimed; whatever goes wrong is written into it, and ends no other.

    `watch` is given who keeps the run, to show progress from.
    """
    outcome = Outcome()
    try:
        share = settings.SYNC_BYTES_A_SECOND // max(settings.SYNCS_AT_ONCE, 1)
        with Keeper(run) as keeper, Session(_route(run.upstream), share) as session:
            if watch:
                watch(keeper)
            job = Job(run, session, keeper, outcome.changes, outcome.remarks)
            if run.version:
                _import_version(job)
            else:
                _sync(job)
    except Lost:
        log.info("Sync of %s was cancelled, or is somebody else's now", run)
        return SyncRun.objects.get(pk=run.pk)
    except _EXPECTED as problem:
        outcome.problem = str(problem) or type(problem).__name__
        log.warning("Sync of %s failed: %s", run, outcome.problem)
    except Exception as problem:  # one run's fault must not end the others
        outcome.problem = f"A fault of this server: {type(problem).__name__}: {problem}"
        log.exception("Sync of %s failed", run)
    sync_runs.settle(run, outcome)
    return SyncRun.objects.get(pk=run.pk)


def _route(upstream: Upstream) -> Route:
    return Route(upstream.ca_file, upstream.proxy)


def _sync(job: Job) -> None:
    """Have all that a channel's track offers, then move the channel as far as policy lets it."""
    run = job.run
    _check_keys(run.upstream)
    subscription = Subscription.objects.filter(upstream=run.upstream, channel=run.channel).first()
    if subscription is None:
        raise CannotSync(f"{run.channel} does not get its releases from {run.upstream} any more.")
    job.track = subscription.track
    job.keeper.say(f"Asking {run.upstream} for {subscription.track}")
    offered = omaha.ask(
        job.session,
        run.upstream.address,
        Question(subscription.appid, job.track, run.channel.architecture, run.upstream.machine_id),
    )
    floors = [
        release
        for manifest in offered.floors
        if manifest != offered.target and (release := take(job, manifest))
    ]
    if offered.target is None:
        job.remarks.append(f"{run.upstream} offers no target for {job.track}.")
        target = None
    else:
        sync_documents.check_version(job, offered.target.version)
        target = take(job, offered.target)
    _move(job, subscription, target, offered)
    for release in (*filter(None, [target]), *floors):
        sync_documents.look(job, release)


def _check_keys(upstream: Upstream) -> None:
    if upstream.needs_signature and not settings.PAYLOAD_KEYS:
        raise CannotSync(
            f"Payloads of {upstream} must be signed, and no key is known here: FLEET_PAYLOAD_KEYS"
            " names none."
        )


def _move(job: Job, subscription: Subscription, target: Release | None, offered: Offered) -> None:
    """Do with a release, which is whole by now, and with its floors what the policy says."""
    run, policy = job.run, job.run.upstream.policy
    if run.is_dry or policy == Policy.MIRROR:
        return
    floors = [
        (manifest.version, manifest.floor_reason or f"It is a floor of {run.upstream}.")
        for manifest in offered.floors
        if manifest.version not in subscription.taken_floors
    ]
    channel = Channel.objects.select_related("target").get(pk=run.channel_id)
    if target is not None and not _is_forward(job, subscription, channel, target, offered):
        target = None
    job.keeper.make_sure()
    if policy == Policy.FOLLOW:
        _follow(job, subscription, channel, target, floors)
    elif target is None:
        if proposals.withdraw(run.upstream, channel):
            job.changes.append(f"Nothing is proposed for {channel} any more.")
    elif proposals.propose(run.upstream, channel, target, floors):
        job.changes.append(f"{target.version} is proposed for {channel}.")


def _is_forward(
    job: Job, subscription: Subscription, channel: Channel, target: Release, offered: Offered
) -> bool:
    """Whether a channel may move to a release: never backwards, nor to one that is blocked.

    Nor to one with a payload that nobody has read, whoever announced it. Nor to one that it
    followed to before: then an operator moved it elsewhere, for a reason.
    """
    if channel.target_id == target.pk:
        return False
    if target.blocked_because:
        job.remarks.append(f"{target} is blocked here: {target.blocked_because}")
        return False
    if names := ", ".join(_doubts(job, target, offered)):
        job.remarks.append(f"{channel} stays: {target} is not verified, as to {names}.")
        return False
    if subscription.followed_to == target.version:
        job.remarks.append(f"{channel} was moved away from {target.version} here, and stays so.")
        return False
    if channel.target and channel.target.order >= target.order:
        job.remarks.append(f"{channel} is at {channel.target.version} already.")
        return False
    return True


def _doubts(job: Job, target: Release, offered: Offered) -> QuerySet[Payload, str]:
    """The payloads that keep channels away; what is not the upstream's is not by its policy."""
    packages = offered.target.packages if offered.target else ()
    its = Q(name__in=[package.name for package in packages])
    doubts = unproven(job.run.upstream, target).filter(its | Q(is_verified=False))
    return doubts.values_list("name", flat=True)


def _follow(
    job: Job,
    subscription: Subscription,
    channel: Channel,
    target: Release | None,
    floors: Floors,
) -> None:
    """Let a channel follow: its floors and its target change at once for all nodes, or not."""
    if target is None and not floors:
        return
    with changing():
        taken = [*subscription.taken_floors, *(version for version, _ in floors)]
        followed_to = target.version if target else subscription.followed_to
        Subscription.objects.filter(pk=subscription.pk).update(
            taken_floors=taken, followed_to=followed_to
        )
        why = f"{job.run.upstream} offers it"
        added = proposals.move(channel, target, floors, by=job.run.asked_by, why=why)
    job.changes.extend(f"{version} is a floor of {channel}." for version in added)
    if target is not None:
        job.changes.append(f"{channel} is at {target.version}.")


def _import_version(job: Job) -> None:
    """Have a release by its number, newest or not; no channel moves to it."""
    run = job.run
    _check_keys(run.upstream)
    here = Subscription.objects.filter(channel=run.channel).order_by("pk")
    follows = here.filter(upstream=run.upstream).first() or here.first()
    # The folders of images are named by what the channel is called over there.
    job.track = follows.track if follows else run.channel.name
    job.keeper.say(f"Looking for the files of {run.version}")
    manifest = _probe(job)
    sync_documents.check_version(job, run.version)
    release = take(job, manifest)
    if release is not None:
        sync_documents.look(job, release)


def _probe(job: Job) -> Manifest:
    """What the release server has of a version: it lists nothing, so every name is tried."""
    run, architecture = job.run, job.run.channel.architecture
    url = release_server.folder(run.upstream.release_server, job.board, run.version)
    packages = []
    known = catalogue.load()
    os_payload, *others = names(known, architecture)
    for name in (os_payload, *others, *oem_proposals.also_published(known)):
        job.keeper.check()
        try:
            sha256 = release_server.sha256(job.session, url + name)
        except Absent:
            if name == os_payload:
                raise CannotSync(f"{run.upstream} has no {run.version} for {job.board}.") from None
            continue
        size = release_server.size(job.session, url + name)
        packages.append(Package(name, name, size, sha256=sha256))
    absent = expected(known, run.version, architecture) - {package.name for package in packages}
    if absent:
        job.remarks.append(f"Not published with {run.version}: {', '.join(sorted(absent))}.")
    return Manifest(run.version, tuple(packages), codebases=(url,))
