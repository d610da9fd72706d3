"""What each class of drift means: how bad it is, a plain sentence, and the way out."""

from typing import NamedTuple

from oemupdates.domain.drift_facts import Basis, Drift, Found, Severity

_OK, _INFO, _WARN, _ERROR, _BLOCK = Severity


class Meaning(NamedTuple):
    """One class in words; `{subject}` and `{detail}` are the finding's."""

    severity: Severity
    label: str
    sentence: str
    way_out: str


_NOTHING = "Nothing needs to be done."
_REPROVISION = "Set the node up anew from an image of today, or set the OEM up by hand."
MEANINGS = {
    Drift.IN_SYNC: Meaning(
        _OK, "In step", "The sysext of OEM {subject} that is merged belongs to its OS.", _NOTHING
    ),
    Drift.ASSUMED_IN_SYNC: Meaning(
        _OK,
        "Probably in step",
        "The sysext of OEM {subject} should be its OS's, as far as check-ins tell.",
        "The beacon or a report would say it for sure.",
    ),
    Drift.NO_OEM: Meaning(_OK, "No OEM", "It has no OEM, and so nothing to merge.", _NOTHING),
    Drift.OEM_UNPORTED: Meaning(
        _INFO,
        "No sysext",
        "OEM {subject} has no sysext for its OS version: its files stay as they were installed.",
        "A newer OS version may bring one; see the OEM's page.",
    ),
    Drift.OEM_UNKNOWN: Meaning(
        _INFO,
        "Unknown OEM",
        "OEM {subject} is not in the catalogue, so nothing is expected of it.",
        "Add it to the catalogue, if it is yours.",
    ),
    Drift.OEM_CUSTOM_UNSERVED: Meaning(
        _BLOCK,
        "Payload missing",
        "Its OEM {subject} runs as a sysext, and {detail} has no payload for it: the update would"
        " fail after its download.",
        "Import the payload into the release.",
    ),
    Drift.OEM_NOT_MIGRATED: Meaning(
        _WARN,
        "Not migrated",
        "OEM {subject} is still the files that it was installed with.",
        "Two updates to versions with a sysext migrate it by themselves.",
    ),
    Drift.OEM_NOT_MIGRATABLE: Meaning(
        _WARN,
        "Not migratable",
        "OEM {subject} is still the files that it was installed with, and no update migrates it.",
        _REPROVISION,
    ),
    Drift.MIGRATION_WAITING: Meaning(
        _INFO,
        "Migration waits",
        "The sysext of OEM {subject} is stored; the next update switches it on.",
        "The next update does it.",
    ),
    Drift.MIGRATION_PENDING: Meaning(
        _INFO,
        "Migrates at reboot",
        "OEM {subject} moves from files to its sysext at the next boot.",
        "Reboot the node.",
    ),
    Drift.OEM_INITIAL: Meaning(
        _WARN,
        "First image",
        "OEM {subject} runs one of the first images, which is bound to no OS version.",
        "The next update replaces it.",
    ),
    Drift.OEM_MISSING_FOR_OS: Meaning(
        _ERROR,
        "Image missing",
        "The image of OEM {subject} for its OS is not on the node: the next boot downloads it,"
        " or fails.",
        "See that the node reaches a release server, or put the image back before a reboot.",
    ),
    Drift.OEM_NOT_MERGED: Meaning(
        _ERROR,
        "Not merged",
        "The sysext of OEM {subject} is not merged: its tools do not run.",
        "Look at systemd-sysext status on the node: masked, failed, or made for another system.",
    ),
    Drift.OEM_VERSION_MISMATCH: Meaning(
        _ERROR,
        "Another OS's image",
        "The sysext of OEM {subject} that is merged was built for {detail}.",
        "Somebody put it there by hand: put the one of its OS in its place.",
    ),
    Drift.OEM_PAYLOAD_STALE: Meaning(
        _WARN,
        "Another build",
        "The sysext of OEM {subject} holds other tools than the release of its OS has here.",
        "It was published anew, or is managed elsewhere: the next update brings what is here.",
    ),
    Drift.OEM_ID_MISMATCH: Meaning(
        _ERROR,
        "Two OEM ids",
        "Its check-ins and its OEM partition name different OEMs ({subject} there), or the id"
        " stands in quotes: updates look for the wrong payload.",
        "Mend ID in oem-release on the OEM partition.",
    ),
    Drift.OEM_INSTALL_AGE: Meaning(
        _INFO,
        "Older at birth",
        "It was installed with older tools than its OS brings; says nothing of what runs now.",
        "The beacon or a report would say what runs.",
    ),
    Drift.OEM_DROPPED_UPSTREAM: Meaning(
        _BLOCK,
        "Dropped",
        "Flatcar builds no payload of OEM {subject} any more: updates beyond that fail.",
        "Stay below that version, bring a payload of your own, or move the node elsewhere.",
    ),
    Drift.OEM_DOWNGRADED_BELOW_PORT: Meaning(
        _ERROR,
        "Tools gone",
        "It went back to a version without a sysext of OEM {subject}, and the former files are"
        " gone.",
        "Update it to a version with the sysext.",
    ),
    Drift.EXT_MISSING: Meaning(
        _ERROR,
        "Extension missing",
        "Extension {subject} is switched on, and its image for {detail} is not there.",
        "Update the node, or put the image there before a reboot.",
    ),
    Drift.EXT_NOT_MERGED: Meaning(
        _ERROR,
        "Extension not merged",
        "Extension {subject} is switched on and stored, and not merged.",
        "Look at systemd-sysext status on the node.",
    ),
    Drift.EXT_UNSERVED: Meaning(
        _BLOCK,
        "Extension not served",
        "Extension {subject} is switched on, and {detail} has no payload for it: the update"
        " would fail.",
        "Import the payload into the release, or switch the extension off on the node.",
    ),
    Drift.SYSUPDATE_BEHIND: Meaning(
        _INFO,
        "Component behind",
        "Component {subject} is older than {detail}, which its group wants.",
        "Its next run of systemd-sysupdate brings it, and its next boot runs it.",
    ),
    Drift.SYSUPDATE_AHEAD: Meaning(
        _INFO,
        "Component ahead",
        "Component {subject} is newer than {detail}, the newest that its group wants.",
        "systemd-sysupdate never goes back by itself: run it on the node with that version, or let"
        " the group want the newer one.",
    ),
    Drift.REBOOT_PENDING: Meaning(
        _INFO, "Reboot pending", "{subject} is installed, and waits for a reboot.", "Reboot it."
    ),
    Drift.REBOOT_OVERDUE: Meaning(
        _WARN,
        "Reboot overdue",
        "{subject} has been installed for a week and more, and waits for a reboot.",
        "Reboot it, or see what holds its reboots.",
    ),
    Drift.UPDATE_BLOCKED: Meaning(
        _BLOCK,
        "Update fails",
        "Its post-install step failed again and again on {subject}.",
        "See why it fails, then retry the node.",
    ),
    Drift.ROLLED_BACK: Meaning(
        _WARN,
        "Rolled back",
        "It tried {subject} and came back.",
        "See why it did not come up, then retry the node.",
    ),
    Drift.DUPLICATE_MACHINE_ID: Meaning(
        _ERROR,
        "Two machines",
        "Boots that were over came back: two machines or more call by this machine id.",
        "Give each clone an id of its own: empty /etc/machine-id in the image, and boot anew.",
    ),
    Drift.NODE_RESET: Meaning(
        _INFO,
        "Reset",
        "It was reset or set up anew within a week: images kept on its root file system are gone.",
        _NOTHING,
    ),
    Drift.BOOT_FETCH: Meaning(
        _WARN,
        "Fetched at boot",
        "It booted {detail} without the image of OEM {subject}, and its initrd asked here for it.",
        "Post-install had not stored it, or the disk was reset: see the log of its last update.",
    ),
    Drift.PUBLIC_FALLBACK: Meaning(
        _WARN,
        "Public host used",
        "It was sent here for its last update, and took a payload of it from another host.",
        "See that it reaches this server, and that the release has the payload of its OEM.",
    ),
    Drift.OS_BEHIND: Meaning(
        _INFO, "Behind", "It runs {subject}, and its target is {detail}.", "Its next update."
    ),
    Drift.OS_AHEAD: Meaning(
        _INFO, "Ahead", "It runs {subject}, which is newer than its target {detail}.", _NOTHING
    ),
    Drift.OS_UNKNOWN: Meaning(
        _INFO,
        "Unknown OS",
        "It runs {subject}, of which nothing is known here.",
        "Import that release, to know what belongs to it.",
    ),
    Drift.REPORT_STALE: Meaning(
        _INFO,
        "Report stale",
        "Its last report is of another boot, and no longer counts.",
        "The next report, within six hours.",
    ),
    Drift.REPORT_NEVER: Meaning(
        _INFO,
        "Never reported",
        "It never reported its images.",
        "Its group's page has the line that brings the report.",
    ),
}
BASES = {
    Basis.REPORT: "observed by report",
    Basis.BEACON: "observed by beacon",
    Basis.CHECK_INS: "told by check-ins",
    Basis.DOWNLOADS: "seen by downloads",
    Basis.DERIVED: "derived",
}


# The OEM of a node is apart from its OS, for sure or as far as its past tells.
APART = tuple(
    drift.value
    for drift, meaning in MEANINGS.items()
    if meaning.severity >= Severity.ERROR and drift.startswith("oem_")
)
# It is in step, for sure or as far as its past tells.
IN_STEP = (Drift.IN_SYNC.value, Drift.ASSUMED_IN_SYNC.value)


def severity(drift: str) -> int:
    """How bad a class is, as it is kept; what was not measured is no news."""
    return MEANINGS[Drift(drift)].severity if drift else Severity.OK


def label(drift: str) -> str:
    """A class in a word or two."""
    return MEANINGS[Drift(drift)].label if drift else "Not measured yet"


class Finding(NamedTuple):
    """A finding in words."""

    drift: Drift
    severity: Severity
    basis: Basis
    label: str
    sentence: str
    way_out: str


def in_words(found: Found) -> Finding:
    """Say a finding."""
    meaning = MEANINGS[found.drift]
    sentence = meaning.sentence.format(
        subject=found.subject or "unknown", detail=found.detail or "no version"
    )
    return Finding(
        found.drift, meaning.severity, found.basis, meaning.label, sentence, meaning.way_out
    )
