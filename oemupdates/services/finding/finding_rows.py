"""What a query says, as conditions on rows: above all what no counter knows."""

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet

from oemupdates.domain.query import TIMES, Key, Op, Query, Term, seconds
from oemupdates.domain.query import Value as Said
from oemupdates.models import Label, NodeLabel
from oemupdates.models.cells import Test
from oemupdates.models.count_queries import Value

_MANY_VALUES = 200


def uncounted(query: Query, now: datetime) -> Iterator[Q]:
    """The conditions of a query's terms that only rows can meet, searches aside."""
    for term in query.about(*TIMES):
        yield _timed(term, now)
    for term in query.about(Key.LABEL):
        yield _carries(term)


def _timed(term: Term, now: datetime) -> Q:
    """A condition on when a node was heard, or on when its hold ends."""
    (value,) = term.values
    condition = _seen(value, now) if term.key is Key.SEEN else _hold_ends(value, now)
    return ~condition if term.is_negated else condition


def _hold_ends(value: Said, now: datetime) -> Q:
    """Held nodes, by how far off the end of their hold is; what has ended is less than 0s off."""
    then = now + timedelta(seconds=seconds(value.text))
    if value.op is Op.RANGE:
        latest = now + timedelta(seconds=seconds(value.end))
        return Q(is_held=True, held_until__gte=then, held_until__lte=latest)
    lookup = {Op.LESS: "lt", Op.AT_MOST: "lte", Op.MORE: "gt", Op.AT_LEAST: "gte"}[value.op]
    return Q(is_held=True, **{f"held_until__{lookup}": then})


def _seen(value: Said, now: datetime) -> Q:
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


def _carries(term: Term) -> Q:
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
