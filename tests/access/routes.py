"""The table `routes.txt`, and every route that Django knows.

A line of the table is a route's name, a method, and who may: `everybody` (without a log-in),
`strangers` (who are not logged in; others are led on), `somebody` (who is logged in, whatever
their role, and asks for what is theirs), `prometheus` (who sends the token of its setting), or a
permission. After a permission stands where it is asked for: `somewhere` (what
it shows is narrowed to that), `here` (the group of the thing in the address) or `everywhere`.
Whoever adds a route adds its line; what is in its address comes from `THINGS` in test_matrix.py.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from django.urls import URLPattern, URLResolver, get_resolver

from oemupdates.domain.access import Permission

TABLE = Path(__file__).with_name("routes.txt")
WHO = {"everybody", "strangers", "somebody", "prometheus"}
WHERE = {"somewhere", "here", "everywhere"}
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}


class Line(NamedTuple):
    """What the table says of one method of a route."""

    route: str
    method: str
    who: str
    where: str = ""


class Route(NamedTuple):
    """A route, by its name and the names of what is in its address."""

    name: str
    arguments: tuple[str, ...]


def table() -> list[Line]:
    """The lines of the table."""
    lines = []
    for text in TABLE.read_text().splitlines():
        words = text.partition("#")[0].split()
        if words:
            lines.append(_line(words))
    return lines


def _line(words: list[str]) -> Line:
    line = Line(*words)
    assert line.method in METHODS, words
    if line.who in WHO:
        assert not line.where, words
    else:
        assert Permission(line.who), words
        assert line.where in WHERE, words
    return line


def known() -> list[Route]:
    """Every route of Django, once each."""
    return sorted(set(_routes(get_resolver().url_patterns, "")))


def _routes(patterns: list[URLPattern | URLResolver], space: str) -> Iterator[Route]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{space}{pattern.namespace}:" if pattern.namespace else space
            yield from _routes(pattern.url_patterns, inner)
        else:
            assert pattern.name, f"{pattern} has no name: reverse() and this table call it by one"
            yield Route(space + pattern.name, tuple(_arguments(pattern)))


def _arguments(pattern: URLPattern) -> list[str]:
    return re.findall(r"<(?:\w+:)?(\w+)>", str(pattern.pattern))
