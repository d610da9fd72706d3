"""What every command shares: the server, how to answer, and options."""

from collections.abc import Iterator, Sequence
from typing import Any

import click

from terminal import printing
from terminal.printing import Thing, plain
from terminal.server import Fleet, token

WHY = click.option("--why", help="For colleagues to read.")
BECAUSE = click.option("--because", required=True, help="For colleagues to read.")
AT = click.option(
    "--at", help="As it was at a time, with its zone: 2026-09-01T12:00:00Z; now without it."
)
UNTIL = click.option("--until", help="A time with its zone: 2026-09-01T12:00:00Z.")


class Shell:
    """What every command shares: the server, and how to answer."""

    def __init__(self, url: str, seconds: float, *, as_json: bool) -> None:
        self.url, self.seconds, self.as_json = url, seconds, as_json
        self._fleet: Fleet | None = None

    @property
    def fleet(self) -> Fleet:
        """The server; nobody needs a token to read the help."""
        if not self.url:
            raise click.UsageError("Set OEMFLEET_URL, such as https://fleet.example.net")
        self._fleet = self._fleet or Fleet(self.url, token(), self.seconds)
        return self._fleet

    def rows(self, rows: Iterator[Thing], columns: Sequence[str]) -> None:
        """Print a list: a table, or a JSON value a line."""
        if not self.as_json:
            printing.rows(rows, columns)
            return
        for row in rows:
            printing.as_json(row)

    def thing(self, thing: Thing) -> None:
        """Print one thing: a line a field, or JSON."""
        if self.as_json:
            printing.as_json(thing)
        else:
            printing.thing(thing)

    def done(self, thing: Thing, words: str) -> None:
        """Say what was done."""
        if self.as_json:
            printing.as_json(thing)
        else:
            click.echo(plain(words))


pass_shell = click.make_pass_decorator(Shell)


def filtered(command: Any) -> Any:
    """The options of whatever finds nodes."""
    for option in (
        click.option("--query", "-q", "q", help="As in the query box: 'oem:azure os:<4593.2'."),
        click.option("--state", multiple=True),
        click.option("--group", help="A group's name or id."),
        click.option("--oem", multiple=True),
        click.option("--version", multiple=True),
        click.option("--dark", is_flag=True, default=None),
        AT,
        click.option("--held", is_flag=True, default=None),
    ):
        command = option(command)
    return command


def wanted(fleet: Fleet, filters: Thing) -> Thing:
    """The options of a command as parameters."""
    found = {name: value for name, value in filters.items() if value not in (None, (), False)}
    found |= {name: "true" for name in ("dark", "held") if name in found}
    if "group" in found:
        found["group"] = fleet.find("groups", found["group"])["id"]
    return found
