"""The columns of the node list: which there are, which are picked, what they say."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from oemupdates.dashboard.frame import words
from oemupdates.domain.node import State
from oemupdates.domain.query import Flag, Key, Query
from oemupdates.models import Node, Operator

PREFERENCE = "node_columns"


class Column(NamedTuple):
    """A column by its name in the template, and a node's value in it as an export writes it."""

    name: str
    label: str
    text: Callable[[Node], str]


def _time(name: str) -> Callable[[Node], str]:
    def text(node: Node) -> str:
        at = getattr(node, name)
        return at.isoformat(timespec="seconds").replace("+00:00", "Z") if at else ""

    return text


def _plain(name: str) -> Callable[[Node], str]:
    def text(node: Node) -> str:
        return str(getattr(node, name) or "")

    return text


def _labels(node: Node) -> str:
    return " ".join(str(row.label) for row in node.labels.all())


def _marks(node: Node) -> str:
    marks = {"dark": node.is_dark, "held": node.is_held, "archived": node.is_archived}
    return " ".join(
        [words.STATES[State(node.state)].label, *(name for name in marks if marks[name])]
    )


def _hold(node: Node) -> str:
    if not node.is_held:
        return ""
    until = _time("held_until")(node)
    return f"{node.held_by}: {node.held_because}{f', until {until}' if until else ''}"


_COLUMNS = (
    Column("state", "State", _marks),
    Column("os", "OS", _plain("version")),
    Column("target", "Target", _plain("target_version")),
    Column("oem", "OEM", _plain("oem")),
    Column("oem_version", "OEM sysext for", _plain("oem_version")),
    Column("oem_build", "OEM build", _plain("oem_build")),
    Column("basis", "Basis", _plain("oem_basis")),
    Column("drift", "Drift", _plain("drift")),
    Column("drift_basis", "Drift known by", _plain("drift_basis")),
    Column("group", "Group", lambda node: str(node.group) if node.group else ""),
    Column("architecture", "Architecture", _plain("architecture")),
    Column("labels", "Labels", _labels),
    Column("hold", "Hold", _hold),
    Column("track", "Track", _plain("track")),
    Column("address", "Address", _plain("address")),
    Column("state_since", "State since", _time("state_at")),
    Column("seen", "Seen", _time("last_seen_at")),
    Column("first_seen", "First seen", _time("first_seen_at")),
)
ALL = {column.name: column for column in _COLUMNS}
USUAL = ("state", "os", "oem", "drift", "group", "seen")
# What every export says first, whatever is picked: which node a row is.
NAMING = (
    Column("machine_id", "Machine id", _plain("machine_id")),
    Column("name", "Name", lambda node: node.name or node.alias),
)


def picked(operator: Operator, query: Query) -> list[Column]:
    """The columns that somebody picked, in the order of the list; the usual ones else.

    Who asks for nodes that are held is told by whom, why and until when, whatever they picked.
    """
    kept = operator.preferences.get(PREFERENCE)
    names = {*(kept if isinstance(kept, list) else USUAL)}
    asked = query.about(Key.IS, Key.HOLD_ENDS)
    if any(
        term.key is Key.HOLD_ENDS or Flag.HELD in term.texts
        for term in asked
        if not term.is_negated
    ):
        names.add("hold")
    return [column for column in _COLUMNS if column.name in names]


def related(columns: Sequence[Column]) -> list[str]:
    """What the rows of these columns need besides the nodes."""
    return ["labels__label"] if any(column.name == "labels" for column in columns) else []
