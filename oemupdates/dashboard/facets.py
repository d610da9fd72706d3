"""The facets of the node list: how many nodes each choice would leave, from the counters."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.http import QueryDict

from oemupdates.dashboard import words
from oemupdates.dashboard.filters import COLUMNS, EMPTY, Filters
from oemupdates.domain.node import State
from oemupdates.domain.version import sort_key
from oemupdates.models import NodeCount
from oemupdates.models.count_queries import Value
from oemupdates.models.node_queries import NO_GROUP
from oemupdates.models.sysext import Sysext

# The facets with a list of choices: their label, the counters' column, what else they replace.
LISTS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "state": ("State", "state", ()),
    "group": ("Group", "group", ("unassigned",)),
    "version": ("OS version", "version", ()),
    "oem": ("OEM", "oem", ()),
    "basis": ("OEM basis", "oem_basis", ()),
    "sysext": ("OEM sysext", "sysext", ()),
    "architecture": ("Architecture", "architecture", ()),
}
_LABELS = {
    **{name: label for name, (label, _column, _others) in LISTS.items()},
    "oem_version": "OEM sysext for",
    "oem_build": "OEM build",
    "dark": "Dark",
    "unassigned": "Unassigned",
    "held": "Held",
    "standing": "Standing",
    "q": "Search",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a facet: how many nodes it would show, and the URL that adds or takes it."""

    label: str
    nodes: int | None
    url: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Facet:
    """One facet with its choices; `chosen` says in words what of it is chosen."""

    name: str
    label: str
    choices: list[Choice]
    chosen: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """One filter that is on, and the URL without it, which would show `without` nodes."""

    label: str
    value: str
    url: str
    without: int | None


@dataclass
class Counts:
    """The nodes that match, and those that match all but one filter, by that filter's values."""

    values: dict[str, dict[Value, int]] = field(default_factory=dict)
    dark: dict[Value, int] = field(default_factory=dict)
    matching: int = 0


def count(filters: Filters) -> Counts:
    """Ask the counters; always the same number of questions."""
    counts = Counts()
    for name, (_label, column, others) in LISTS.items():
        cells = NodeCount.objects.of(filters.wanted(besides={name, *others}))
        counts.values[name] = dict(cells.by(column))
    cells = NodeCount.objects.of(filters.wanted(besides={"dark"}))
    counts.dark = dict(cells.by("is_dark"))
    wants_dark = "dark" in filters.constraints
    counts.matching = sum(
        nodes for is_dark, nodes in counts.dark.items() if is_dark or not wants_dark
    )
    return counts


def _url(params: QueryDict, *, change: str, value: str | None) -> str:
    """The list's URL with one filter changed; the others stay, the page starts anew."""
    changed = params.copy()
    changed.pop("after", None)
    if value is None:
        changed.pop(change, None)
    else:
        values = [str(one) for one in changed.getlist(change) if one]
        values = [one for one in values if one != value] + [value] * (value not in values)
        changed.setlist(change, values)
    return f"?{changed.urlencode()}"


def facets(
    params: QueryDict, filters: Filters, counts: Counts, groups: dict[int, str]
) -> list[Facet]:
    """Every facet with its choices, as the URL now stands."""
    found = []
    for name, (label, column, _others) in LISTS.items():
        chosen = filters.constraints.get(name, {}).get(column, ())
        values = {**dict.fromkeys(chosen, 0), **counts.values[name]}
        if name == "group":
            values.pop(NO_GROUP, None)  # a filter of its own
        choices = [
            Choice(
                label=value_label(name, value, groups),
                nodes=values[value] if filters.is_counted else None,
                url=_url(params, change=name, value=EMPTY if value == "" else str(value)),
                is_chosen=value in chosen,
            )
            for value in _ordered(name, values)
        ]
        words_ = ", ".join(choice.label for choice in choices if choice.is_chosen)
        found.append(Facet(name, label, choices, words_))
    return found


def _ordered(name: str, values: dict[Value, int]) -> Iterable[Value]:
    if name == "version":
        return sorted(values, key=lambda value: (sort_key(str(value)), str(value)), reverse=True)
    return sorted(values, key=lambda value: (-values[value], str(value)))


def flags(params: QueryDict, filters: Filters, counts: Counts) -> list[Choice]:
    """The filters that are on or off: dark, unassigned, held."""
    is_counted = filters.is_counted
    nodes = {
        "dark": counts.dark.get(True, 0),
        "unassigned": counts.values["group"].get(NO_GROUP, 0),
        "held": None,
    }
    return [
        Choice(
            label=_LABELS[name],
            nodes=number if is_counted else None,
            url=_url(params, change=name, value="1"),
            is_chosen=name in filters.constraints or (name == "held" and filters.is_held),
        )
        for name, number in nodes.items()
    ]


def chosen(
    params: QueryDict, filters: Filters, counts: Counts, groups: dict[int, str]
) -> list[Chosen]:
    """Every filter that is on, each with the way to do without it."""
    values = {name: _words(name, filters, groups) for name in filters.constraints}
    if "standing" in values:
        values["standing"] = str(params["standing"]).replace("_", " ")
    if filters.is_held:
        values["held"] = ""
    if filters.search:
        values["q"] = filters.search
    return [
        Chosen(
            label=_LABELS[name],
            value=value,
            url=_url(params, change=name, value=None),
            without=_without(name, counts) if filters.is_counted else None,
        )
        for name, value in values.items()
    ]


def _words(name: str, filters: Filters, groups: dict[int, str]) -> str:
    """The values of a filter in words; none for one that is on or off."""
    if name not in COLUMNS:
        return ""
    values = filters.constraints[name][COLUMNS[name]]
    return ", ".join(value_label(name, value, groups) for value in values)


def _without(name: str, counts: Counts) -> int | None:
    """How many nodes there would be without one filter, where that was counted."""
    if name == "dark":
        return sum(counts.dark.values())
    name = "group" if name == "unassigned" else name
    return sum(counts.values[name].values()) if name in counts.values else None


def value_label(name: str, value: Value, groups: dict[int, str]) -> str:
    """A filter's value as people read it."""
    match name:
        case "group":
            return groups.get(int(value), f"group {value}")
        case "state":
            return words.STATES[State(str(value))].label
        case "sysext":
            return Sysext(str(value)).label
        case "basis":
            return words.BASES[str(value)].label
    return str(value) or "none"
