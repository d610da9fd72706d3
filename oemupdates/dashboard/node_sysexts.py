"""The systemd-sysext images of a node, as it reported them."""

from dataclasses import dataclass
from datetime import datetime

from oemupdates.domain.report import Report, load
from oemupdates.models import Node, SysextReport


@dataclass(frozen=True, slots=True)
class Reported:
    """The latest report of a node: stale if the node has booted since."""

    said: Report
    received_at: datetime
    changed_at: datetime
    is_stale: bool


def reported(node: Node) -> Reported | None:
    """What a node reported last, if it ever did."""
    row = SysextReport.objects.filter(node=node).first()
    if row is None:
        return None
    said = load(row.content)
    return Reported(said, row.received_at, row.changed_at, not said.is_of_boot(node.boot_id))
