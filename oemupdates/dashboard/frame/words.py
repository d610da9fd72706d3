"""What the pages call things: words, icons and tones for the codes that are stored."""

from typing import NamedTuple

from oemupdates.domain.checkin import DERIVED, NO_BASIS, OBSERVED, REPORTED
from oemupdates.domain.drift_facts import Drift, Severity
from oemupdates.domain.drift_words import MEANINGS
from oemupdates.domain.event import Meaning
from oemupdates.domain.node import State


class Word(NamedTuple):
    """How a code is shown: always an icon and a word; the tone only adds to them.

    `tone` is `good`, `busy`, `wait`, `bad` or `calm`.
    """

    label: str
    icon: str
    tone: str
    meaning: str = ""


STATES = {
    State.NEW: Word(
        "New", "circle-dashed", "calm", "Seen, and has not asked for an update since."
    ),
    State.UP_TO_DATE: Word("Up to date", "circle-check", "good", "Runs its channel's target."),
    State.WAITING: Word(
        "Waiting", "hourglass", "wait", "Something newer exists, and is withheld for a reason."
    ),
    State.OFFERED: Word("Offered", "send", "busy", "Was offered a release."),
    State.DOWNLOADING: Word("Downloading", "download", "busy", "Fetches its release."),
    State.DOWNLOADED: Word("Downloaded", "package", "busy", "Fetched and verified its release."),
    State.REBOOT_PENDING: Word(
        "Reboot pending", "rotate-clockwise", "busy", "Applied its release, and must reboot."
    ),
    State.DEFERRED: Word("Deferred", "clock-pause", "wait", "Backs off by its own decision."),
    State.FAILED: Word("Failed", "alert-triangle", "bad", "Its update failed."),
    State.ROLLED_BACK: Word(
        "Rolled back", "arrow-back-up", "bad", "Tried a release, and went back to the old one."
    ),
    State.UNASSIGNED: Word(
        "Unassigned", "help-circle", "wait", "Asked for something that no group is for."
    ),
}
BASES = {
    OBSERVED: Word(
        "observed", "eye-check", "good", "The node reads it from the OEM image that it merged."
    ),
    DERIVED: Word(
        "derived", "math-function", "busy", "Follows from the OS version that the node reports."
    ),
    REPORTED: Word(
        "reported",
        "certificate",
        "calm",
        "Only the birth version is known, written when the disk image was made.",
    ),
    NO_BASIS: Word("no OEM", "circle-dashed", "calm", "The node has no OEM."),
}
EVENTS = {
    Meaning.ROUTINE: ("clock", "calm"),
    Meaning.FIRST_BOOT: ("plug-connected", "busy"),
    Meaning.DOWNLOAD_STARTED: ("download", "busy"),
    Meaning.DOWNLOAD_FINISHED: ("package", "busy"),
    Meaning.APPLIED: ("rotate-clockwise", "busy"),
    Meaning.UPDATED: ("circle-check", "good"),
    Meaning.FAILED: ("alert-triangle", "bad"),
    Meaning.CHECK_FAILED: ("alert-triangle", "wait"),
    Meaning.DEFERRED: ("clock-pause", "wait"),
    Meaning.ROLLED_BACK: ("arrow-back-up", "bad"),
    Meaning.STATUS_RESET: ("refresh", "calm"),
    Meaning.OTHER: ("circle-dashed", "calm"),
}
_SEVERITIES = {
    Severity.OK: ("circle-check", "good"),
    Severity.INFO: ("info-circle", "calm"),
    Severity.WARN: ("alert-triangle", "wait"),
    Severity.ERROR: ("circle-x", "bad"),
    Severity.BLOCK: ("ban", "bad"),
}


def drift(name: str) -> Word:
    """A class of drift as it is kept; of nodes that nobody measured yet, that."""
    if not name:
        return Word("Not measured yet", "circle-dashed", "calm")
    meaning = MEANINGS[Drift(name)]
    return Word(meaning.label, *_SEVERITIES[meaning.severity])


# What would change a reason: time, an event, a person; or nothing has to.
CHANGES = {
    "time": ("clock", "Ends by itself"),
    "event": ("hourglass", "Waits for"),
    "person": ("user", "Needs somebody"),
    "nothing": ("circle-check", ""),
}


