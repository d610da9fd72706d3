"""Which nodes a URL asks for."""

from collections.abc import Callable
from typing import Any, TypeVar

from rest_framework import serializers

from oemupdates.api.frame.choices import ARCHITECTURES, BASES, DRIFT_BASES, NODE_STATES
from oemupdates.api.frame.fields import Asked, Moment, Words
from oemupdates.api.frame.problems import Unprocessable
from oemupdates.domain.drift_facts import KEPT
from oemupdates.domain.query import EMPTY, BadQuery, Flag, Key, Query, Term, Value
from oemupdates.domain.query_parameters import PARAMETERS, read_parameters
from oemupdates.models.node_queries import BadSearch
from oemupdates.models.standing import Standing
from oemupdates.models.sysext import Sysext

YES = ("true", "1")
T = TypeVar("T")


def _texts(most: int) -> serializers.ListField:
    return serializers.ListField(child=Words(max_length=most), required=False, max_length=50)


def _choices(*values: str) -> serializers.ListField:
    return serializers.ListField(
        child=serializers.ChoiceField([value or EMPTY for value in values]),
        required=False,
        max_length=50,
    )


def _flag(words: str) -> serializers.ChoiceField:
    return serializers.ChoiceField(["true", "false", "1"], required=False, help_text=words)


class NodesAsked(Asked):
    """Which nodes to list: those that meet every parameter, by any of its values.

    `-` stands for an empty value.
    """

    q = Words(
        required=False,
        max_length=2000,
        help_text="As in the query box: `oem:azure os:<4593.2 seen:>6h group:berlin web-`.",
    )
    state = _choices(*NODE_STATES)
    group = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=10**18 - 1),
        required=False,
        max_length=50,
        help_text="Groups' ids.",
    )
    version = _texts(64)
    oem = _texts(64)
    basis = _choices(*BASES)
    architecture = _choices("", *ARCHITECTURES)
    sysext = _choices(*Sysext.values)
    oem_version = _texts(128)
    oem_build = _texts(128)
    drift = _choices("", *KEPT)
    drift_basis = _choices("", *DRIFT_BASES)
    exposed = _texts(64)
    exposure_unknown = _texts(64)
    standing = serializers.ChoiceField(
        [standing.value for standing in Standing],
        required=False,
        help_text="Against the target of one group, which `group` names.",
    )
    held = _flag("Those with a hold, or without.")
    dark = _flag("Those that fell silent, or did not.")
    unassigned = _flag("Those that belong to no group, or to one.")
    at = Moment(
        required=False,
        help_text=(
            "As nodes were at this time: then they are shown, and asked for, by versions and OEMs"
            " alone."
        ),
    )
    archived = _flag("Those that were put away; they are left out of any other list.")


def query(asked: dict[str, Any]) -> Query:
    """The query that the parameters of a URL say; `Unprocessable` if it has no meaning."""
    texts: dict[str, list[str]] = {
        name: [str(text) for text in asked[name]] for name in PARAMETERS if name in asked
    }
    for name in ("q", "standing"):
        if name in asked:
            texts[name] = [asked[name]]
    read, problems = read_parameters(texts)
    if problems:
        raise Unprocessable(" ".join(problems))
    flags = tuple(
        Term(Key.IS, (Value(flag.value),), is_negated=asked[flag.value] not in YES)
        for flag in Flag
        if flag.value in asked
    )
    return Query((*read.terms, *flags))


def meaningful(ask: Callable[[], T]) -> T:
    """What somebody asks of a query; `Unprocessable` if it names what there is not."""
    try:
        return ask()
    except (BadQuery, BadSearch) as error:
        raise Unprocessable(str(error)) from error
