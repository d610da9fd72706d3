"""Advisories: which holes are known, who has them, and what clears them."""

from collections.abc import Iterator

import click

from terminal import printing
from terminal.printing import Thing
from terminal.shell import Shell, pass_shell

IMAGE = ("image", "version", "architecture", "build")


@click.command()
@click.argument("name", required=False)
@pass_shell
def advisories(shell: Shell, name: str | None) -> None:
    """List the known holes; of one, by name, say which images have it and what clears it.

    Its nodes: oemfleet nodes list -q exposed:CVE-2025-41244
    """
    if name:
        _show(shell, name)
        return
    found = shell.fleet.every("advisories")
    columns = ("id", "name", "published", "modified", "is_own", "summary")
    shell.rows(found if shell.as_json else (one["content"] | one for one in found), columns)


def _show(shell: Shell, name: str) -> None:
    known = shell.fleet.find("advisories", name)
    held = shell.fleet.get(f"advisories/{known['id']}/exposure")
    if shell.as_json:
        shell.thing(known | held)
        return
    told = ("nodes", "unknown_nodes", "node_days", "since")
    about = {one: known["content"].get(one) for one in ("summary", "published")}
    shell.thing({"name": known["name"]} | about | {one: held[one] for one in told})
    _table("Images with it", held["images"], "package", "package_version", "nodes", "cleared_by")
    _table("Not known of", held["unknown"], "nodes", "why")


def _table(title: str, found: list[Thing], *columns: str) -> None:
    """A table under its title; none of nothing."""
    if found:
        click.echo(f"\n{title}:")
        printing.rows(_images(found), (*IMAGE, *columns))


def _images(found: list[Thing]) -> Iterator[Thing]:
    for one in found:
        yield one | {"image": one["oem"] or "OS"}
