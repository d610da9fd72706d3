"""What one node hears now, with every reason: the only place that decides it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from oemupdates.domain import oem as oems
from oemupdates.domain.node import UNDER_WAY, Node, State
from oemupdates.domain.policy import OEM_PREFIX, OS_PAYLOAD, Channel, Group, Release
from oemupdates.domain.reason import Reason, Why
from oemupdates.domain.version import BadVersion, Version, parse

# How long a node that was offered a release keeps being offered the same, although its channel
# moved on meanwhile: a changed offer makes the client throw its download away.
KEEPS_OFFER = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Decision:
    """An offer of `release`, or a refusal when that is None; `state` is where it leaves the node.

    `reasons` holds every reason that applies, the most telling first.
    """

    release: Release | None
    reasons: tuple[Reason, ...]
    state: State

    @property
    def answer(self) -> str:
        """The answer in a word or two: `offer 4593.2.1` or `noupdate`."""
        return f"offer {self.release.version}" if self.release else "noupdate"


def decide(
    node: Node,
    group: Group | None,
    *,
    releases: Mapping[str, Release],
    places_left: int | None,
    now: datetime,
) -> Decision:
    """Decide what a node hears that asks for an update.

    `releases` are the group's architecture's by version, to go on with one that is under way;
    `places_left` is how many more nodes the group lets in now, None for any number.
    """
    settled = _settle_without_goal(node, group)
    if isinstance(settled, Decision):
        return settled
    assert group is not None  # noqa: S101 - _settle_without_goal returned its channel
    channel, version = settled
    release, notes = _goal(node, channel, version, releases, now)
    against = [
        *_operators_refuse(node, group, channel, now),
        *_release_refuses(node, group, release),
        *_history_refuses(node, group, release),
    ]
    if places_left is not None and places_left <= 0 and node.state not in UNDER_WAY:
        against.append(Reason(Why.LIMIT, str(group.max_under_way)))
    if against:
        return Decision(None, tuple(against), _state_of_refusal(node, against))
    if not group.needs_oem_payload and _lacks_oem_payload(node, group, release):
        notes.append(Reason(Why.OEM_NOT_IN_RELEASE, release.version, node.oem))
    # A node in its own back-off asks for days, and is told the same each time.
    waits = node.state == State.DEFERRED and node.target_version == release.version
    return Decision(release, tuple(notes), State.DEFERRED if waits else State.OFFERED)


def _settle_without_goal(node: Node, group: Group | None) -> Decision | tuple[Channel, Version]:
    """The answer where there is nothing to weigh, else the node's channel and version."""
    reason = _nowhere_to_go(node, group)
    if reason is not None:
        state = State.UNASSIGNED if group is None else State.WAITING
        return Decision(None, (reason,), state)
    assert group is not None and group.channel is not None and group.channel.target is not None  # noqa: S101, PT018 - _nowhere_to_go said so
    target = group.channel.target
    version = parse(node.version)
    if version > target.order:
        return Decision(None, (Reason(Why.AHEAD, target.version),), State.UP_TO_DATE)
    if version == target.order:
        return Decision(None, (Reason(Why.UP_TO_DATE, node.version),), State.UP_TO_DATE)
    return group.channel, version


def _nowhere_to_go(node: Node, group: Group | None) -> Reason | None:
    if not node.architecture:
        return Reason(Why.UNKNOWN_ARCHITECTURE)
    if group is None:
        return Reason(Why.UNKNOWN_TRACK, node.track)
    if group.channel is None:
        return Reason(Why.NO_CHANNEL, group.name)
    if group.channel.target is None:
        return Reason(Why.NO_TARGET, group.channel.name)
    try:
        parse(node.version)
    except BadVersion:
        return Reason(Why.BAD_VERSION, node.version)
    return None


def _goal(
    node: Node,
    channel: Channel,
    version: Version,
    releases: Mapping[str, Release],
    now: datetime,
) -> tuple[Release, list[Reason]]:
    """The release that the node gets next, if nothing speaks against it."""
    target = channel.target
    assert target is not None  # noqa: S101 - _nowhere_to_go said so
    started = releases.get(node.target_version) if node.state in UNDER_WAY else None
    floor = next((f for f in channel.floors if version < f.release.order < target.order), None)
    goal = floor.release if floor else target
    if (
        started is not None
        and version < started.order < goal.order
        and not started.blocked_because
        and node.offered_at is not None
        and now - node.offered_at < KEEPS_OFFER
    ):
        return started, [Reason(Why.UNDER_WAY, started.version, goal.version)]
    if floor is not None:
        return goal, [Reason(Why.FLOOR, goal.version, target.version)]
    return goal, [Reason(Why.TARGET, goal.version)]


