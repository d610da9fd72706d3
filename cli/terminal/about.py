"""Who asks, and with what."""

import click

from terminal.server import VERSION
from terminal.shell import Shell, pass_shell


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
