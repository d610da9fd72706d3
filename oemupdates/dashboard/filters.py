"""The filters of the node list, as they stand in its URL."""

import re
from collections.abc import Collection
from dataclasses import dataclass, field

from django.http import QueryDict

from oemupdates.domain.checkin import DERIVED, NO_BASIS, OBSERVED, REPORTED
from oemupdates.domain.node import State
from oemupdates.models import Architecture, Group
from oemupdates.models.count_queries import Value, Wanted
from oemupdates.models.node_queries import NO_GROUP
from oemupdates.models.standing import Standing, wanted_by_standing
from oemupdates.models.sysext import Sysext

# How an empty value is written in a URL, where an empty parameter means no filter.
EMPTY = "-"
# The parameters that name values, with the counters' column that each is about.
COLUMNS = {
    "state": "state",
    "group": "group",
    "version": "version",
    "oem": "oem",
    "basis": "oem_basis",
    "architecture": "architecture",
    "sysext": "sysext",
    "oem_version": "oem_version",
    "oem_build": "oem_build",
}
FLAGS = ("dark", "unassigned", "held")
_OTHERS = {"standing", "q", "after"}
_KNOWN: dict[str, Collection[str]] = {
    "state": [state.value for state in State],
    "basis": [NO_BASIS, REPORTED, DERIVED, OBSERVED],
    "architecture": ["", *Architecture.values],
    "sysext": Sysext.values,
}
_MAX_SEARCH = 256
_GROUP = re.compile(r"\d{1,18}", re.ASCII)


@dataclass
class Filters:
    """What a URL asks for: constraints by parameter, the search, and what was wrong with it."""

    constraints: dict[str, Wanted] = field(default_factory=dict)
    is_held: bool = False
    search: str = ""
    problems: list[str] = field(default_factory=list)

    @property
    def is_counted(self) -> bool:
        """Whether the counters know how many nodes are meant."""
        return not self.is_held and not self.search

    def wanted(self, *, besides: Collection[str] = ()) -> Wanted:
        """The values that each column must have, for all constraints `besides` some."""
        values: dict[str, Collection[Value]] = {}
        for name, constraint in self.constraints.items():
            if name in besides:
                continue
            for column, some in constraint.items():
                known = values.get(column)
                values[column] = some if known is None else [one for one in known if one in some]
        return values


def read(params: QueryDict) -> Filters:
    """Read the filters of a URL; what cannot be understood is told in `problems`."""
    filters = Filters()
    for name in params:
        if name in COLUMNS:
            _read_values(filters, name, params.getlist(name))
        elif name in FLAGS:
            _read_flag(filters, name, str(params[name]))
        elif name not in _OTHERS:
            filters.problems.append(f"There is no filter {name!r}.")
    _read_standing(filters, params.get("standing", ""))
    _read_search(filters, params.get("q", "").strip())
    return filters


def _read_values(filters: Filters, name: str, texts: list[str]) -> None:
    values: list[Value] = []
    for text in filter(None, texts):
        value = "" if text == EMPTY else text
        if name == "group":
            if _GROUP.fullmatch(value):
                values.append(int(value))
            else:
                filters.problems.append(f"A group is given by its number, and {value!r} is none.")
        elif value not in _KNOWN.get(name, (value,)) or not value.isprintable():
            filters.problems.append(f"No node has the {name.replace('_', ' ')} {value!r}.")
        else:
            values.append(value)
    if values:
        filters.constraints[name] = {COLUMNS[name]: values}


def _read_flag(filters: Filters, name: str, text: str) -> None:
    if text not in {"", "1"}:
        filters.problems.append(f"{name} is either 1 or left out, not {text!r}.")
    elif text and name == "held":
        filters.is_held = True
    elif text and name == "dark":
        filters.constraints["dark"] = {"is_dark": [True]}
    elif text:
        filters.constraints["unassigned"] = {"group": [NO_GROUP]}


def _read_standing(filters: Filters, text: str) -> None:
    """A group's standing says something only together with that group."""
    if not text:
        return
    groups = filters.constraints.get("group", {}).get("group", [])
    if text not in set(Standing):
        filters.problems.append(f"No node has the standing {text!r}.")
    elif len(groups) != 1:
        filters.problems.append("A standing is asked for together with one group.")
    else:
        number = int(next(iter(groups)))
        group = Group.objects.select_related("channel__target").filter(pk=number).first()
        target = group.channel.target if group and group.channel else None
        wanted = wanted_by_standing(number, target.version if target else "", Standing(text))
        filters.constraints["standing"] = wanted


def _read_search(filters: Filters, text: str) -> None:
    if len(text) > _MAX_SEARCH:
        filters.problems.append(f"A search is at most {_MAX_SEARCH} characters long.")
    elif not text.isprintable():
        filters.problems.append("The search holds characters that no node has in its name.")
    else:
        filters.search = text
