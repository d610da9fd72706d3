"""Releases that channels might move to: made by the sync, decided by operators."""

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from oemupdates.models import Channel, Operator, Proposal, Release, Upstream
from oemupdates.services.groups import channels
from oemupdates.services.shared import activity
from oemupdates.services.shared.configuration import changing

_State = Proposal.State
# A version, and why nodes must pass it.
Floors = Sequence[tuple[str, str]]


class CannotDecide(activity.Refused):
    """Somebody decided already, or a newer release took the proposal's place."""


def propose(
    upstream: Upstream, channel: Channel, release: Release, floors: Floors
) -> Proposal | None:
    """Leave a release for an operator to decide on; None if it was left, or decided on, before.

    It takes the place of whatever the upstream offered until now.
    """
    now, wanted = timezone.now(), [list(floor) for floor in floors]
    with transaction.atomic():
        before = Proposal.objects.filter(upstream=upstream, channel=channel)
        last = before.select_for_update().filter(release=release).first()
        if last is not None and last.state == _State.OPEN and last.floors == wanted:
            return None
        if last is not None and last.state in {_State.ACCEPTED, _State.DISMISSED}:
            withdraw(upstream, channel)
            return None
        before.filter(state=_State.OPEN).update(state=_State.SUPERSEDED, decided_at=now)
        made = Proposal.objects.create(
            upstream=upstream, channel=channel, release=release, floors=wanted, made_at=now
        )
        activity.record(
            verb="channel.target_proposed",
            subject=channel,
            by=None,
            after={"target": release.version, "upstream": upstream.name},
        )
    return made


def withdraw(upstream: Upstream, channel: Channel) -> bool:
    """Let nobody accept any more what an upstream does not offer now; whether there was one."""
    with transaction.atomic():
        waiting = Proposal.objects.filter(upstream=upstream, channel=channel, state=_State.OPEN)
        proposal = waiting.select_related("release").first()
        if proposal is None:
            return False
        if waiting.update(state=_State.SUPERSEDED, decided_at=timezone.now()):
            activity.record(
                verb="channel.proposal_withdrawn",
                subject=channel,
                by=None,
                after={"target": proposal.release.version, "upstream": upstream.name},
            )
    return True


def accept(proposal: Proposal, *, by: Operator | None, why: str = "") -> Channel:
    """Move the channel to the release, and let nodes pass its floors; raises `CannotDecide`."""
    with changing():
        _decide(proposal, _State.ACCEPTED, by)
        channel = Channel.objects.select_related("target").get(pk=proposal.channel_id)
        why = why or f"{proposal.upstream} offers it"
        move(channel, proposal.release, proposal.floors, by=by, why=why)
    return channel


def dismiss(proposal: Proposal, *, by: Operator | None, why: str = "") -> None:
    """Leave the channel where it is; the release stays known, and is not proposed again."""
    with transaction.atomic():
        _decide(proposal, _State.DISMISSED, by)
        activity.record(
            verb="channel.proposal_dismissed",
            subject=proposal.channel,
            by=by,
            after={"target": proposal.release.version},
            why=why,
        )


def move(
    channel: Channel, release: Release | None, floors: Floors, *, by: Operator | None, why: str
) -> list[str]:
    """Add floors that are none yet, then move the target; which versions became floors.

    Within `changing()`: no node may hear of the target before it must pass the floors.
    """
    known = set(channel.floors.values_list("release__version", flat=True))
    added = []
    for version, because in floors:
        if version not in known:
            floor = Release.objects.get(
                application=channel.application,
                architecture=channel.architecture,
                version=version,
            )
            channels.add_floor(channel, floor, by=by, because=because)
            added.append(version)
    if release is not None:
        channels.set_target(channel, release, by=by, why=why)
    return added


def _decide(proposal: Proposal, state: Proposal.State, by: Operator | None) -> None:
    seen = Proposal.objects.filter(pk=proposal.pk, state=_State.OPEN)
    if not seen.update(state=state, decided_at=timezone.now(), decided_by=by):
        raise CannotDecide(f"{proposal} was decided already, or is out of date.")
