"""How sure it is that a node runs the OEM sysext which follows from its OS version.

A stock node says nothing of its sysext. How it came to its OS version tells how far the image for
that version can be taken for the one that it runs; that it is merged, only a beacon or a report
has seen.
"""

from enum import StrEnum

from oemupdates.domain.checkin import DERIVED


class Confidence(StrEnum):
    """A grade of what is derived, the surest first."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


WORDS = {
    Confidence.HIGH: "It was installed with this OS version: the sysext was in its disk image.",
    Confidence.MEDIUM: "It told that its update to this OS version was applied, which brings the"
    " sysext; that it is merged, nobody saw.",
    Confidence.LOW: "This OS version has a sysext of its OEM; how the node came to it, nobody"
    " knows.",
}


def grade(*, basis: str, version: str, aleph_version: str, has_applied: bool) -> Confidence | None:
    """The grade of a node's derived sysext; None where nothing is derived.

    `aleph_version` is what it was installed with, and `has_applied` whether it told that it
    applied the update to what it runs.
    """
    if basis != DERIVED:
        return None
    if aleph_version == version:
        return Confidence.HIGH
    return Confidence.MEDIUM if has_applied else Confidence.LOW
