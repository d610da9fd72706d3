"""What is to be said of one node's drift, as its page is read."""

from datetime import datetime
from typing import NamedTuple

from oemupdates.domain.drift import first_of, measure
from oemupdates.domain.drift_facts import Drift
from oemupdates.domain.drift_words import Finding, in_words
from oemupdates.domain.node import Node as Known
from oemupdates.domain.report import Report, load
from oemupdates.models import DriftInterval, Node, SysextReport
from oemupdates.services.checkins import snapshot
from oemupdates.services.checkins.checkins import READ
from oemupdates.services.checkins.measuring import Measuring
from oemupdates.services.checkins.snapshot import Snapshot


class Told(NamedTuple):
    """A finding, and since when it has been one, where that is known."""

    finding: Finding
    since: datetime | None


class Measured(NamedTuple):
    """What is to be said of a node: its OEM's class first, then the worst first.

    `carries` is what its OEM means on it, in a sentence, `row` and `said` its last report.
    """

    findings: list[Told]
    carries: str
    row: SysextReport | None
    said: Report | None


def of_node(node: Node, now: datetime, config: Snapshot | None = None) -> Measured:
    """Measure a node by the configuration, which is read unless it is given."""
    row = SysextReport.objects.filter(node=node).first()
    known = Known(**{name: getattr(node, name) for name in READ})
    facts = Measuring(config or snapshot.load(), now).facts(known)
    since = dict(
        DriftInterval.objects.filter(node=node, closed_at=None).values_list("drift", "opened_at")
    )
    first, *others = [in_words(found) for found in measure(facts)]
    # What was measured when a node was last heard may be another class by now.
    began = node.drift_at if first_of(node.drift) == first.drift else None
    worst_first = sorted(others, key=lambda finding: -finding.severity)
    return Measured(
        [Told(first, began), *(Told(one, _since(one.drift, node, since)) for one in worst_first)],
        facts.catalogue.words(node.oem, version=node.version, architecture=node.architecture),
        row,
        load(row.content) if row else None,
    )


def _since(drift: Drift, node: Node, since: dict[str, datetime]) -> datetime | None:
    if drift is Drift.REBOOT_PENDING or drift is Drift.REBOOT_OVERDUE:
        return node.state_at
    return since.get(drift.value)
