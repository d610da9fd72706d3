"""The demo fleet: asked for, watched, and taken away again."""

import click

from terminal.shell import Shell, pass_shell


@click.group()
def demo() -> None:
    """Load a fleet to look around with, and remove it."""


@demo.command("show")
@pass_shell
def show_demo(shell: Shell) -> None:
    """Say how far the demo fleet is; its state is none while there is none."""
    shell.thing(shell.fleet.get("demo"))


@demo.command("load")
@pass_shell
def load_demo(shell: Shell) -> None:
    """Ask for the demo fleet, on a server without nodes."""
    shell.done(shell.fleet.send("POST", "demo"), "The demo fleet is on its way.")


@demo.command("remove")
@pass_shell
def remove_demo(shell: Shell) -> None:
    """Ask that the demo fleet goes, and all that is its own."""
    _found, etag = shell.fleet.read("demo")
    shell.done(shell.fleet.send("DELETE", "demo", etag=etag), "The demo fleet is being removed.")
