"""Taking nodes' reports. What one says can withhold an offer, and never cause one."""

import hashlib
from datetime import datetime, timedelta

from django.db import transaction

from oemupdates.domain.hearing import hear_report
from oemupdates.domain.node import RAN, starts_interval
from oemupdates.domain.node import Node as Known
from oemupdates.domain.report import Report, dump
from oemupdates.domain.reported import end
from oemupdates.models import FLATCAR, Node, SysextReport, VersionInterval
from oemupdates.services.checkins import passes, snapshot
from oemupdates.services.checkins.checkins import READ
from oemupdates.services.checkins.measuring import Measuring
from oemupdates.services.counters.counters import Moves
from oemupdates.services.drift import remeasuring
from oemupdates.services.shared import rates

# The script comes every six hours; what is so much older says nothing about today.
BELIEVED_FOR = timedelta(days=7)
A_MINUTE = 6
CHUNK = 500


class NotTaken(Exception):
    """A report that is not kept."""


class WrongSecret(NotTaken):
    """Nobody with this secret is let in, or not for the node's group."""


class UnknownNode(NotTaken):
    """A machine that never checked in: a report is no reason to make a node of it."""


class TooLate(NotTaken):
    """It is of a boot that is over, and the boot that is not has reported already."""


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
        before = Known(**{name: getattr(node, name) for name in READ})
        after = hear_report(before, report)
        if after != before:
            _settle(before, after, now)
    return kept


def _settle(before: Known, after: Known, now: datetime) -> None:
    """Write what a report changed of a node, which is locked, as a check-in does."""
    opened, closed = Measuring(snapshot.current(), now).settle(
        before, after, at=now, by="a report"
    )
    was, is_now = vars(before), vars(after)
    changed = {name: value for name, value in is_now.items() if value != was[name]}
    Node.objects.filter(pk=after.id).update(**changed)
    if starts_interval(before, after):
        # It is so since its boot. No check-in can come that began before the last one.
        at = before.last_seen_at or now
        VersionInterval.objects.filter(node=after.id, ended_at=None).update(ended_at=at)
        ran = {name: is_now[name] for name in RAN}
        VersionInterval.objects.create(node_id=after.id, started_at=at, **ran)
    remeasuring.write(opened, closed)
    moves = Moves()
    moves.leave(before)
    moves.enter(after)
    moves.write()


def _keep(node: Node, report: Report, address: str | None, now: datetime) -> SysextReport:
    content = dump(report)
    digest = hashlib.sha256(content.encode()).hexdigest()
    row = SysextReport.objects.filter(node=node).first()
    if row is not None and not report.is_of_boot(node.boot_id):
        is_now = row.boot_id == node.boot_id.strip("{}")
        if is_now and row.received_at > now - BELIEVED_FOR:
            raise TooLate("it is of an earlier boot than the last report")
    if row is None:
        row = SysextReport(node=node, digest="")
    if row.digest != digest:
        row.digest, row.content, row.changed_at = digest, content, now
        row.boot_id, row.os_version = report.boot_id, report.os_version
    row.address, row.received_at, row.is_over = address, max(now, row.changed_at), False
    row.save()
    return row


def forget_old(now: datetime) -> int:
    """Let what was reported long ago count no more; how many nodes that concerned."""
    forgotten = 0
    old = SysextReport.objects.filter(received_at__lt=now - BELIEVED_FOR, is_over=False)
    while keys := list(old.order_by("received_at").values_list("node_id", flat=True)[:CHUNK]):
        with transaction.atomic():
            # In the order in which batches of check-ins lock them.
            rows = Node.objects.select_for_update(no_key=True).filter(pk__in=keys)
            locked = dict(rows.order_by("machine_id", "application").values_list("pk", "reported"))
            # One that came meanwhile counts; now it waits for the nodes that are locked here.
            over = list(old.filter(node__in=locked).values_list("node_id", flat=True))
            for key in over:
                ended = end(locked[key]) if locked[key] else ""
                Node.objects.filter(pk=key).update(needs="", reported=ended)
            forgotten += SysextReport.objects.filter(node__in=over).update(is_over=True)
            remeasuring.settle(over, Measuring(snapshot.current(), now), by="time")
    return forgotten
