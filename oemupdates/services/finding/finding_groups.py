"""Groups as queries name them, and how their nodes stand to what they are to run."""

from collections import defaultdict
from collections.abc import Collection, Mapping

from oemupdates.domain.query import BadQuery, Term
from oemupdates.models import Group
from oemupdates.models.count_queries import Wanted
from oemupdates.models.node_queries import NO_GROUP
from oemupdates.models.standing import Standing, wanted_by_standing

Names = Mapping[str, Collection[int]]


def names_of(groups: Mapping[int, str]) -> Names:
    """The groups by what they are called: by their name, and by name and architecture."""
    found: defaultdict[str, list[int]] = defaultdict(list)
    for key, name in groups.items():
        for called in {name, _short(name)}:
            found[called].append(key)
    found.pop("", None)
    return found


def group_keys(text: str, names: Names) -> Collection[int]:
    """The groups of a name, of a name and architecture, or of a number such as #3."""
    if not text:
        return [NO_GROUP]
    if text.startswith("#") and text[1:].isascii() and text[1:].isdigit():
        return [int(text[1:])]
    if text not in names:
        raise BadQuery(f"There is no group {text!r}.")
    return names[text]


def named(group: int, groups: Mapping[int, str], names: Names) -> str:
    """A group as a query names it: by its name, with its architecture if there are several."""
    name = groups.get(group, "")
    return next((text for text in (_short(name), name) if names.get(text) == [group]), f"#{group}")


def _short(name: str) -> str:
    """A name without its architecture; empty where none stands behind it."""
    return name.rpartition(" (")[0]


def standing(term: Term, groups: Collection[int]) -> Wanted:
    """What a standing means for the counters; raises `BadQuery` unless there is one group."""
    if len(groups) != 1 or term.is_negated:
        raise BadQuery("A standing is asked for together with one group, and without a minus.")
    (key,) = groups
    group = Group.objects.select_related("channel__target").filter(pk=key).first()
    target = group.channel.target if group and group.channel else None
    return wanted_by_standing(key, target.version if target else "", Standing(term.values[0].text))
