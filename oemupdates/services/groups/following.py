"""Who follows a channel, where they stand, and since when it aims where it does."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db.models import Max

from oemupdates.domain.access import Reach
from oemupdates.models import Activity, Channel, Group
from oemupdates.models.standing import Standings, standings

# What moves a channel's target; its making left it without one.
MOVES = ("channel.target_set", "channel.target_cleared")


@dataclass(frozen=True, slots=True)
class Following:
    """The groups of a channel that somebody may see, each with its three numbers.

    `move` is the activity that made the target what it is, None where nobody ever set one.
    """

    groups: list[tuple[Group, Standings]] = field(default_factory=list)
    move: Activity | None = None

    @property
    def keys(self) -> list[int]:
        """The keys of the groups."""
        return [group.pk for group, _numbers in self.groups]

    @property
    def numbers(self) -> Standings:
        """The three numbers of all groups together."""
        each = [numbers for _group, numbers in self.groups]
        return Standings(
            on_target=sum(one.on_target for one in each),
            in_progress=sum(one.in_progress for one in each),
            behind=sum(one.behind for one in each),
        )


def following(channels: Iterable[Channel], reach: Reach) -> dict[int, Following]:
    """Who follows each of some channels, in three questions however many they are."""
    targets = {one.pk: one.target.version if one.target else "" for one in channels}
    groups = list(Group.objects.within(reach).filter(channel__in=targets))
    numbers = standings({group.pk: targets[group.channel_id or 0] for group in groups})
    followers: defaultdict[int, list[tuple[Group, Standings]]] = defaultdict(list)
    for group in groups:
        followers[group.channel_id or 0].append((group, numbers[group.pk]))
    moves = _last_moves(targets)
    return {pk: Following(followers[pk], moves.get(pk)) for pk in targets}


def _last_moves(channels: Iterable[int]) -> dict[int | None, Activity]:
    moves = Activity.objects.filter(
        subject_kind="channel", subject_id__in=list(channels), verb__in=MOVES
    )
    last = moves.order_by().values("subject_id").annotate(last=Max("id")).values("last")
    found = Activity.objects.filter(pk__in=last).select_related("actor")
    return {move.subject_id: move for move in found}
