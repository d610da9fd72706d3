"""Releases: shown, blocked and unblocked, completed, removed."""

from pathlib import Path

import click

from terminal.shell import BECAUSE, WHY, Shell, pass_shell


@click.group()
def releases() -> None:
    """Show, block, unblock, complete and remove releases."""


@releases.command("list")
@pass_shell
def list_releases(shell: Shell) -> None:
    """List the releases, the newest first."""
    columns = ("id", "version", "architecture", "blocked_because")
    shell.rows(shell.fleet.every("releases"), columns)


@releases.command("show")
@click.argument("release")
@pass_shell
def show_release(shell: Shell, release: str) -> None:
    """Show a release: by id, version, or version/architecture."""
    shell.thing(shell.fleet.find("releases", release))


@releases.command()
@click.argument("release")
@BECAUSE
@pass_shell
def block(shell: Shell, release: str, because: str) -> None:
    """Offer a release to nobody from now on."""
    path = f"releases/{shell.fleet.find('releases', release)['id']}/block"
    shell.done(shell.fleet.send("POST", path, {"reason": because}), f"{release} is blocked.")


@releases.command()
@click.argument("release")
@WHY
@pass_shell
def unblock(shell: Shell, release: str, why: str | None) -> None:
    """Let a release be offered again."""
    path = f"releases/{shell.fleet.find('releases', release)['id']}/unblock"
    done = shell.fleet.send("POST", path, {"why": why or ""})
    shell.done(done, f"{release} may be offered again.")


@releases.command("forget-origin")
@click.argument("release")
@click.argument("url")
@WHY
@pass_shell
def forget_origin(shell: Shell, release: str, url: str, why: str | None) -> None:
    """Send nodes to one of a release's origins no more."""
    path = f"releases/{shell.fleet.find('releases', release)['id']}/forget-origin"
    done = shell.fleet.send("POST", path, {"url": url, "why": why or ""})
    shell.done(done, f"{url} is no origin of {release} any more.")


@releases.command()
@click.argument("release")
@pass_shell
def remove(shell: Shell, release: str) -> None:
    """Remove a release that no channel offers and no node ran lately."""
    path = f"releases/{shell.fleet.find('releases', release)['id']}"
    _found, etag = shell.fleet.read(path)
    shell.done(shell.fleet.send("DELETE", path, etag=etag), f"{release} is removed.")


@releases.command()
@click.argument("release")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@pass_shell
def add(shell: Shell, release: str, file: Path) -> None:
    """Add a payload file to a release, as oem-azure.gz; it is verified first."""
    path = f"releases/{shell.fleet.find('releases', release)['id']}/payloads/{file.name}"
    shell.done(shell.fleet.bring(path, file), f"{file.name} of {release} is verified.")
