"""Channels: shown, aimed at releases, and their floors and dead ends."""

from typing import Any

import click

from terminal.printing import Thing, plain, rows
from terminal.server import NOT_FOUND, Failed, Fleet
from terminal.shell import BECAUSE, WHY, Shell, pass_shell


def _release(fleet: Fleet, channel: Thing, text: str) -> Thing:
    """A release of a channel's architecture, by id or version."""
    whole = text.isdecimal() or "/" in text
    return fleet.find("releases", text if whole else f"{text}/{channel['architecture']}")


@click.group()
def channels() -> None:
    """Show channels, and set what their groups should run."""


@channels.command("list")
@pass_shell
def list_channels(shell: Shell) -> None:
    """List the channels with their targets."""
    shell.rows(shell.fleet.every("channels"), ("id", "name", "architecture", "target"))


@channels.command("show")
@click.argument("channel")
@pass_shell
def show_channel(shell: Shell, channel: str) -> None:
    """Show a channel: where its nodes stand, its floors and dead ends."""
    found = shell.fleet.find("channels", channel)
    summary = shell.fleet.get(f"channels/{found['id']}/summary")
    shell.thing(summary | found)


@channels.command()
@click.argument("channel")
@click.argument("release", required=False)
@click.option("--none", "is_none", is_flag=True, help="No target: nothing is offered.")
@click.option("--try", "is_tried", is_flag=True, help="Say what would follow; change nothing.")
@WHY
@pass_shell
def target(shell: Shell, /, channel: str, release: str | None, **given: Any) -> None:
    """Set what a channel's groups should run."""
    if bool(release) is given["is_none"]:
        raise click.UsageError("Name a release, or say --none.")
    fleet = shell.fleet
    found, etag = fleet.read(f"channels/{fleet.find('channels', channel)['id']}")
    aim = _release(fleet, found, release) if release else None
    path = f"channels/{found['id']}"
    if given["is_tried"]:
        if aim is None:
            raise click.UsageError("Try a release.")
        _print_preview(shell, fleet.get(f"{path}/preview", release=aim["id"]))
        return
    said = {"release": aim["id"] if aim else None, "why": given["why"] or ""}
    done = fleet.send("PUT", f"{path}/target", said, etag=etag)
    words = f"aims at {aim['version']}." if aim else "has no target."
    shell.done(done, f"{channel} {words}")


def _print_preview(shell: Shell, found: Thing) -> None:
    """Say what would follow a new target."""
    if shell.as_json:
        shell.thing(found)
        return
    if found["obstacle"]:
        click.echo(plain(found["obstacle"]))
    rows(iter(found["groups"]), ("name", "direct", "by_floor", "there", "stranded"))
    for floor in found["floors"]:
        click.echo(f"{floor['nodes']} must pass {plain(floor['version'])} first.")
    for one in found["stranded"]:
        click.echo(f"{one['nodes']} of {plain(one['oem']) or 'no OEM'}: {plain(one['reason'])}")


@click.command()
@click.argument("channel")
@pass_shell
def paths(shell: Shell, channel: str) -> None:
    """Walk from every version of a channel's nodes to its target, stranded nodes first."""
    key = shell.fleet.find("channels", channel)["id"]
    found = shell.fleet.get(f"channels/{key}/paths")
    if shell.as_json:
        shell.thing(found)
        return
    for one in found["stranded"]:
        versions = ", ".join(map(plain, one["versions"]))
        oem = plain(one["oem"]) or "no OEM"
        click.echo(f"{one['nodes']} stranded on {versions} ({oem}): {plain(one['reason'])}")
        click.echo(f"  {plain(one['would_change'])}")
    columns = ("version", "nodes", "stranded", "next", "distance", "is_target", "floor")
    rows(iter(found["stops"]), (*columns, "dead_end"))


@click.group()
def floors() -> None:
    """Releases that nodes must pass on the way to any newer one."""


@floors.command("list")
@click.argument("channel")
@pass_shell
def list_floors(shell: Shell, channel: str) -> None:
    """List the floors of a channel."""
    key = shell.fleet.find("channels", channel)["id"]
    shell.rows(shell.fleet.every(f"channels/{key}/floors"), ("id", "release", "reason"))


@floors.command("add")
@click.argument("channel")
@click.argument("release")
@BECAUSE
@pass_shell
def add_floor(shell: Shell, channel: str, release: str, because: str) -> None:
    """Make nodes pass a release."""
    found = shell.fleet.find("channels", channel)
    said = {"release": _release(shell.fleet, found, release)["id"], "reason": because}
    done = shell.fleet.send("POST", f"channels/{found['id']}/floors", said)
    shell.done(done, f"{release} is a floor of {channel}.")


@floors.command("remove")
@click.argument("channel")
@click.argument("version")
@pass_shell
def remove_floor(shell: Shell, channel: str, version: str) -> None:
    """Let nodes pass a release by again."""
    _remove(shell, channel, "floors", version)


@click.group("dead-ends")
def dead_ends() -> None:
    """Versions from which a channel has no way on."""


@dead_ends.command("list")
@click.argument("channel")
@pass_shell
def list_dead_ends(shell: Shell, channel: str) -> None:
    """List the dead ends of a channel."""
    key = shell.fleet.find("channels", channel)["id"]
    shell.rows(shell.fleet.every(f"channels/{key}/dead-ends"), ("id", "version", "reason"))


@dead_ends.command("add")
@click.argument("channel")
@click.argument("version")
@BECAUSE
@pass_shell
def add_dead_end(shell: Shell, channel: str, version: str, because: str) -> None:
    """Offer nothing to nodes of a version."""
    key = shell.fleet.find("channels", channel)["id"]
    said = {"version": version, "reason": because}
    done = shell.fleet.send("POST", f"channels/{key}/dead-ends", said)
    shell.done(done, f"{version} is a dead end of {channel}.")


@dead_ends.command("remove")
@click.argument("channel")
@click.argument("version")
@pass_shell
def remove_dead_end(shell: Shell, channel: str, version: str) -> None:
    """Let nodes of a version go on again."""
    _remove(shell, channel, "dead-ends", version)


def _remove(shell: Shell, channel: str, what: str, version: str) -> None:
    path = f"channels/{shell.fleet.find('channels', channel)['id']}/{what}"
    for one in shell.fleet.every(path):
        if version in {plain(one.get("release")), one.get("version")}:
            shell.done(
                shell.fleet.send("DELETE", f"{path}/{one['id']}"),
                f"{version} is none of the {what} of {channel} any more.",
            )
            return
    raise Failed(f"{channel} has no {version} among its {what}.", NOT_FOUND)
