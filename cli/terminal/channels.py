"""Channels: shown with their targets."""

import click

from terminal.shell import Shell, pass_shell


@click.command()
@pass_shell
def channels(shell: Shell) -> None:
    """List the channels with their targets."""
    shell.rows(shell.fleet.every("channels"), ("id", "name", "architecture", "target"))
