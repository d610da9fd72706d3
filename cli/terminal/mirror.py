"""What the server hosts: how much there is, and what may be taken away."""

from collections.abc import Iterator

import click

from terminal.printing import Thing
from terminal.shell import WHY, Shell, pass_shell


@click.group()
def mirror() -> None:
    """Show what is hosted, and take away what nothing names any more."""


@mirror.command("show")
@pass_shell
def show_mirror(shell: Shell) -> None:
    """Show how much is hosted, and how much room there is."""
    found = shell.fleet.get("mirror")
    if not shell.as_json:
        bucket = found.pop("bucket", None) or {}
        found |= {f"bucket_{name}": value for name, value in bucket.items()}
        found = {name: value for name, value in found.items() if not isinstance(value, list)}
    shell.thing(found)


@mirror.command("releases")
@pass_shell
def list_hosted(shell: Shell) -> None:
    """List what each release holds of the disk, and what is missing there."""
    columns = ("id", "version", "architecture", "files", "size", "missing")
    shell.rows(shell.fleet.every("mirror/releases"), columns)


@mirror.command("downloads")
@click.option("--days", type=click.IntRange(1, 366), default=30, show_default=True)
@pass_shell
def list_downloads(shell: Shell, days: int) -> None:
    """List of which payloads the most was sent lately."""
    found = shell.fleet.get("mirror/downloads", days=days)
    columns = (
        "version",
        "architecture",
        "name",
        "whole",
        "partial",
        "redirected",
        "boots",
        "size",
    )
    shell.rows(iter(found["payloads"]), columns)


@mirror.command()
@click.option("--delete", is_flag=True, help="Take away what would go.")
@WHY
@pass_shell
def collect(shell: Shell, why: str | None, *, delete: bool) -> None:
    """Say what no release names and what would go; nothing goes without --delete."""
    path = "mirror/collection"
    found = shell.fleet.send("POST", path, {"why": why or ""}) if delete else shell.fleet.get(path)
    shell.rows(_pieces(found), ("place", "goes", "size", "why"))


def _pieces(found: Thing) -> Iterator[Thing]:
    yield from found["pieces"]
