"""How soon a group's nodes ran what they were to run, from samples of the counters.

A sample knows which nodes were in the group at its hour; version intervals do not, so nobody
who left since, or came later, is counted for what was not theirs.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q

from oemupdates.models import Activity, Dimension, Group, Sample
from oemupdates.models.sample import OTHERS, Counts
from oemupdates.models.standing import Standing, standing
from oemupdates.services.groups.following import MOVES

# After how many days one looks, and how many targets back.
DAYS = (1, 7, 14, 30)
TARGETS = 10
# Beyond the hours that are kept there is a sample a day.
_OLDEST = timedelta(hours=25)


@dataclass(frozen=True, slots=True)
class Reached:
    """How many of a group's nodes ran a target or something newer at the hour of a sample.

    Of `unknown` ones the sample does not say the version: they ran one that few nodes did.
    """

    days: int
    at: datetime
    nodes: int
    reached: int
    unknown: int


@dataclass(frozen=True, slots=True)
class Uptake:
    """A target that a group had from `since` until it got another one, and how it was taken.

    `after` has those of `DAYS` that are over and of which there is a sample.
    """

    version: str
    since: datetime
    until: datetime | None
    after: tuple[Reached, ...]


def uptakes(group: Group, now: datetime) -> list[Uptake]:
    """The targets of a group's channel while the group followed it, the newest first."""
    spans = _spans(group)
    moments = [since + timedelta(days) for _version, since, _until in spans for days in DAYS]
    samples = _samples(group, [moment for moment in moments if moment <= now])
    return [
        Uptake(version, since, until, tuple(_after(version, since, samples, now)))
        for version, since, until in spans
    ]


def _spans(group: Group) -> list[tuple[str, datetime, datetime | None]]:
    """Which targets a group had from when to when, by what was done to it and its channel."""
    if group.channel_id is None:
        return []
    about = Activity.objects.filter(subject_kind="group", subject_id=group.pk)
    followed = about.filter(after__has_key="channel").order_by("-id").first()
    moves = Activity.objects.filter(
        subject_kind="channel", subject_id=group.channel_id, verb__in=MOVES
    )
    spans: list[tuple[str, datetime, datetime | None]] = []
    until = None
    for move in moves.order_by("-id")[:TARGETS]:
        since = max(move.at, followed.at) if followed else move.at
        if move.after.get("target"):
            spans.append((move.after["target"], since, until))
        if followed and move.at <= followed.at:
            break
        until = move.at
    return spans


def _samples(group: Group, moments: Iterable[datetime]) -> Mapping[datetime, Counts]:
    """The versions of a group's nodes at the hours of some moments, or on the days before them."""
    wanted = Q(pk__in=())
    for moment in moments:
        hour = moment.replace(minute=0, second=0, microsecond=0)
        wanted |= Q(at=hour) | Q(is_first_of_day=True, at__range=(moment - _OLDEST, moment))
    found = Sample.objects.filter(wanted, group=group.pk, dimension=Dimension.VERSION)
    return {at: Counts(counts) for at, counts in found.values_list("at", "counts")}


def _after(
    version: str, since: datetime, samples: Mapping[datetime, Counts], now: datetime
) -> Iterable[Reached]:
    for days in DAYS:
        moment = since + timedelta(days)
        at = max((at for at in samples if moment - _OLDEST <= at <= moment), default=None)
        if moment > now or at is None:
            continue
        counts = samples[at]
        reached = sum(
            nodes
            for ran, nodes in counts.items()
            if standing(ran, "", target=version) is Standing.ON_TARGET
        )
        yield Reached(days, at, counts.total(), reached, counts[OTHERS])
