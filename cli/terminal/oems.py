"""OEMs: what runs where, how far nodes are out of step, and what the catalogue says."""

from collections.abc import Iterator
from typing import Any

import click

from terminal.printing import Thing
from terminal.shell import Shell, pass_shell, wanted


def some(command: Any) -> Any:
    """The options of whatever counts nodes by their OEM."""
    command = click.option("--oem", multiple=True)(command)
    return click.option("--group", help="A group's name or id.")(command)


@click.group()
def oem() -> None:
    """Show what runs where, and what the catalogue says of OEMs and extensions."""


@oem.command("list")
@pass_shell
def list_oems(shell: Shell) -> None:
    """List the OEMs and extensions that are known."""
    columns = ("id", "kind", "oem_id", "architectures", "alpha_since", "dropped_in", "tools")
    shell.rows(shell.fleet.every("oem"), columns)


@oem.command()
@some
@pass_shell
def matrix(shell: Shell, /, **filters: Any) -> None:
    """Count nodes by OEM and OS version, with the version of the OEM's first tool."""
    found = shell.fleet.get("oem/matrix", **wanted(shell.fleet, filters))
    columns = ("oem", "version", "nodes", "observed", "tool", "tool_version", "basis", "drift")
    shell.rows(iter(found["cells"]) if shell.as_json else _lines(found["cells"]), columns)


@click.command()
@some
@pass_shell
def drift(shell: Shell, /, **filters: Any) -> None:
    """Say how many nodes are out of step in which way, and the way out."""
    found = shell.fleet.get("drift", **wanted(shell.fleet, filters))
    classes = [one for one in found["classes"] if shell.as_json or one["nodes"]]
    shell.rows(iter(classes), ("drift", "severity", "nodes", "way_out"))


def _lines(cells: list[Thing]) -> Iterator[Thing]:
    for cell in cells:
        tool = cell["tool"] or {}
        yield cell | {
            "tool": tool.get("name"),
            "tool_version": tool.get("version"),
            "basis": tool.get("basis"),
            "drift": ", ".join(f"{one['drift']}={one['nodes']}" for one in cell["drift"]),
        }
