"""Nodes: found, shown, explained and changed."""

import json
from itertools import islice
from typing import Any

import click

from terminal.printing import plain
from terminal.shell import AT, BECAUSE, UNTIL, WHY, Shell, filtered, pass_shell, wanted


@click.group()
def nodes() -> None:
    """Find and show nodes."""


@nodes.command("list")
@filtered
@click.option("--limit", type=click.IntRange(1), help="How many at most; all without it.")
@pass_shell
def list_nodes(shell: Shell, /, limit: int | None, **filters: Any) -> None:
    """List nodes, the newest first; with --at what they ran then."""
    rows = shell.fleet.every("nodes", **wanted(shell.fleet, filters))
    then = ("started_at", "ended_at") if filters["at"] else ("state",)
    columns = ("id", "name", "alias", "group", "version", "oem", "oem_version", *then)
    shell.rows(islice(rows, limit), columns)


@nodes.command("show")
@click.argument("node")
@AT
@pass_shell
def show_node(shell: Shell, node: str, at: str | None) -> None:
    """Show a node: by id, name, alias, machine id or address; with --at what it ran then."""
    found = shell.fleet.find("nodes", node)
    shell.thing(shell.fleet.get(f"nodes/{found['id']}", at=at) if at else found)


@click.command()
@click.argument("node")
@pass_shell
def explain(shell: Shell, node: str) -> None:
    """Say why a node hears what it hears, and what would change it."""
    found = shell.fleet.find("nodes", node)
    told = shell.fleet.get(f"nodes/{found['id']}/explain")
    if shell.as_json:
        click.echo(json.dumps(told))
        return
    click.echo(f"Offered {plain(told['offer'])}." if told["offer"] else "Nothing is offered.")
    for reason in told["reasons"]:
        click.echo(f"- {plain(reason['sentence'])} ({reason['code']})")
        click.echo(f"  {plain(reason['would_change']['words'])}")


def _act(shell: Shell, node: str, verb: str, words: str, **said: Any) -> None:
    found = shell.fleet.find("nodes", node)
    said = {name: value for name, value in said.items() if value}
    done = shell.fleet.send("POST", f"nodes/{found['id']}/{verb}", said)
    shell.done(done, f"{node} {words}")


@click.command()
@click.argument("node")
@BECAUSE
@UNTIL
@pass_shell
def hold(shell: Shell, node: str, because: str, until: str | None) -> None:
    """Withhold every update from a node."""
    _act(shell, node, "hold", "is held.", because=because, until=until)


@click.command()
@click.argument("node")
@WHY
@pass_shell
def release(shell: Shell, node: str, why: str | None) -> None:
    """Take the hold off a node."""
    _act(shell, node, "release", "is released.", why=why)


@click.command()
@click.argument("node")
@WHY
@pass_shell
def retry(shell: Shell, node: str, why: str | None) -> None:
    """Forget a node's failures, so that it may be offered the same again."""
    _act(shell, node, "retry", "may try again.", why=why)


@click.command()
@click.argument("node")
@click.argument("group")
@BECAUSE
@UNTIL
@pass_shell
def move(shell: Shell, node: str, group: str, because: str, until: str | None) -> None:
    """Put a node into a group, whatever its track says."""
    target = shell.fleet.find("groups", group)["id"]
    _act(shell, node, "move", f"is in {group}.", group=target, because=because, until=until)


@click.command()
@click.argument("node")
@click.argument("label")
@WHY
@pass_shell
def label(shell: Shell, node: str, label: str, why: str | None) -> None:
    """Write a label on a node: rack=7, or canary; rack- takes it off."""
    key, _, value = label.removesuffix("-").partition("=")
    found = shell.fleet.find("nodes", node)
    path = f"nodes/{found['id']}/labels"
    if label.endswith("-"):
        done = shell.fleet.send("POST", f"{path}/remove", {"key": key, "why": why or ""})
    else:
        said = {"key": key, "value": value, "why": why or ""}
        done = shell.fleet.send("POST", path, said)
    shell.done(done, f"{node} is labelled.")
