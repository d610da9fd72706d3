"""Measuring one node's drift as its page is read."""

from datetime import datetime
from typing import NamedTuple

from oemupdates.domain.drift import measure
from oemupdates.domain.drift_facts import Facts, Shipped
from oemupdates.domain.drift_words import Finding, in_words
from oemupdates.domain.event import Meaning
from oemupdates.domain.node import Node as Known
from oemupdates.domain.node import State
from oemupdates.domain.oem import Catalogue, payload_name
from oemupdates.domain.report import Report, load
from oemupdates.models import Group, Node, Release, SysextReport
from oemupdates.services import catalogue
from oemupdates.services.checkins import READ

_DAY = 24 * 60 * 60


class Measured(NamedTuple):
    """What is to be said of a node: its OEM's class first, then the worst first.

    `carries` is what its OEM means on it, in a sentence, `row` and `said` its last report.
    """

    findings: list[Finding]
    carries: str
    row: SysextReport | None
    said: Report | None


def of_node(node: Node, now: datetime) -> Measured:
    """Measure a node."""
    row = SysextReport.objects.filter(node=node).first()
    said = load(row.content) if row else None
    facts = _facts(node, said, now)
    first, *others = [in_words(found) for found in measure(facts)]
    carries = facts.catalogue.words(node.oem, version=node.version, architecture=node.architecture)
    worst_first = sorted(others, key=lambda finding: -finding.severity)
    return Measured([first, *worst_first], carries, row, said)


def _facts(node: Node, report: Report | None, now: datetime) -> Facts:
    known = Known(**{name: getattr(node, name) for name in READ})
    oems = catalogue.load()
    group = node.group
    target = group.channel.target if group and group.channel else None
    runs = _runs(node, target)
    return Facts(
        known,
        oems,
        report=report,
        runs=runs,
        target=runs
        if target and runs and target.version == runs.version
        else _shipped(target, node.oem),
        ported_versions=_ported_versions(node, oems),
        max_postinst_failures=_limit(group),
        reboot_days=_reboot_days(node, now),
    )


def _runs(node: Node, target: Release | None) -> Shipped | None:
    """The release of the OS version that a node runs."""
    if target is not None and target.version == node.version:
        return _shipped(target, node.oem)
    rows = Release.objects.filter(
        application=node.group.application_id if node.group else None,
        version=node.version,
        architecture=node.architecture,
    )
    return _shipped(rows.first(), node.oem)


def _shipped(release: Release | None, oem: str) -> Shipped | None:
    if release is None:
        return None
    builds = dict(release.payloads.values_list("name", "own_version"))
    return Shipped(release.version, frozenset(builds), builds.get(payload_name(oem), ""))


def _ported_versions(node: Node, oems: Catalogue) -> int:
    """On how many versions with a sysext of its OEM it was seen, as far as that matters."""
    versions = node.intervals.order_by().values_list("version", flat=True).distinct()
    return sum(
        oems.is_shipped(node.oem, version=version, architecture=node.architecture)
        for version in versions
    )


def _limit(group: Group | None) -> int:
    return group.max_postinst_failures if group else 3


def _reboot_days(node: Node, now: datetime) -> float:
    """For how many days an update has waited for its reboot."""
    if node.state != State.REBOOT_PENDING:
        return 0.0
    applied = node.events.filter(meaning=Meaning.APPLIED).order_by("-at").first()
    since = applied.at if applied else node.offered_at
    return (now - since).total_seconds() / _DAY if since else 0.0
