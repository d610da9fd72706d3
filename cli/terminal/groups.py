"""Groups: shown, joined, and their updates switched."""

import json

import click

from terminal.shell import WHY, Shell, pass_shell


@click.group()
def groups() -> None:
    """Show groups, and switch their updates."""


@groups.command("list")
@pass_shell
def list_groups(shell: Shell) -> None:
    """List the groups."""
    columns = ("id", "name", "architecture", "track", "channel", "updates_enabled")
    shell.rows(shell.fleet.every("groups"), columns)


@groups.command("show")
@click.argument("group")
@pass_shell
def show_group(shell: Shell, group: str) -> None:
    """Show a group with its three numbers."""
    found = shell.fleet.find("groups", group)
    shell.thing(found | shell.fleet.get(f"groups/{found['id']}/summary"))


@groups.command()
@click.argument("group")
@click.option("--butane", is_flag=True, help="For new nodes.")
@pass_shell
def snippet(shell: Shell, group: str, *, butane: bool) -> None:
    """Print what a node needs to join a group."""
    found = shell.fleet.get(f"groups/{shell.fleet.find('groups', group)['id']}/snippet")
    text = (
        json.dumps(found) + "\n" if shell.as_json else found["butane" if butane else "update_conf"]
    )
    click.echo(text, nl=False)


@groups.command()
@click.argument("group")
@click.argument("on", type=click.Choice(["on", "off"]))
@WHY
@pass_shell
def updates(shell: Shell, group: str, on: str, why: str | None) -> None:
    """Switch a group's updates on, or off."""
    path = f"groups/{shell.fleet.find('groups', group)['id']}/updates"
    done = shell.fleet.send("POST", path, {"on": on == "on", "why": why or ""})
    shell.done(done, f"Updates of {group} are {on}.")
