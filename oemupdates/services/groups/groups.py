"""What operators do to groups."""

import re
from typing import TypedDict, Unpack

from django.db.models import Sum
from django.utils import timezone

from oemupdates.domain.node import UNDER_WAY
from oemupdates.domain.policy import MAX_POLL_SECONDS, MIN_POLL_SECONDS, PayloadSource
from oemupdates.models import (
    Application,
    Architecture,
    Channel,
    Group,
    GroupBudget,
    Node,
    NodeCount,
    Operator,
    TrackAlias,
)
from oemupdates.services.shared import activity
from oemupdates.services.shared.configuration import changing

_MAX_NAME, _MAX_DESCRIPTION = 64, 500
# What a node can be given as GROUP= without quotes, and sends without harm to its XML.
_TRACK = re.compile(r"[0-9A-Za-z][0-9A-Za-z._:/@+-]{0,255}", re.ASCII)
_MAX_FAILURES, _MAX_UNDER_WAY = 1000, 10_000_000
_MAX_DARK_SECONDS = 365 * 24 * 60 * 60
# Clients spread a server-set interval by half of it to both sides.
_LONGEST_POLL = 1.5


class Policy(TypedDict, total=False):
    """What an operator may say of a group; what is left out stays as it is."""

    name: str
    track: str
    description: str
    channel: Channel | None
    needs_oem_payload: bool
    offers_own_oem_only: bool
    poll_interval_seconds: int
    dark_after_seconds: int
    max_postinst_failures: int
    max_download_failures: int
    max_under_way: int | None
    payload_source: str
    has_node_urls: bool


class CannotEdit(activity.Refused):
    """A value of the group is no good, or taken by another group."""


class CannotDelete(activity.Refused):
    """The group has nodes, or is gone already."""


class CannotSwitch(activity.Refused):
    """The group's updates are on, or off, already."""


def create(
    application: Application,
    *,
    architecture: str,
    by: Operator | None,
    **policy: Unpack[Policy],
) -> Group:
    """Make a group for nodes of one architecture; its name is its track, unless one is given.

    Raises `CannotEdit`.
    """
    if architecture not in Architecture.values:
        raise CannotEdit(f"{architecture!r} is no architecture of Flatcar.")
    with changing():
        group = Group(application=application, architecture=architecture)
        _set(group, policy)
        group.track = group.track or group.name
        check(group)
        group.save(force_insert=True)
        _keep_budget(group)
        activity.record(
            verb="group.created", subject=group, by=by, after=_values(group, list(policy))
        )
    return group


def edit(group: Group, *, by: Operator | None, why: str = "", **policy: Unpack[Policy]) -> Group:
    """Change what is given of a group's policy; raises `CannotEdit`."""
    with changing():
        group = Group.objects.get(pk=group.pk)
        changed = [name for name, value in policy.items() if getattr(group, name) != value]
        before = _values(group, changed)
        _set(group, policy)
        if changed:
            check(group)
            group.save()
            _keep_budget(group)
            activity.record(
                verb="group.edited",
                subject=group,
                by=by,
                before=before,
                after=_values(group, changed),
                why=why,
            )
    return group


def switch_updates(group: Group, *, on: bool, by: Operator | None, why: str = "") -> Group:
    """Let a group's nodes update, or withhold every update from them; raises `CannotSwitch`."""
    with changing():
        seen = Group.objects.filter(pk=group.pk, updates_enabled=not on)
        if not seen.update(updates_enabled=on):
            raise CannotSwitch(f"Updates of {group} are {'on' if on else 'off'} already.")
        activity.record(
            verb="group.updates_on" if on else "group.updates_off",
            subject=group,
            by=by,
            before={"updates_enabled": not on},
            after={"updates_enabled": on},
            why=why,
        )
    group.updates_enabled = on
    return group


def delete(group: Group, *, by: Operator | None, why: str = "") -> None:
    """Take away a group that no node belongs to, not even an archived one; `CannotDelete`."""
    with changing():
        if kept := keeps(group):
            raise CannotDelete(f"{group} stays: {' '.join(kept)}")
        removed, _ = Group.objects.filter(pk=group.pk).delete()
        if not removed:
            raise CannotDelete(f"Someone else took {group} away just now.")
        activity.record(
            verb="group.deleted", subject=group, by=by, before={"track": group.track}, why=why
        )


def keeps(group: Group) -> list[str]:
    """Why a group cannot be taken away now, a sentence a reason; none if it can."""
    listed = NodeCount.objects.of({"group": [group.pk]}).total()
    reasons = []
    if listed:
        many = "node belongs" if listed == 1 else "nodes belong"
        reasons.append(f"{listed:,} {many} to it; move them elsewhere first.")
    elif Node.objects.filter(group=group).exists():
        reasons.append("Archived nodes belong to it; they would come back with a check-in.")
    # A node that is moved may belong to no group until it is heard again.
    elif Node.objects.filter(moved_to=group).exists():
        reasons.append("Nodes were moved to it by operators; move them back first.")
    return reasons


