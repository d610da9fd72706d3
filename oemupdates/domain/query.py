"""The query box: what operators write to find nodes, as a value and as text.

`oem:azure os:<4593.2 seen:>6h group:berlin state:failed,waiting -arch:arm64 web-` names nodes that
meet every term. The commas of one term mean or, a minus before it means not, and quotes keep
spaces, commas and colons together. A word without a key is the beginning of a name, an alias or a
machine id, an address, or a network.
"""

import ipaddress
import re
from dataclasses import dataclass
from enum import StrEnum

from oemupdates.domain.checkin import DERIVED, NO_BASIS, OBSERVED, REPORTED
from oemupdates.domain.drift_facts import KEPT, Basis
from oemupdates.domain.node import State
from oemupdates.domain.version import BadVersion, parse

# How an empty value is written where an empty text would say nothing.
EMPTY = "-"


class BadQuery(ValueError):
    """A query that cannot be understood; its text names the word and says why."""


class Key(StrEnum):
    """What a term is about."""

    WORD = ""
    STATE = "state"
    OS = "os"
    OEM = "oem"
    GROUP = "group"
    IS = "is"
    BASIS = "basis"
    SYSEXT = "sysext"
    ARCH = "arch"
    OEM_VERSION = "oem_version"
    OEM_BUILD = "oem_build"
    EXPOSED = "exposed"
    EXPOSURE_UNKNOWN = "exposure_unknown"
    SEEN = "seen"
    HOLD_ENDS = "hold_ends"
    LABEL = "label"
    STANDING = "standing"
    DRIFT = "drift"
    DRIFT_BASIS = "drift_basis"


class Flag(StrEnum):
    """What `is:` may say of a node."""

    HELD = "held"
    DARK = "dark"
    UNASSIGNED = "unassigned"
    ARCHIVED = "archived"


class Op(StrEnum):
    """How a value is meant."""

    IS = ""
    LESS = "<"
    AT_MOST = "<="
    MORE = ">"
    AT_LEAST = ">="
    RANGE = ".."


ALIASES = {"version": Key.OS, "architecture": Key.ARCH}
VERSIONS = frozenset({Key.OS, Key.OEM_VERSION})
KNOWN: dict[Key, tuple[str, ...]] = {
    Key.STATE: tuple(state.value for state in State),
    Key.IS: tuple(flag.value for flag in Flag),
    Key.BASIS: (NO_BASIS, REPORTED, DERIVED, OBSERVED),
    Key.SYSEXT: ("same", "different", "not_merged", "unknown"),
    Key.ARCH: ("", "amd64", "arm64"),
    Key.STANDING: ("on_target", "in_progress", "behind"),
    Key.DRIFT: ("", *KEPT),
    Key.DRIFT_BASIS: ("", *(basis.value for basis in Basis)),
}
# What is said of a node and known holes, which it names.
EXPOSURES = frozenset({Key.EXPOSED, Key.EXPOSURE_UNKNOWN})
# What is said by how long ago it was, or how far off it is.
TIMES = frozenset({Key.SEEN, Key.HOLD_ENDS})
# Terms that say one thing only: several of them are written as several terms.
SINGLE = TIMES | {Key.IS, Key.STANDING}
ORDERED = VERSIONS | TIMES
_UNITS = {"s": 1, "m": 60, "h": 60 * 60, "d": 24 * 60 * 60, "w": 7 * 24 * 60 * 60}

