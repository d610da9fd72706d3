"""Components: their images, and which groups want them."""

from pathlib import Path
from urllib.parse import quote

import click

from terminal.printing import Thing
from terminal.shell import BECAUSE, WHY, Shell, pass_shell


@click.group()
def components() -> None:
    """Show components, add and withdraw their images, and let groups have them.

    Those are extensions with versions of their own, which nodes keep up to date by
    systemd-sysupdate.
    """


@components.command("list")
@pass_shell
def list_components(shell: Shell) -> None:
    """List the components, and the groups that want them."""
    rows = (_told(shell, one) for one in shell.fleet.every("components"))
    shell.rows(rows, ("name", "newest", "images", "groups"))


@components.command("show")
@click.argument("component")
@pass_shell
def show_component(shell: Shell, component: str) -> None:
    """Show a component."""
    shell.thing(_told(shell, shell.fleet.get(_path(component))))


@components.command("images")
@click.argument("component")
@pass_shell
def list_images(shell: Shell, component: str) -> None:
    """List the images of a component, the newest version first."""
    columns = ("version", "architecture", "size", "bound_to", "added_at", "withdrawn_because")
    shell.rows(shell.fleet.every(_path(component, "images")), columns)


@components.command()
@click.argument(
    "files",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@pass_shell
def add(shell: Shell, files: tuple[Path, ...]) -> None:
    """Add images, as kubernetes-v1.31.0-x86-64.raw; the first that is no good ends it."""
    for file in files:
        shell.done(shell.fleet.bring(_path("images", file.name), file), f"{file.name} is hosted.")


@components.command()
@click.argument("component")
@click.argument("version")
@click.argument("architecture")
@BECAUSE
@pass_shell
def withdraw(shell: Shell, component: str, version: str, architecture: str, because: str) -> None:
    """Take an image off all lists; nodes that have it keep it."""
    path = _path(component, "images", version, architecture, "withdraw")
    done = shell.fleet.send("POST", path, {"why": because})
    shell.done(done, f"{component} {version} ({architecture}) is withdrawn.")


@components.command("put-back")
@click.argument("component")
@click.argument("version")
@click.argument("architecture")
@WHY
@pass_shell
def put_back(
    shell: Shell, component: str, version: str, architecture: str, why: str | None
) -> None:
    """Put a withdrawn image back on the lists."""
    path = _path(component, "images", version, architecture, "put-back")
    done = shell.fleet.send("POST", path, {"why": why or ""})
    shell.done(done, f"{component} {version} ({architecture}) is on the lists again.")


@components.command()
@click.argument("component")
@WHY
@pass_shell
def remove(shell: Shell, component: str, why: str | None) -> None:
    """Remove a component that no group wants, with its images."""
    _found, etag = shell.fleet.read(_path(component))
    done = shell.fleet.send("DELETE", _path(component), {"why": why or ""}, etag)
    shell.done(done, f"{component} is removed.")


@components.command()
@click.argument("group")
@pass_shell
def wanted(shell: Shell, group: str) -> None:
    """List what a group wants, and the newest version of that."""
    shell.rows(shell.fleet.every(_of_group(shell, group)), ("component", "up_to", "newest"))


@components.command()
@click.argument("group")
@click.argument("component")
@click.option("--up-to", metavar="VERSION", help="No newer one; the newest without it.")
@WHY
@pass_shell
def want(shell: Shell, group: str, component: str, up_to: str | None, why: str | None) -> None:
    """Let a group's nodes have a component; those that have a newer version keep it."""
    path = _of_group(shell, group, component)
    done = shell.fleet.send("PUT", path, {"up_to": up_to, "why": why or ""})
    which = f"{component} up to {up_to}" if up_to else f"the newest {component}"
    shell.done(done, f"{group} wants {which}.")


@components.command()
@click.argument("group")
@click.argument("component")
@WHY
@pass_shell
def unwant(shell: Shell, group: str, component: str, why: str | None) -> None:
    """Show a group's nodes no more of a component; what they have stays."""
    path = _of_group(shell, group, component)
    _found, etag = shell.fleet.read(path)
    done = shell.fleet.send("DELETE", path, {"why": why or ""}, etag)
    shell.done(done, f"{group} wants {component} no more.")


@components.command()
@click.argument("group")
@pass_shell
def snippet(shell: Shell, group: str) -> None:
    """Print the Butane that new nodes of a group need for what it wants."""
    key = shell.fleet.find("groups", group)["id"]
    found = shell.fleet.get(f"groups/{key}/component-snippet")
    if shell.as_json:
        shell.thing(found)
    else:
        click.echo(found["butane"], nl=False)


def _path(*parts: str) -> str:
    return "/".join(("components", *(quote(part, safe="") for part in parts)))


def _of_group(shell: Shell, group: str, *parts: str) -> str:
    return f"groups/{shell.fleet.find('groups', group)['id']}/{_path(*parts)}"


def _told(shell: Shell, found: Thing) -> Thing:
    """A component in words: which versions are whose, and which groups of one name are meant."""
    if shell.as_json:
        return found
    return found | {
        "newest": [f"{one['version']} ({one['architecture']})" for one in found["newest"]],
        "groups": [f"{one['name']}/{one['architecture']}" for one in found["groups"]],
    }