def _set(group: Group, policy: Policy) -> None:
    for name, value in policy.items():
        if name not in Policy.__annotations__:
            raise TypeError(f"a group's policy has no {name}")
        setattr(group, name, value)
    _keep_node_urls(group)


def _keep_node_urls(group: Group) -> None:
    """Note since when nodes are sent to URLs of their own here first, or that they are not."""
    if group.has_node_urls and PayloadSource(group.payload_source).begins_here:
        group.node_urls_since = group.node_urls_since or timezone.now()
    else:
        group.node_urls_since = None


def _values(group: Group, names: list[str]) -> dict[str, activity.Value]:
    """A group's values by name, as activity shows them."""
    values: dict[str, activity.Value] = {}
    for name in names:
        value = getattr(group, name)
        values[name] = str(value) if isinstance(value, Channel) else value
    return values


def check(group: Group) -> None:
    """Refuse, in a sentence, a group that nodes or pages could not live with: `CannotEdit`."""
    group.name = activity.wording(group.name, what="The name", most=_MAX_NAME)
    group.track = group.track.strip()
    group.description = activity.wording(
        group.description, what="The description", most=_MAX_DESCRIPTION
    )
    if not group.name:
        raise CannotEdit("A group needs a name.")
    if not _TRACK.fullmatch(group.track):
        raise CannotEdit(
            f"{group.track!r} is no track: letters, digits and . _ : / @ + - are what a node"
            " can be given as GROUP."
        )
    _check_channel(group)
    _check_numbers(group)
    _check_taken(group)


def _check_channel(group: Group) -> None:
    channel = group.channel
    if channel is None:
        return
    if channel.application_id != group.application_id:
        raise CannotEdit(f"Channel {channel} is one of another application.")
    if channel.architecture != group.architecture:
        raise CannotEdit(
            f"Channel {channel} carries releases for {channel.architecture}, and the group's nodes"
            f" are {group.architecture}."
        )


def _check_numbers(group: Group) -> None:
    poll = group.poll_interval_seconds
    if not MIN_POLL_SECONDS <= poll <= MAX_POLL_SECONDS:
        raise CannotEdit(
            f"Nodes keep a poll interval from {MIN_POLL_SECONDS} to {MAX_POLL_SECONDS} seconds,"
            f" not {poll}."
        )
    least = int(poll * _LONGEST_POLL)
    if not least <= group.dark_after_seconds <= _MAX_DARK_SECONDS:
        raise CannotEdit(
            f"A node that polls every {poll} seconds may be quiet for {least}: it can be called"
            f" dark after that, and before {_MAX_DARK_SECONDS}."
        )
    for number in (group.max_postinst_failures, group.max_download_failures):
        if not 1 <= number <= _MAX_FAILURES:
            raise CannotEdit(f"A limit of failures is from 1 to {_MAX_FAILURES}, not {number}.")
    limit = group.max_under_way
    if limit is not None and not 1 <= limit <= _MAX_UNDER_WAY:
        raise CannotEdit(
            f"At least 1 and at most {_MAX_UNDER_WAY} nodes may be under way at once, not {limit};"
            " to let none in, switch updates off."
        )


def _check_taken(group: Group) -> None:
    others = Group.objects.filter(
        application=group.application, architecture=group.architecture
    ).exclude(pk=group.pk)
    if others.filter(name=group.name).exists():
        raise CannotEdit(f"Another group for {group.architecture} is named {group.name}.")
    if (other := others.filter(track=group.track).first()) is not None:
        raise CannotEdit(f"Nodes that ask for track {group.track} belong to {other}.")
    alias = TrackAlias.objects.filter(application=group.application, alias=group.track).first()
    if alias is not None:
        raise CannotEdit(f"{alias}: nodes that send it belong there.")


def _keep_budget(group: Group) -> None:
    """Keep a row of places for a group with a limit, and none for one without.

    No batch of check-ins is in flight now, so that what is counted is what the next will find.
    """
    budgets = GroupBudget.objects.filter(group=group)
    if group.max_under_way is None:
        budgets.delete()
    elif not budgets.exists():
        counted = NodeCount.objects.filter(group=group.pk, state__in=UNDER_WAY)
        under_way = counted.aggregate(nodes=Sum("nodes"))["nodes"] or 0
        GroupBudget.objects.create(group=group, under_way=max(under_way, 0))