class Bulk(NamedTuple):
    """A verb on many nodes: its button, its icon, what it does, and what is said after it."""

    label: str
    icon: str
    does: str
    done: str


BULK = {
    "hold": Bulk("Hold", "player-pause", "Every update is withheld from them.", "held"),
    "release": Bulk("Release hold", "player-play", "Their holds are taken off.", "released"),
    "label": Bulk(
        "Label", "tag", "They carry the label, in place of others of its key.", "labelled"
    ),
    "unlabel": Bulk(
        "Take label", "tag-off", "The label with this key is taken off.", "unlabelled"
    ),
    "move": Bulk(
        "Move", "arrows-right", "They are in that group, whatever their tracks say.", "moved"
    ),
    "retry": Bulk(
        "Retry", "refresh", "Their failures and rollbacks are forgotten.", "to try again"
    ),
    "archive": Bulk(
        "Archive", "archive", "They leave every list until they check in.", "archived"
    ),
    "unarchive": Bulk(
        "Unarchive", "archive-off", "They are back in the lists.", "back in the lists"
    ),
}


class Retention(NamedTuple):
    """A kind of thing that is kept for a time: what it is, and what is lost with it."""

    label: str
    what: str
    lost: str


RETENTION = {
    "history": Retention(
        "History of nodes",
        "Events that nodes sent, what they were answered and why, what they took from here, and"
        " when they fell silent.",
        "A node's page shows no further back; the versions that it ran stay.",
    ),
    "rejected": Retention(
        "Rejected requests",
        "What the update endpoint refused, a row a day, reason and source; the newest 1,000.",
        "Nothing but the page of rejected requests shows them.",
    ),
    "deliveries": Retention(
        "Webhook deliveries",
        "What webhooks were told, and how they answered.",
        "What is gone cannot be sent again.",
    ),
    "hourly-samples": Retention(
        "Hourly samples",
        "How many nodes had each version, state and OEM, hour by hour.",
        "Charts show the first hour of each day alone, further back.",
    ),
    "daily-samples": Retention(
        "Daily samples",
        "The first sample of each day.",
        "Charts and the overview of a past day begin later.",
    ),
}

