"""What is printed: tables, things and JSON, safe for any terminal."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import click

Thing = dict[str, Any]


def plain(value: object) -> str:
    """A value on one line of a terminal: nodes choose their names, and escapes are no names."""
    if isinstance(value, list):
        return ", ".join(map(plain, value))
    if isinstance(value, dict):
        return _named(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = "" if value is None else str(value)
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)


def _named(value: Thing) -> str:
    """A thing inside another, by its name if it has one."""
    for name in ("name", "version", "username", "release"):
        if value.get(name):
            return plain(value[name])
    return ", ".join(f"{plain(name)}={plain(part)}" for name, part in value.items())


def rows(found: Iterator[Thing], columns: Sequence[str]) -> None:
    """Print a list as a table."""
    lines = [[plain(row.get(name)) for name in columns] for row in found]
    table = [[name.upper() for name in columns], *lines]
    widths = [max(len(line[n]) for line in table) for n in range(len(columns))]
    for line in table:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def thing(found: Thing) -> None:
    """Print one thing: a line a field."""
    width = max((len(name) for name in found), default=0)
    for name, value in found.items():
        click.echo(f"{name.ljust(width)}  {plain(value)}".rstrip())


def as_json(found: Thing) -> None:
    """Print a value on a line of its own."""
    click.echo(json.dumps(found))
