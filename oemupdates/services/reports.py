"""Taking nodes' reports. What one says can withhold an offer, and never cause one."""

import hashlib
from datetime import datetime, timedelta

from django.db import transaction

from oemupdates.domain.report import Report, dump
from oemupdates.models import FLATCAR, Node, SysextReport
from oemupdates.services import passes, rates

# The script comes every six hours; what is so much older says nothing about today.
BELIEVED_FOR = timedelta(days=7)
A_MINUTE = 6


class NotTaken(Exception):
    """A report that is not kept."""


class WrongSecret(NotTaken):
    """Nobody with this secret is let in, or not for the node's group."""


class UnknownNode(NotTaken):
    """A machine that never checked in: a report is no reason to make a node of it."""


class TooOften(NotTaken):
    """The machine reports more often than any node does."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"too many reports; come again in {seconds} seconds")
        self.seconds = seconds


def take(report: Report, *, secret: str, address: str | None, now: datetime) -> SysextReport:
    """Keep what a node reports; the same again only says that it is still so.

    Raises a kind of `NotTaken`.
    """
    found = passes.holding(now).get(passes.digest(secret))
    if found is None:
        raise WrongSecret("there is nothing here")
    taken = rates.take(f"report:{report.machine_id}", A_MINUTE)
    if not taken.is_let_in:
        raise TooOften(taken.wait_seconds)
    with transaction.atomic():
        rows = Node.objects.select_for_update(no_key=True).filter(
            machine_id=report.machine_id, application=report.application or str(FLATCAR)
        )
        node = rows.first()
        if node is None:
            raise UnknownNode("this machine never checked in here")
        if found.group is not None and found.group != node.group_id:
            raise WrongSecret("this secret is not for the group of this machine")
        kept = _keep(node, report, address, now)
        needs = " ".join(report.needs)
        if node.needs != needs:
            Node.objects.filter(pk=node.pk).update(needs=needs)
    return kept


def _keep(node: Node, report: Report, address: str | None, now: datetime) -> SysextReport:
    content = dump(report)
    digest = hashlib.sha256(content.encode()).hexdigest()
    row = SysextReport.objects.filter(node=node).first()
    if row is None:
        row = SysextReport(node=node, digest="")
    if row.digest != digest:
        row.digest, row.content, row.changed_at = digest, content, now
        row.boot_id, row.os_version = report.boot_id, report.os_version
    row.address, row.received_at = address, max(now, row.changed_at)
    row.save()
    return row


def forget_needs(now: datetime, *, most: int = 1000) -> int:
    """Let what was reported long ago withhold nothing any more; how many nodes that concerned."""
    old = SysextReport.objects.filter(received_at__lt=now - BELIEVED_FOR).exclude(node__needs="")
    keys = list(old.order_by("received_at").values_list("node_id", flat=True)[:most])
    with transaction.atomic():
        # In the order in which batches of check-ins lock them.
        rows = Node.objects.select_for_update(no_key=True).filter(pk__in=keys)
        locked = [row.pk for row in rows.order_by("machine_id", "application").only("pk")]
        return Node.objects.filter(pk__in=locked).update(needs="")
