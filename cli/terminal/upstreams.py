"""Upstreams: where releases come from, who follows, how syncs go, and what is decided on."""

import time
from typing import Any

import click

from terminal.printing import Thing, plain
from terminal.server import NOT_FOUND, Failed
from terminal.shell import WHY, Shell, pass_shell

_UNDER_WAY = {"waiting", "running"}
_LOOK_SECONDS = 1.0


@click.group()
def upstreams() -> None:
    """Show where releases come from, and fetch them."""


@upstreams.command("list")
@pass_shell
def list_upstreams(shell: Shell) -> None:
    """List the upstreams."""
    columns = ("id", "name", "kind", "policy", "interval_minutes", "is_enabled", "address")
    shell.rows(shell.fleet.every("upstreams"), columns)


@upstreams.command("show")
@click.argument("upstream")
@pass_shell
def show_upstream(shell: Shell, upstream: str) -> None:
    """Show an upstream: by id or name."""
    shell.thing(shell.fleet.find("upstreams", upstream))


@upstreams.command()
@click.argument("upstream")
@pass_shell
def followers(shell: Shell, upstream: str) -> None:
    """List the channels that follow an upstream, and how their syncs go."""
    path = f"upstreams/{shell.fleet.find('upstreams', upstream)['id']}/followers"
    columns = ("id", "channel", "track", "next_run_at", "last_success_at", "failures")
    shell.rows(shell.fleet.every(path), columns)


@upstreams.command("follow")
@click.argument("upstream")
@click.argument("channel")
@click.option("--track", help="What the channel is called over there, if otherwise.")
@pass_shell
def follow_upstream(shell: Shell, upstream: str, channel: str, track: str | None) -> None:
    """Let a channel get its releases from an upstream."""
    path = f"upstreams/{shell.fleet.find('upstreams', upstream)['id']}/followers"
    said = {"channel": shell.fleet.find("channels", channel)["id"], "track": track or ""}
    shell.done(shell.fleet.send("POST", path, said), f"{channel} follows {upstream}.")


@upstreams.command()
@click.argument("upstream")
@click.argument("channel")
@pass_shell
def unfollow(shell: Shell, upstream: str, channel: str) -> None:
    """Let a channel get no more releases from an upstream."""
    path = f"upstreams/{shell.fleet.find('upstreams', upstream)['id']}/followers"
    key = shell.fleet.find("channels", channel)["id"]
    for one in shell.fleet.every(path):
        if one["channel"] == key:
            done = shell.fleet.send("POST", f"{path}/{one['id']}/remove")
            shell.done(done, f"{channel} follows {upstream} no longer.")
            return
    raise Failed(f"{channel} does not follow {upstream}.", NOT_FOUND)


@upstreams.command()
@click.argument("upstream")
@click.argument("on", type=click.Choice(["on", "off"]))
@WHY
@pass_shell
def switch(shell: Shell, upstream: str, on: str, why: str | None) -> None:
    """Ask an upstream for releases, or for nothing."""
    path = f"upstreams/{shell.fleet.find('upstreams', upstream)['id']}/active"
    done = shell.fleet.send("POST", path, {"on": on == "on", "why": why or ""})
    shell.done(done, f"{upstream} is {on}.")


@upstreams.command()
@click.argument("upstream")
@click.argument("channel")
@click.option("--version", help="One version by its number, instead of what is offered.")
@click.option("--try", "is_dry", is_flag=True, help="Say what would be fetched; fetch nothing.")
@click.option("--wait", is_flag=True, help="Wait for its end; exit code 1 if it fails.")
@pass_shell
def sync(shell: Shell, /, upstream: str, channel: str, **given: Any) -> None:
    """Fetch from an upstream for a channel now; a worker does it."""
    path = f"upstreams/{shell.fleet.find('upstreams', upstream)['id']}/sync"
    said: Thing = {"channel": shell.fleet.find("channels", channel)["id"]}
    said |= {name: given[name] for name in ("version", "is_dry") if given[name]}
    run = shell.fleet.send("POST", path, said)
    if given["wait"]:
        run = _waited(shell, run)
    shell.done(run, _told(run))
    if run["state"] in {"failed", "cancelled"}:
        raise Failed(run["problem"] or f"The sync was {run['state']}.")


def _waited(shell: Shell, run: Thing) -> Thing:
    """A run when it has ended; on the way it says what it does, beside the output."""
    said = ""
    while run["state"] in _UNDER_WAY:
        time.sleep(_LOOK_SECONDS)
        run = shell.fleet.get(f"sync-runs/{run['id']}")
        if run["doing"] and run["doing"] != said:
            said = run["doing"]
            click.echo(plain(said), err=True)
    return run


def _told(run: Thing) -> str:
    """What a run is, or came to."""
    what = "; ".join(run["changes"]) or run["problem"]
    return f"Sync {run['id']} is {run['state']}{': ' + what if what else '.'}"


@click.group()
def syncs() -> None:
    """Show how syncs go, and cancel them."""


@syncs.command("list")
@click.option("--state", help="Those in one state: waiting, running, failed.")
@pass_shell
def list_syncs(shell: Shell, state: str | None) -> None:
    """List the runs, the newest first."""
    found = shell.fleet.every("sync-runs", **({"state": state} if state else {}))
    columns = ("id", "upstream", "channel", "version", "state", "asked_at", "doing", "problem")
    shell.rows(found, columns)


@syncs.command("show")
@click.argument("run", type=int)
@pass_shell
def show_sync(shell: Shell, run: int) -> None:
    """Show how far a run is, and what it came to."""
    shell.thing(shell.fleet.get(f"sync-runs/{run}"))


@syncs.command("cancel")
@click.argument("run", type=int)
@WHY
@pass_shell
def cancel_sync(shell: Shell, run: int, why: str | None) -> None:
    """End a run within seconds; what it fetched is kept for the next."""
    done = shell.fleet.send("POST", f"sync-runs/{run}/cancel", {"why": why or ""})
    shell.done(done, f"Sync {run} is cancelled.")


@click.group()
def proposals() -> None:
    """Decide on releases that channels might move to."""


@proposals.command("list")
@click.option("--state", default="open", show_default=True)
@pass_shell
def list_proposals(shell: Shell, state: str) -> None:
    """List the releases that were proposed, the newest first."""
    columns = ("id", "upstream", "channel", "release", "state", "made_at", "decided_at")
    shell.rows(shell.fleet.every("proposals", state=state), columns)


@proposals.command()
@click.argument("proposal", type=int)
@WHY
@pass_shell
def accept(shell: Shell, proposal: int, why: str | None) -> None:
    """Move the channel to the proposed release, with its floors."""
    done = shell.fleet.send("POST", f"proposals/{proposal}/accept", {"why": why or ""})
    shell.done(done, f"Proposal {proposal} is accepted.")


@proposals.command()
@click.argument("proposal", type=int)
@WHY
@pass_shell
def dismiss(shell: Shell, proposal: int, why: str | None) -> None:
    """Leave the channel where it is; the release is not proposed again."""
    done = shell.fleet.send("POST", f"proposals/{proposal}/dismiss", {"why": why or ""})
    shell.done(done, f"Proposal {proposal} is dismissed.")
