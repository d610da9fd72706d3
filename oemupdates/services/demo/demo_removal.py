"""Removing the demo fleet: all that is under its application, and nothing else."""

import uuid
from collections import Counter
from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count

from oemupdates.domain import demo
from oemupdates.models import (
    Application,
    Channel,
    DemoFleet,
    Group,
    Node,
    NodeCount,
    NodeLabel,
    Release,
    Sample,
)
from oemupdates.models.label import count_labels
from oemupdates.models.sample import WHOLE_FLEET
from oemupdates.services.counters.counters import Moves
from oemupdates.services.shared import activity
from oemupdates.services.shared.configuration import changing

# Nodes that one transaction removes, with all that became of them.
CHUNK = 50


def remove_some() -> int:
    """Remove some of the nodes, with their history; how many there were left to remove."""
    moves = Moves()
    with transaction.atomic():
        left = Node.objects.filter(application=demo.APPLICATION)
        nodes = list(left.order_by("machine_id").select_for_update()[:CHUNK])
        for node in nodes:
            moves.leave(node)
        keys = [node.pk for node in nodes]
        carried = NodeLabel.objects.filter(node__in=keys).order_by().values_list("label")
        count_labels({label: -number for label, number in carried.annotate(Count("pk"))})
        Node.objects.filter(pk__in=keys).delete()
        moves.write()
    return len(nodes)


def remove_rest(fleet: DemoFleet, subject: activity.Named) -> None:
    """Remove, once no node is left, what they were told from and what was counted of them."""
    with changing():
        mine = {"application__uuid": uuid.UUID(demo.APPLICATION)}
        groups = Group.objects.filter(**mine)
        keys = list(groups.values_list("pk", flat=True))
        groups.delete()
        Channel.objects.filter(**mine).delete()
        Release.objects.filter(**mine).delete()
        Application.objects.filter(uuid=uuid.UUID(demo.APPLICATION)).delete()
        NodeCount.objects.filter(group__in=keys).delete()
        _forget_samples(keys, fleet.asked_at)
        DemoFleet.objects.filter(pk=fleet.pk).delete()
        activity.record(verb="demo.removed", subject=subject, by=None)


def _forget_samples(groups: Collection[int], asked_at: datetime) -> None:
    """Forget what was sampled of the demo's groups, and take it out of the fleet's samples.

    Before the demo was asked for there was no node: those samples are all the demo's.
    """
    fleet = Sample.objects.filter(group=WHOLE_FLEET)
    fleet.filter(at__lt=asked_at - timedelta(hours=1)).delete()
    mine = Sample.objects.filter(group__in=groups)
    counted: dict[tuple[datetime, str], Counter[str]] = {}
    for at, dimension, counts in mine.values_list("at", "dimension", "counts"):
        counted.setdefault((at, dimension), Counter()).update(counts)
    for sample in fleet.filter(at__in={at for at, _ in counted}):
        rest = Counter(sample.counts)
        rest.subtract(counted.get((sample.at, sample.dimension), Counter()))
        Sample.objects.filter(pk=sample.pk).update(
            counts={value: number for value, number in rest.items() if number > 0}
        )
    mine.delete()
