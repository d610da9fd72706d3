"""Why a node hears what it hears: codes, a plain sentence each, and what would change it."""

from enum import StrEnum
from typing import NamedTuple


class Why(StrEnum):
    """The code of a reason, as stored and as scripts read it."""

    # Nothing newer to have.
    UP_TO_DATE = "up_to_date"
    AHEAD = "ahead_of_target"
    # An offer, and what is special about it.
    TARGET = "target"
    FLOOR = "floor_first"
    UNDER_WAY = "already_under_way"
    OEM_NOT_IN_RELEASE = "oem_payload_missing_allowed"
    # Refusals.
    UNKNOWN_APPLICATION = "unknown_application"
    UNKNOWN_TRACK = "unknown_track"
    UNKNOWN_ARCHITECTURE = "unknown_architecture"
    BAD_VERSION = "bad_version"
    NO_CHANNEL = "no_channel"
    NO_TARGET = "no_target"
    UPDATES_OFF = "updates_off"
    HELD = "held"
    DEAD_END = "dead_end"
    BLOCKED = "release_blocked"
    WRONG_ARCHITECTURE = "wrong_architecture"
    NOT_READY = "payload_missing"
    NOT_VERIFIED = "payload_not_verified"
    OEM_DROPPED = "oem_dropped_upstream"
    POSTINST_FAILURES = "too_many_postinst_failures"
    DOWNLOAD_FAILURES = "too_many_download_failures"
    ROLLED_BACK = "rolled_back"
    LIMIT = "group_limit"


class Reason(NamedTuple):
    """One reason; `subject` and `detail` fill its sentence."""

    why: Why
    subject: str = ""
    detail: str = ""


class Change(NamedTuple):
    """What would change a reason: `kind` is `time`, `event`, `person` or `nothing`."""

    kind: str
    words: str


_SENTENCES = {
    Why.UP_TO_DATE: "It runs {subject}, which is its channel's target.",
    Why.AHEAD: "It runs a newer version than its channel's target {subject}; no downgrades.",
    Why.TARGET: "{subject} is its channel's target.",
    Why.FLOOR: "{subject} must be passed on the way to {detail}.",
    Why.UNDER_WAY: "It is already on its way to {subject}; it gets {detail} afterwards.",
    Why.OEM_NOT_IN_RELEASE: (
        "{subject} has no payload for its OEM {detail}; its group allows that, and the node may"
        " fetch it from the public release server or fail."
    ),
    Why.UNKNOWN_APPLICATION: "It asked for application {subject}, which nobody registered here.",
    Why.UNKNOWN_TRACK: "It asked for track {subject}, which no group of its architecture has.",
    Why.UNKNOWN_ARCHITECTURE: "Its request does not tell its architecture.",
    Why.BAD_VERSION: "It reports version {subject}, which is no Flatcar version.",
    Why.NO_CHANNEL: "Its group {subject} follows no channel.",
    Why.NO_TARGET: "Its channel {subject} has no target release.",
    Why.UPDATES_OFF: "Updates are switched off in its group {subject}.",
    Why.HELD: "It is held: {subject}.",
    Why.DEAD_END: "Its version {subject} is a dead end: {detail}.",
    Why.BLOCKED: "Release {subject} is blocked: {detail}.",
    Why.WRONG_ARCHITECTURE: "{subject} is built for {detail}, and the node is not.",
    Why.NOT_READY: "{subject} lacks {detail}, which this node cannot update without.",
    Why.NOT_VERIFIED: "{detail} of {subject} is not verified.",
    Why.OEM_DROPPED: "Flatcar builds no {detail} payload for {subject} any more.",
    Why.POSTINST_FAILURES: "Its post-install step failed {detail} times on {subject}.",
    Why.DOWNLOAD_FAILURES: "Its download failed {detail} times on {subject}.",
    Why.ROLLED_BACK: "It tried {subject} and rolled back.",
    Why.LIMIT: "{subject} nodes of its group are under way, which is the limit.",
}

_NOTHING = Change("nothing", "Nothing needs to change.")
_CHANGES = {
    Why.UP_TO_DATE: Change("event", "A newer target in its channel."),
    Why.AHEAD: Change("event", "A target newer than what it runs."),
    Why.UNKNOWN_APPLICATION: Change("person", "Register the application, or mend its appid."),
    Why.UNKNOWN_TRACK: Change("person", "Give a group this track, or mend GROUP on the node."),
    Why.UNKNOWN_ARCHITECTURE: Change("person", "Mend FLATCAR_RELEASE_BOARD on the node."),
    Why.BAD_VERSION: Change("person", "Mend FLATCAR_RELEASE_VERSION on the node."),
    Why.NO_CHANNEL: Change("person", "Give the group a channel."),
    Why.NO_TARGET: Change("person", "Give the channel a target release."),
    Why.UPDATES_OFF: Change("person", "Switch the group's updates on."),
    Why.HELD: Change("person", "Release the hold."),
    Why.DEAD_END: Change("person", "Reinstall the node, or take the dead end away."),
    Why.BLOCKED: Change("person", "Unblock the release, or move the channel."),
    Why.WRONG_ARCHITECTURE: Change("person", "Mend the channel's architecture."),
    Why.NOT_READY: Change("person", "Import the payload, or allow the group to do without."),
    Why.NOT_VERIFIED: Change("event", "The payload's verification."),
    Why.OEM_DROPPED: Change("person", "Stay below that version, or move the node elsewhere."),
    Why.POSTINST_FAILURES: Change("person", "Retry the node, or choose another target."),
    Why.DOWNLOAD_FAILURES: Change("person", "Retry the node, or choose another target."),
    Why.ROLLED_BACK: Change("person", "Retry the node, or choose another target."),
    Why.LIMIT: Change("event", "Another node of the group finishes or fails."),
}


def sentence(reason: Reason) -> str:
    """The reason in one plain sentence about the node."""
    # What operators wrote may be sentences already.
    subject, detail = reason.subject.rstrip("."), reason.detail.rstrip(".")
    text = _SENTENCES[reason.why].format(subject=subject, detail=detail)
    if reason.why is Why.HELD and detail:
        return f"{text[:-1]}, until {detail}."
    return text


def change(reason: Reason) -> Change:
    """What would make the reason go away."""
    if reason.why is Why.HELD and reason.detail:
        return Change("time", f"The hold ends at {reason.detail}, or an operator releases it.")
    return _CHANGES.get(reason.why, _NOTHING)
