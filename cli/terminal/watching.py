"""What is written out or followed: exports of whole lists, and activity."""

import json
import sys
from itertools import islice
from typing import Any

import click

from terminal.printing import plain
from terminal.server import PAGE_ROWS
from terminal.shell import Shell, filtered, pass_shell, wanted


@click.command()
@click.argument("what", type=click.Choice(["nodes", "groups", "channels", "releases", "activity"]))
@click.option("--format", "form", type=click.Choice(["csv", "json"]), default="csv")
@filtered
@pass_shell
def export(shell: Shell, /, what: str, form: str, **filters: Any) -> None:
    """Write a whole list to standard output; filters are for nodes."""
    parameters = wanted(shell.fleet, filters)
    if parameters and what != "nodes":
        raise click.UsageError("Filters are for nodes.")
    if form == "json":
        for row in shell.fleet.every(what, **parameters):
            click.echo(json.dumps(row))
        return
    answer = shell.fleet.ask("GET", what, params=parameters | {"format": "csv"}, stream=True)
    for chunk in answer.iter_content(1 << 16):
        sys.stdout.buffer.write(chunk)


@click.command()
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1))
@pass_shell
def activity(shell: Shell, limit: int) -> None:
    """List what was done, the newest first."""
    rows = islice(shell.fleet.every("activity", limit=min(limit, PAGE_ROWS)), limit)
    shell.rows(rows, ("at", "actor", "verb", "subject", "why"))


@click.command()
@click.option("--count", type=click.IntRange(1), help="Stop after so many.")
@pass_shell
def follow(shell: Shell, count: int | None) -> None:
    """Print what is done as it is done, without a gap after a break."""
    events = (one for one in shell.fleet.follow("activity") if one["event"] == "activity")
    for event in islice(events, count):
        done = event["data"]
        nobody = "somebody" if done["verb"] == "operator.log_in_failed" else "the system"
        words = (done["at"], done["actor"] or nobody, done["verb"], done["subject"])
        click.echo(json.dumps(done) if shell.as_json else "  ".join(map(plain, words)))
