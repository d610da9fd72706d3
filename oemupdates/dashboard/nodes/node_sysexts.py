"""The systemd-sysext images of a node, as it reported them, and how far they are out of step."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from oemupdates.dashboard.frame import words
from oemupdates.dashboard.frame.words import Word
from oemupdates.dashboard.nodes import node_components
from oemupdates.domain.confidence import WORDS
from oemupdates.domain.drift_words import BASES, Finding
from oemupdates.domain.report import Report
from oemupdates.models import Node
from oemupdates.services.checkins.snapshot import Snapshot
from oemupdates.services.drift import drift
from oemupdates.services.oem import tools

PAST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Reported:
    """The latest report of a node: stale if the node has booted since."""

    said: Report
    received_at: datetime
    changed_at: datetime
    is_stale: bool


@dataclass(frozen=True, slots=True)
class Drifting:
    """One finding of drift as the page shows it, and since when it stands if that is known."""

    finding: Finding
    since: datetime | None

    @property
    def word(self) -> Word:
        """Its class as an icon and a word."""
        return words.drift(self.finding.drift)._replace(meaning=self.finding.sentence)

    @property
    def basis(self) -> str:
        """How it is known, in words."""
        return BASES[self.finding.basis]


class Sure(NamedTuple):
    """How sure what is derived is, and why."""

    label: str
    words: str


def sysexts(node: Node, now: datetime, config: Snapshot) -> dict[str, object]:
    """What a node's page says of its images: the drift, its OEM first, and its last report.

    With that, its components: they are such images too.
    """
    measured = drift.of_node(node, now, config)
    row, said = measured.row, measured.said
    reported = None
    if row is not None and said is not None:
        is_stale = not said.is_of_boot(node.boot_id)
        reported = Reported(said, row.received_at, row.changed_at, is_stale)
    confidence = tools.confidence_of(node)
    return {
        "confidence": confidence and Sure(f"{confidence} confidence", WORDS[confidence]),
        "drift": [Drifting(*told) for told in measured.findings],
        "drift_past": node.drifts.filter(closed_at__isnull=False)[:PAST_SHOWN],
        "carries": measured.carries,
        "components": node_components.section(node, said),
        "reported": reported,
        "tools": tools.of_node(node),
    }
