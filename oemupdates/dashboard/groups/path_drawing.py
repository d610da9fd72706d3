"""The graph of versions as a picture: columns in order of version, and an arc a step.

The table below it says the same, so that the picture may leave rare versions together.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from django.template.defaultfilters import pluralize
from django.urls import reverse
from django.utils.http import urlencode

# More columns than these nobody takes in; the rarest versions share one.
MOST_COLUMNS = 18
COLUMN, BOX, BOX_HEIGHT = 116, 100, 44
_TOP, _ARC, _BELOW = 14, 26, 34


class Version(Protocol):
    """What is drawn of a version."""

    version: str
    nodes: int
    stranded: int
    next: str
    floor: str
    dead_end: str
    is_target: bool

    @property
    def is_marked(self) -> bool: ...  # noqa: D102 - said by the class


class Box(NamedTuple):
    """A column: one version, or several rare ones beside one another."""

    x: int
    middle: int
    tone: str
    what: str
    label: str
    says: str
    title: str
    url: str


class Arc(NamedTuple):
    """The step from one column to a newer one, wider for more nodes."""

    path: str
    width: str


class Picture(NamedTuple):
    """What the template draws; lengths in pixels."""

    width: int
    height: int
    box_y: int
    note_y: int
    boxes: list[Box]
    arcs: list[Arc]


def draw(stops: Sequence[Version], groups: Sequence[int]) -> Picture:
    """Draw versions that come in ascending order; `groups` are whose nodes a click lists."""
    columns = _columns(stops)
    where = {stop.version: index for index, some in enumerate(columns) for stop in some}
    steps: dict[tuple[int, int], int] = {}
    for index, some in enumerate(columns):
        for stop in some:
            there = where.get(stop.next)
            if stop.next and there is not None and there != index:
                steps[index, there] = steps.get((index, there), 0) + stop.nodes - stop.stranded
    farthest = max((there - here for here, there in steps), default=1)
    box_y = _TOP + _ARC + 14 * min(farthest, 8)
    most = max(steps.values(), default=1) or 1
    return Picture(
        width=COLUMN * len(columns),
        height=box_y + BOX_HEIGHT + _BELOW,
        box_y=box_y,
        note_y=box_y + BOX_HEIGHT + 20,
        boxes=[_box(index, some, groups) for index, some in enumerate(columns)],
        arcs=[_arc(step, nodes / most, box_y) for step, nodes in sorted(steps.items())],
    )


def _columns(stops: Sequence[Version]) -> list[list[Version]]:
    """One column a version; where they are too many, the rarest stand with their neighbours."""
    plain = [stop for stop in stops if not stop.is_marked and not stop.stranded]
    room = max(MOST_COLUMNS - (len(stops) - len(plain)), 2) // 2
    own = stops if len(stops) <= MOST_COLUMNS else _commonest(stops, plain, room)
    kept = {stop.version for stop in own}
    columns: list[list[Version]] = []
    may_join = False
    for stop in stops:
        alone = stop.version in kept
        if may_join and not alone:
            columns[-1].append(stop)
        else:
            columns.append([stop])
        may_join = not alone
    return columns


def _commonest(stops: Sequence[Version], plain: Sequence[Version], room: int) -> list[Version]:
    """What keeps a column of its own: what is marked, and the versions of the most nodes."""
    marked = sorted(
        (stop for stop in stops if stop not in plain),
        key=lambda stop: (not stop.is_marked, -stop.nodes),
    )
    common = sorted(plain, key=lambda stop: -stop.nodes)
    return [*marked[:MOST_COLUMNS], *common[:room]]


def _box(index: int, some: list[Version], groups: Sequence[int]) -> Box:
    nodes, stranded = sum(stop.nodes for stop in some), sum(stop.stranded for stop in some)
    first, last = some[0], some[-1]
    count = f"{nodes:,} node{pluralize(nodes)}"
    if first is last:
        label, title = first.version or "unknown", _said(first, count)
    else:
        label = f"{len(some)} versions"
        title = f"{first.version or 'unknown'} to {last.version}: {count}"
    tone, what = _look(first, stranded)
    query = urlencode(
        [("version", stop.version or "-") for stop in some] + [("group", one) for one in groups]
    )
    x = index * COLUMN + (COLUMN - BOX) // 2
    url = f"{reverse('dashboard:nodes')}?{query}" if nodes else ""
    return Box(x, x + BOX // 2, tone, what, label, count if nodes else "no node", title, url)


def _said(stop: Version, count: str) -> str:
    parts = [f"{stop.version or 'unknown'}: {count}"]
    if stop.is_target:
        parts.append("the target")
    if stop.floor:
        parts.append(f"a floor: {stop.floor}")
    if stop.dead_end:
        parts.append(f"a dead end: {stop.dead_end}")
    if stop.stranded:
        parts.append(f"{stop.stranded:,} of them stranded")
    return ", ".join(parts)


def _look(stop: Version, stranded: int) -> tuple[str, str]:
    """A tone, and the word that says the same without colour."""
    if stop.dead_end:
        return "bad", "dead end"
    if stop.is_target:
        return "good", "target"
    if stop.floor:
        return "wait", "floor"
    return ("bad", f"{stranded:,} stranded") if stranded else ("calm", "")


def _arc(step: tuple[int, int], share: float, box_y: int) -> Arc:
    here, there = (index * COLUMN + COLUMN // 2 for index in step)
    top = box_y - _ARC - 14 * min(step[1] - step[0], 8)
    path = f"M{here + 8} {box_y}C{here + 8} {top} {there - 8} {top} {there - 8} {box_y - 3}"
    return Arc(path, f"{1.2 + 3 * share:.1f}")
