"""What a query says, as conditions on rows: above all what no counter knows."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet

from oemupdates.domain.query import Op, Term, seconds
from oemupdates.domain.query import Value as Said
from oemupdates.models import Label, NodeLabel
from oemupdates.models.cells import Test
from oemupdates.models.count_queries import Value

_MANY_VALUES = 200


def seen(value: Said, now: datetime) -> Q:
    """A condition on how long ago a node was heard."""
    then = now - timedelta(seconds=seconds(value.text))
    match value.op:
        case Op.LESS:
            return Q(last_seen_at__gt=then)
        case Op.AT_MOST:
            return Q(last_seen_at__gte=then)
        case Op.MORE:
            return Q(last_seen_at__lt=then)
        case Op.AT_LEAST:
            return Q(last_seen_at__lte=then)
    oldest = now - timedelta(seconds=seconds(value.end))
    return Q(last_seen_at__lte=then, last_seen_at__gte=oldest)


def labels(term: Term) -> QuerySet[Label]:
    """The labels that a term names: `rack=7`, or with `rack` every value of that key."""
    condition = Q()
    for text in term.texts:
        key, is_valued, value = text.partition("=")
        condition |= Q(key=key, value=value) if is_valued else Q(key=key)
    return Label.objects.filter(condition)


def carrying(term: Term) -> QuerySet[NodeLabel]:
    """The rows of a term's labels on nodes; of several labels a node may have several."""
    keys = {text for text in term.texts if "=" not in text}
    if len(keys) == len(term.values) == 1:
        return NodeLabel.objects.filter(key=keys.pop())
    keys_of = list(labels(term).values_list("pk", flat=True)[:_MANY_VALUES])
    if len(keys_of) == 1:
        return NodeLabel.objects.filter(label=keys_of[0])
    return NodeLabel.objects.filter(label__in=keys_of)


def carries(term: Term) -> Q:
    """A condition on the labels of a node."""
    carried = Q(Exists(carrying(term).filter(node=OuterRef("pk"))))
    return ~carried if term.is_negated else carried


def by_column(
    tests: Iterable[Test],
) -> tuple[dict[str, Collection[Value]], dict[str, set[Value]]]:
    """The values that each column must have by all of the tests, and those that it must not."""
    wanted: dict[str, Collection[Value]] = {}
    unwanted: dict[str, set[Value]] = {}
    for test in tests:
        if test.is_negated:
            unwanted.setdefault(test.column, set()).update(test.values)
        elif test.column in wanted:
            wanted[test.column] = [one for one in wanted[test.column] if one in test.values]
        else:
            wanted[test.column] = list(test.values)
    return wanted, unwanted