_PLAIN_VALUE = re.compile(r'[^\s",<>\\]+')
_PLAIN_WORD = re.compile(r'[^\s":\\-][^\s":\\]*')
_AGE = re.compile(r"(\d{1,6})([smhdw])", re.ASCII)
PREFIX = re.compile(r"\d{1,9}(?:\.\d{1,9}){0,2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Value:
    """One of a term's values; `end` is the other end of a range, which holds both."""

    text: str
    op: Op = Op.IS
    end: str = ""


@dataclass(frozen=True, slots=True)
class Term:
    """One condition: any of the values of a key, or none of them."""

    key: Key
    values: tuple[Value, ...]
    is_negated: bool = False

    @property
    def texts(self) -> list[str]:
        """The values as texts, for keys that have no order."""
        return [value.text for value in self.values]


@dataclass(frozen=True, slots=True)
class Query:
    """Conditions that are met together."""

    terms: tuple[Term, ...] = ()

    def __str__(self) -> str:
        return " ".join(_format(term) for term in self.terms)

    def __bool__(self) -> bool:
        return bool(self.terms)

    def about(self, *keys: Key) -> list[Term]:
        """The terms about some keys."""
        return [term for term in self.terms if term.key in keys]

    def without(self, *terms: Term) -> "Query":
        """The query without some of its terms."""
        return Query(tuple(term for term in self.terms if term not in terms))

    def toggled(self, key: Key, text: str) -> "Query":
        """The query with one more value of a key, or without it if it has it."""
        value = Value(text)
        for number, term in enumerate(self.terms):
            if (
                term.key is not key
                or term.is_negated
                or (key in SINGLE and value not in term.values)
            ):
                continue
            if value in term.values:
                values = tuple(one for one in term.values if one != value)
            else:
                values = (*term.values, value)
            changed = (Term(key, values),) if values else ()
            return Query(self.terms[:number] + changed + self.terms[number + 1 :])
        return Query((*self.terms, Term(key, (value,))))


def seconds(age: str) -> int:
    """An age such as 90s, 6h or 2w in seconds; `BadQuery` if it is none."""
    match = _AGE.fullmatch(age)
    if match is None:
        raise BadQuery(f"{age!r} is no age like 90s, 15m, 6h, 2d or 1w.")
    return int(match[1]) * _UNITS[match[2]]


def meets(version: str, value: Value) -> bool:
    """Whether a version is what a value means; 4593.2 stands for everything that begins so.

    What cannot be read as a version equals its own text alone.
    """
    if value.op is Op.IS:
        is_prefix = bool(PREFIX.fullmatch(value.text))
        return version == value.text or (is_prefix and version.startswith(f"{value.text}."))
    if value.op is Op.RANGE:
        return meets(version, Value(value.text, Op.AT_LEAST)) and meets(
            version, Value(value.end, Op.AT_MOST)
        )
    try:
        order = _compare(version, value.text)
    except BadVersion:
        return False
    return {
        Op.LESS: order < 0,
        Op.AT_MOST: order <= 0,
        Op.MORE: order > 0,
        Op.AT_LEAST: order >= 0,
    }[value.op]


def _compare(version: str, bound: str) -> int:
    """How a version stands to a bound, of which only the fields count that it gives."""
    parsed = parse(version)
    if PREFIX.fullmatch(bound) and bound.count(".") < 2:  # noqa: PLR2004 - not all three fields
        fields = tuple(int(field) for field in bound.split("."))
        mine = tuple(parsed[: len(fields)])
        return (mine > fields) - (mine < fields)
    other = parse(bound)
    return (parsed > other) - (parsed < other)


def _format(term: Term) -> str:
    minus = "-" if term.is_negated else ""
    if term.key is Key.WORD:
        return minus + _format_word(term.values[0].text)
    return f"{minus}{term.key}:{','.join(_format_value(term.key, one) for one in term.values)}"


def _format_word(text: str) -> str:
    if is_network(text) or (_PLAIN_WORD.fullmatch(text) and not text.endswith("*")):
        return text
    return _quote(text)


def _format_value(key: Key, value: Value) -> str:
    if value.op is Op.RANGE:
        return f"{value.text}..{value.end}"
    if value.op is not Op.IS:
        return f"{value.op}{value.text}"
    if not value.text:
        return EMPTY
    is_plain = _PLAIN_VALUE.fullmatch(value.text) and value.text != EMPTY
    if is_plain and not (key in ORDERED and ".." in value.text):
        return value.text
    return _quote(value.text)


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def is_network(text: str) -> bool:
    """Whether a text is an address or a network."""
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True
