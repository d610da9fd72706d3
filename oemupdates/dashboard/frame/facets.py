"""The facets of the node list: how many nodes each choice would leave, from the counters."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast
from urllib.parse import quote

from oemupdates.dashboard.frame import words
from oemupdates.domain.drift import count
from oemupdates.domain.drift_facts import Basis
from oemupdates.domain.drift_words import BASES as DRIFT_BASES
from oemupdates.domain.drift_words import label as drift_label
from oemupdates.domain.drift_words import severity
from oemupdates.domain.node import State
from oemupdates.domain.query import EXPOSURES, Flag, Key, Op, Query, Term
from oemupdates.domain.version import sort_key
from oemupdates.models import Label
from oemupdates.models.count_queries import Value
from oemupdates.models.node_queries import NO_GROUP
from oemupdates.models.sysext import Sysext
from oemupdates.services.finding.finding import COLUMNS, Found
from oemupdates.services.finding.finding_groups import named

# The facets with a list of choices, and their labels.
LISTS = {
    Key.STATE: "State",
    Key.GROUP: "Group",
    Key.OS: "OS version",
    Key.OEM: "OEM",
    Key.BASIS: "OEM basis",
    Key.DRIFT: "Drift",
    Key.ARCH: "Architecture",
}
_FLAGS = {Flag.DARK: "Dark", Flag.UNASSIGNED: "Unassigned", Flag.HELD: "Held"}
_LABELS = {
    **LISTS,
    Key.SYSEXT: "OEM sysext",
    Key.DRIFT_BASIS: "Drift known by",
    Key.OEM_VERSION: "OEM sysext for",
    Key.OEM_BUILD: "OEM build",
    Key.EXPOSED: "Has the hole",
    Key.EXPOSURE_UNKNOWN: "Not known to be without",
    Key.STANDING: "Standing",
    Key.SEEN: "Seen",
    Key.HOLD_ENDS: "Hold ends",
    Key.LABEL: "Label",
    Key.WORD: "Search",
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


def list_url(query: Query) -> str:
    """The list of the nodes that a query means; readable, as its colons and commas stay."""
    return f"?q={quote(str(query), safe=':,<>=.')}" if query else "?all=1"


def facets(found: Found) -> list[Facet]:
    """Every facet with its choices, as the query now stands."""
    return [_facet(key, label, found) for key, label in LISTS.items()]


def _facet(key: Key, label: str, found: Found) -> Facet:
    column = COLUMNS[key]
    chosen = _chosen_values(key, found)
    values = {**dict.fromkeys(chosen, 0), **_counted(key, found.tally.values[column])}
    if key is Key.GROUP:
        values.pop(NO_GROUP, None)  # a filter of its own
    choices = [
        Choice(
            label=value_label(key, value, found.groups),
            nodes=values[value] if found.is_counted else None,
            url=list_url(found.query.toggled(key, _said(key, value, found))),
            is_chosen=value in chosen,
        )
        for value in _ordered(key, values)
    ]
    named = ", ".join(choice.label for choice in choices if choice.is_chosen)
    if not named and found.query.about(key):
        named = _words(found.query.about(key))
    return Facet(key, label, choices, named)


def _counted(key: Key, values: Mapping[Value, int]) -> Mapping[Value, int]:
    """The nodes of each choice: of drift a node may have several."""
    if key is not Key.DRIFT:
        return values
    classes = count((str(drift), nodes) for drift, nodes in values.items())
    return cast("Mapping[Value, int]", classes)


def labels(found: Found, known: list[Label]) -> Facet:
    """The labels that most nodes carry; how many do is known only where nothing else is asked."""
    chosen = {text for term in found.query.about(Key.LABEL) for text in term.texts}
    is_told = found.reach.is_everywhere and not found.query
    choices = [
        Choice(
            label=str(label),
            nodes=label.nodes if is_told else None,
            url=list_url(found.query.toggled(Key.LABEL, str(label))),
            is_chosen=str(label) in chosen,
        )
        for label in known
    ]
    return Facet("label", "Label", choices, ", ".join(sorted(chosen)))


def _chosen_values(key: Key, found: Found) -> set[Value]:
    """The values of a facet that stand in the query as themselves."""
    values: set[Value] = set()
    for term in found.query.about(key):
        if not term.is_negated:
            exact = Term(key, tuple(value for value in term.values if value.op is Op.IS))
            values |= set(found.keys(exact) if key is Key.GROUP else exact.texts)
    return values


def _said(key: Key, value: Value, found: Found) -> str:
    """A value as the query box says it: as it stands there, or a group by its name."""
    if key is not Key.GROUP:
        return str(value)
    return named(int(value), found.groups, found.names)


def _ordered(key: Key, values: dict[Value, int]) -> Iterable[Value]:
    if key is Key.OS:
        return sorted(values, key=lambda value: (sort_key(str(value)), str(value)), reverse=True)
    if key is Key.DRIFT:
        return sorted(values, key=lambda value: (-severity(str(value)), -values[value], value))
    return sorted(values, key=lambda value: (-values[value], str(value)))


def flags(found: Found) -> list[Choice]:
    """The filters that are on or off: dark, unassigned, held."""
    nodes = {
        Flag.DARK: found.tally.values["is_dark"][True],
        Flag.UNASSIGNED: found.tally.values["group"][NO_GROUP],
        Flag.HELD: None,
    }
    on = {text for term in found.query.about(Key.IS) if not term.is_negated for text in term.texts}
    return [
        Choice(
            label=_FLAGS[flag],
            nodes=number if found.is_counted else None,
            url=list_url(found.query.toggled(Key.IS, flag)),
            is_chosen=flag in on,
        )
        for flag, number in nodes.items()
    ]


def chosen(found: Found) -> list[Chosen]:
    """Every filter that is on, each with the way to do without it."""
    together: dict[str, list[Term]] = {}
    for term in found.query.terms:
        name = COLUMNS.get(term.key, str(term))
        together.setdefault(name, []).append(term)
    return [_chosen(terms, found) for terms in together.values()]


def _chosen(terms: list[Term], found: Found) -> Chosen:
    first = terms[0]
    rest = found.query.without(*terms)
    without = None
    if found.is_counted:
        without = found.tally.without.get(_test_name(first))
    if first.key is Key.IS:
        label = first.values[0].text.capitalize()
        return Chosen(
            f"Not {label.lower()}" if first.is_negated else label, "", list_url(rest), without
        )
    plain = all(
        value.op is Op.IS and not term.is_negated for term in terms for value in term.values
    )
    if first.key is Key.GROUP and plain:
        value = ", ".join(
            value_label(Key.GROUP, key, found.groups) for term in terms for key in found.keys(term)
        )
    elif plain:
        value = ", ".join(
            value_label(first.key, text, found.groups) for term in terms for text in term.texts
        )
    else:
        value = _words(terms)
    return Chosen(_LABELS[first.key], value, list_url(rest), without)


def _test_name(term: Term) -> str:
    """Under which name the counters know how many nodes there would be without a term."""
    if term.key is Key.IS:
        return {Flag.DARK: "is_dark", Flag.UNASSIGNED: "group"}.get(Flag(term.values[0].text), "")
    return COLUMNS.get(term.key, str(term if term.key in EXPOSURES else term.key))


def _words(terms: list[Term]) -> str:
    """What terms say, without saying of what: `<4593.2`, `not azure`."""
    said = []
    for term in terms:
        text = str(Query((Term(term.key, term.values),))).removeprefix(f"{term.key}:")
        said.append(f"not {text}" if term.is_negated else text)
    return " and ".join(said)


def value_label(key: Key, value: Value, groups: dict[int, str]) -> str:
    """A filter's value as people read it."""
    match key:
        case Key.GROUP:
            return groups.get(int(value), f"group {value}") if value != NO_GROUP else "none"
        case Key.STATE:
            return words.STATES[State(str(value))].label
        case Key.SYSEXT:
            return Sysext(str(value)).label
        case Key.BASIS:
            return words.BASES[str(value)].label
        case Key.DRIFT:
            return drift_label(str(value))
        case Key.DRIFT_BASIS:
            return DRIFT_BASES[Basis(str(value))] if value else "not measured yet"
        case Key.STANDING:
            return str(value).replace("_", " ")
    return str(value) or "none"