def _operators_refuse(node: Node, group: Group, channel: Channel, now: datetime) -> list[Reason]:
    reasons = []
    if node.is_held and (node.held_until is None or now < node.held_until):
        until = f"{node.held_until:%Y-%m-%d %H:%M %Z}" if node.held_until else ""
        reasons.append(Reason(Why.HELD, node.held_because, until))
    if not group.updates_enabled:
        reasons.append(Reason(Why.UPDATES_OFF, group.name))
    if node.version in channel.dead_ends:
        reasons.append(Reason(Why.DEAD_END, node.version, channel.dead_ends[node.version]))
    return reasons


def _release_refuses(node: Node, group: Group, release: Release) -> list[Reason]:
    """Blocked, built for other machines, or not ready for this node."""
    reasons = []
    if release.blocked_because:
        reasons.append(Reason(Why.BLOCKED, release.version, release.blocked_because))
    if release.architecture != node.architecture:
        reasons.append(Reason(Why.WRONG_ARCHITECTURE, release.version, release.architecture))
    if release.payload(OS_PAYLOAD) is None:
        reasons.append(Reason(Why.NOT_READY, release.version, OS_PAYLOAD))
    if group.needs_oem_payload and _lacks_oem_payload(node, group, release):
        if group.oems.is_dropped(node.oem, target=release.version):
            reasons.append(Reason(Why.OEM_DROPPED, release.version, node.oem))
        else:
            name = oems.payload_name(node.oem)
            reasons.append(Reason(Why.NOT_READY, release.version, name))
    if group.needs_oem_payload and node.needs:
        reasons += _reported_needs(node, group, release)
    own = oems.payload_name(node.oem)
    reasons.extend(
        Reason(Why.NOT_VERIFIED, release.version, payload.name)
        for payload in release.payloads
        # A node never says which extensions it enabled, so it may need any of them.
        if not payload.is_verified
        and (payload.name == own or not payload.name.startswith(OEM_PREFIX))
    )
    return reasons


def _reported_needs(node: Node, group: Group, release: Release) -> list[Reason]:
    """What the node reported that its post-install step will ask for, and the release has not."""
    told = oems.payload_name(node.oem) if _lacks_oem_payload(node, group, release) else ""
    return [
        Reason(Why.NOT_READY, release.version, name)
        for name in node.needs.split()
        if name != told and release.payload(name) is None
    ]


def _lacks_oem_payload(node: Node, group: Group, release: Release) -> bool:
    return (
        node.oem not in oems.NO_OEM
        and release.payload(oems.payload_name(node.oem)) is None
        and group.oems.is_mandatory(
            node.oem,
            running=node.version,
            target=release.version,
            architecture=node.architecture,
        )
    )


def _history_refuses(node: Node, group: Group, release: Release) -> list[Reason]:
    """The circuit breaker, and a release that the node came back from."""
    reasons = []
    if node.rolled_back_version == release.version:
        reasons.append(Reason(Why.ROLLED_BACK, release.version))
    if node.target_version != release.version:
        return reasons
    if node.postinst_failures >= group.max_postinst_failures:
        count = str(node.postinst_failures)
        reasons.append(Reason(Why.POSTINST_FAILURES, release.version, count))
    if node.download_failures >= group.max_download_failures:
        count = str(node.download_failures)
        reasons.append(Reason(Why.DOWNLOAD_FAILURES, release.version, count))
    return reasons


_BROKEN = {Why.POSTINST_FAILURES, Why.DOWNLOAD_FAILURES}


def _state_of_refusal(node: Node, reasons: list[Reason]) -> State:
    """A failure stays visible for as long as it is why nothing is offered."""
    codes = {reason.why for reason in reasons}
    if Why.ROLLED_BACK in codes:
        return State.ROLLED_BACK
    return State.FAILED if codes & _BROKEN else State.WAITING


def settle(node: Node, decision: Decision, now: datetime) -> None:
    """Put a decision into what is remembered of a node (changes `node`)."""
    node.state = decision.state
    if decision.release is not None:
        if node.target_version != decision.release.version:
            node.target_version = decision.release.version
            node.download_failures = node.postinst_failures = node.last_error_code = 0
            node.offered_at = now
            node.applied_boot_id = ""
        elif node.offered_at is None:
            node.offered_at = now
    elif decision.state is State.UP_TO_DATE:
        node.target_version = ""
        node.applied_boot_id = ""
        node.offered_at = None
        node.download_failures = node.postinst_failures = node.last_error_code = 0