# What identity providers do, too, by those who come from them.
BY_PROVIDERS = {"operator.created", "role.given", "role.taken"}
ACTIVITIES = {
    "application.registered": "registered application",
    "bundle.check_asked": "asked for a check of bundle",
    "bundle.exported": "made bundle",
    "bundle.import_asked": "asked for an import of bundle",
    "bundle.imported": "imported bundle",
    "channel.created": "made channel",
    "channel.dead_end_added": "added a dead end to",
    "channel.dead_end_removed": "removed a dead end from",
    "channel.deleted": "took away channel",
    "channel.floor_added": "added a floor to",
    "channel.floor_removed": "removed a floor from",
    "channel.renamed": "renamed channel",
    "channel.proposal_dismissed": "dismissed a new target of",
    "channel.proposal_withdrawn": "took back a new target of",
    "channel.target_cleared": "took the target from",
    "channel.target_proposed": "proposed a target for",
    "channel.target_set": "set the target of",
    "component.image_added": "added image",
    "component.image_put_back": "put back image",
    "component.image_withdrawn": "withdrew image",
    "component.removed": "removed component",
    "demo.load_asked": "asked for",
    "demo.loaded": "loaded",
    "demo.removal_asked": "asked to remove",
    "demo.removed": "removed",
    "drift.closed": "saw drift end on",
    "drift.opened": "found drift on",
    "group.badge_made": "made a badge for group",
    "group.badge_renewed": "renewed the badge of group",
    "group.badge_revoked": "revoked the badge of group",
    "group.created": "made group",
    "group.deleted": "took away group",
    "group.edited": "changed group",
    "group.updates_off": "switched updates off in group",
    "group.updates_on": "switched updates on in group",
    "group.unwants_component": "took a component from group",
    "group.wants_component": "chose a component for group",
    "bulk.started": "began",
    "bulk.stopped": "stopped",
    "node.archived": "archived node",
    "node.held": "held node",
    "node.hold_released": "released the hold of node",
    "node.labelled": "labelled node",
    "node.moved": "moved node",
    "node.moved_back": "moved back node",
    "node.renamed": "renamed node",
    "node.retried": "cleared the failures of node",
    "node.unlabelled": "took a label from node",
    "node.unarchived": "unarchived node",
    "operator.created": "made operator",
    "operator.factor_added": "added a second factor to",
    "operator.factor_removed": "removed a second factor from",
    "operator.factors_reset": "reset the second factors of",
    "operator.log_in_failed": "failed to log in as",
    "operator.logged_in": "logged in as",
    "operator.logged_out": "logged out as",
    "operator.password_chosen": "chose a password as",
    "operator.password_reset": "reset the password of",
    "operator.recovery_code_used": "used a recovery code of",
    "operator.recovery_codes_made": "made recovery codes for",
    "operator.refused": "was refused as",
    "operator.service_account_created": "made service account",
    "operator.switched_off": "switched off",
    "operator.switched_on": "switched on",
    "payloads.collected": "collected files of",
    "release.announced": "announced release",
    "release.blocked": "blocked release",
    "release.completed": "added payloads to release",
    "release.found_at": "learnt the origin of release",
    "release.origin_forgotten": "forgot an origin of release",
    "release.imported": "imported release",
    "release.removed": "removed release",
    "release.unblocked": "unblocked release",
    "release.verification_asked": "asked to fetch and verify the payloads of release",
    "release.verified": "verified payloads of release",
    "release.damaged": "found payloads gone or rotted of release",
    "release.mended": "found payloads whole again of release",
    "release.unread": "could not look into payloads of release",
    "retention.changed": "changed for how long is kept:",
    "role.given": "gave a role to",
    "role.taken": "took a role from",
    "secret.created": "made the secret of nodes",
    "secret.end_set": "set the end of the secret of nodes",
    "secret.plain_opened": "let nodes in with",
    "secret.revoked": "revoked the secret of nodes",
    "secret.rotated": "rotated the secret of nodes",
    "session.ended": "ended sessions of",
    "token.created": "made API token",
    "token.refused": "was refused with API token",
    "token.revoked": "revoked API token",
    "wallboard.linked": "made a link to the wallboard for",
    "wallboard.unlinked": "revoked the wallboard's link for",
    "advisory.removed": "removed advisory",
    "advisory.taken": "brought advisory",
    "oem.added": "added OEM",
    "oem.changed": "corrected OEM",
    "oem.proposal_dismissed": "left what releases show of OEM",
    "oem.removed": "removed OEM",
    "upstream.added": "added upstream",
    "upstream.edited": "changed upstream",
    "upstream.removed": "removed upstream",
    "upstream.subscribed": "let a channel follow upstream",
    "upstream.switched_off": "switched off upstream",
    "upstream.switched_on": "switched on upstream",
    "upstream.sync_asked": "asked for a sync with upstream",
    "upstream.sync_cancelled": "cancelled a sync with upstream",
    "upstream.sync_failed": "could not sync any more with upstream",
    "upstream.sync_recovered": "could sync again with upstream",
    "upstream.unsubscribed": "let a channel no longer follow upstream",
    "webhook.created": "made webhook",
    "webhook.edited": "changed webhook",
    "webhook.removed": "removed webhook",
    "webhook.replayed": "sent something again to webhook",
    "webhook.secret_renewed": "renewed the secret of webhook",
    "webhook.switched_off": "switched off webhook",
    "webhook.switched_on": "switched on webhook",
    "webhook.tested": "tested webhook",
}


def within(label: str) -> str:
    """A label within a sentence: small, unless it begins with an abbreviation."""
    return label if label[1:2].isupper() else label[:1].lower() + label[1:]


def activity(verb: str) -> str:
    """What somebody did, as words between who and to what."""
    return ACTIVITIES.get(verb) or verb.rpartition(".")[2].replace("_", " ")


def activity_here(verb: str) -> str:
    """What somebody did, as words on the page of the very thing that it was done to."""
    kind = verb.partition(".")[0]
    words = activity(verb)
    return f"{words.removesuffix(kind).rstrip()} it"
