"""How the fleet is, who asks, and with what."""

import click

from terminal.printing import plain
from terminal.server import VERSION
from terminal.shell import AT, Shell, pass_shell


@click.command()
@pass_shell
def me(shell: Shell) -> None:
    """Say who the token is, and what it may do."""
    found = shell.fleet.get("me")
    if not shell.as_json:
        found["roles"] = ", ".join(role["role"] for role in found["roles"])
        found["permissions"] = ", ".join(one["permission"] for one in found["permissions"])
    shell.thing(found)


@click.command()
@pass_shell
def version(shell: Shell) -> None:
    """Print the version of this tool."""
    shell.thing({"oemfleet": VERSION})


@click.command()
@AT
@pass_shell
def overview(shell: Shell, at: str | None) -> None:
    """Say how the fleet is, or with --at how it was in the last sample before."""
    found = shell.fleet.get("overview", **({"at": at} if at else {}))
    if not shell.as_json:
        oems = [f"{plain(one['oem']) or 'no OEM'}={one['nodes']}" for one in found["oems"]]
        found["oems"] = ", ".join(oems)
    shell.thing(found)
