#!/usr/bin/env python3
"""OEM Fleet from a terminal or a script, over its REST API.

Needs Python 3.11, click and requests. The server is OEMFLEET_URL, the token OEMFLEET_TOKEN or the
content of OEMFLEET_TOKEN_FILE (~/.config/oemfleet/token), which nobody else may read.

Exit codes: 0 done, 1 refused, 2 wrong usage, 3 not found, 4 not allowed, 5 cannot reach the
server, 6 changed by somebody else meanwhile.
"""

import json
import os
import stat
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import click
import requests

VERSION = "0.1.0"
REFUSED, NOT_FOUND, NOT_ALLOWED, UNREACHABLE, CONFLICT = 1, 3, 4, 5, 6
EXITS = {401: NOT_ALLOWED, 403: NOT_ALLOWED, 404: NOT_FOUND, 412: CONFLICT, 428: CONFLICT}
EXITS |= dict.fromkeys((429, 500, 502, 503, 504), UNREACHABLE)
TOKEN_FILE = "~/.config/oemfleet/token"  # noqa: S105 - where it is, and not what
TRIES, PAGE_ROWS = 3, 500
STREAM_SILENCE_SECONDS, MOST_PAUSE_SECONDS = 60, 30
Thing = dict[str, Any]


class Failed(click.ClickException):
    """What went wrong, in the server's words, with the exit code for it."""

    def __init__(self, words: str, exit_code: int = REFUSED) -> None:
        super().__init__(words)
        self.exit_code = exit_code  # type: ignore[misc]


class Bearer(requests.auth.AuthBase):
    """The token; as an `auth` of its own, no .netrc takes its place."""

    def __init__(self, token: str) -> None:
        self.token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Put the token on a request."""
        request.headers["Authorization"] = f"Bearer {self.token}"
        return request


class Fleet:
    """One server, as whoever holds the token sees it."""

    def __init__(self, url: str, token: str, seconds: float) -> None:
        self.root, self.seconds = url.rstrip("/") + "/", seconds
        self.session = requests.Session()
        self.session.auth = Bearer(token)
        self.session.headers["User-Agent"] = f"oemfleet/{VERSION}"

    def ask(self, method: str, path: str, **given: Any) -> requests.Response:
        """One request; what can be asked twice is, if the server cannot be reached."""
        address = urljoin(self.root, path if path.startswith("/") else f"api/v1/{path}")
        if urlsplit(address).netloc != urlsplit(self.root).netloc:
            raise Failed("The server sent an address of another server.", UNREACHABLE)
        given = {"timeout": self.seconds, "allow_redirects": False} | given
        if method == "POST":
            # The same key makes the same request, however often it is sent.
            given["headers"] = {"Idempotency-Key": str(uuid.uuid4())} | given.get("headers", {})
        for left in reversed(range(TRIES if method in {"GET", "POST"} else 1)):
            try:
                return _checked(self.session.request(method, address, **given))
            except requests.RequestException as error:
                if not left:
                    why = type(error).__name__
                    raise Failed(f"{self.root} does not answer ({why}).", UNREACHABLE) from None
                time.sleep(1)
        raise AssertionError

    def get(self, path: str, **parameters: Any) -> Thing:
        """A thing."""
        return dict(self.ask("GET", path, params=parameters).json())

    def send(self, method: str, path: str, said: Thing | None = None, etag: str = "") -> Thing:
        """Change something; what it is then."""
        headers = {"If-Match": etag} if etag else {}
        answer = self.ask(method, path, json=said or {}, headers=headers)
        return dict(answer.json()) if answer.content else {}

    def every(self, path: str, **parameters: Any) -> Iterator[Thing]:
        """All rows of a list, page by page."""
        page = self.get(path, **{"limit": PAGE_ROWS} | parameters)
        while True:
            yield from page["items"]
            if not page["next"]:
                return
            page = self.get(page["next"])

    def find(self, what: str, text: str) -> Thing:
        """The one node, group, channel or release of an id or a name."""
        if text.isdecimal():
            return self.get(f"{what}/{text}")
        name, _, architecture = text.partition("/")
        wanted = {"q": _quoted(text)} if what == "nodes" else {"name": name}
        if what == "releases":
            wanted = {"version": name}
        if architecture and what != "nodes":
            wanted["architecture"] = architecture
        found = list(islice(self.every(what, **wanted), 2))
        exact = [one for one in found if text in {one.get("name"), one.get("machine_id")}]
        found = exact if len(exact) == 1 else found
        if not found:
            raise Failed(f"Nothing in {what} is called {text}.", NOT_FOUND)
        if len(found) > 1:
            hint = "its id" if what == "nodes" else f"{name}/amd64 or {name}/arm64"
            raise Failed(f"More than one of {what} is called {text}: give {hint}.")
        return found[0]

    def follow(self, topics: str) -> Iterator[Thing]:
        """What happens, for ever: it comes back where it was after every break."""
        last, pause = "", 1.0
        while True:
            headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last} if last else {})
            given = {"stream": True, "timeout": (self.seconds, STREAM_SILENCE_SECONDS)}
            try:
                answer = self.ask("GET", f"/events?topics={topics}", headers=headers, **given)
                for event in _events(answer):
                    last, pause = event["id"] or last, 1.0
                    yield event
            except requests.RequestException:
                pass
            except Failed as failed:
                if failed.exit_code != UNREACHABLE:
                    raise
                click.echo(f"{failed.message} Trying again.", err=True)
            time.sleep(pause)
            pause = min(pause * 2, MOST_PAUSE_SECONDS)


def _checked(answer: requests.Response) -> requests.Response:
    """An answer, unless it is a problem."""
    if answer.status_code in range(200, 300):
        return answer
    try:
        problem = answer.json()
        words = [problem.get("detail", "")]
        for fault in problem.get("errors", []):
            where = fault.get("pointer") or fault.get("parameter") or "the body"
            words.append(f"{where}: {fault['detail']}")
    except (ValueError, AttributeError, KeyError):
        words = [f"The server answered {answer.status_code} {answer.reason}."]
    raise Failed("\n  ".join(map(_plain, words)), EXITS.get(answer.status_code, REFUSED))


def _events(answer: requests.Response) -> Iterator[Thing]:
    """Server-Sent Events, as far as this server sends them."""
    event = {"event": "message", "data": "", "id": ""}
    for line in answer.iter_lines(chunk_size=1, decode_unicode=True):
        if not line:
            if event["data"]:
                yield event | {"data": json.loads(event["data"])}
            event = {"event": "message", "data": "", "id": ""}
            continue
        field, _, value = line.partition(":")
        if field in event:
            event[field] += value.removeprefix(" ") if field == "data" else ""
            event[field] = value.removeprefix(" ") if field != "data" else event[field]


def _quoted(text: str) -> str:
    """A word of the query box, whatever is in it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _plain(value: object) -> str:
    """A value on one line of a terminal: nodes choose their names, and escapes are no names."""
    if isinstance(value, dict):
        value = value.get("name") or value.get("version") or value.get("username") or ""
    text = "" if value is None else {True: "yes", False: ""}.get(value, str(value))  # type: ignore[call-overload]
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)


def _token() -> str:
    """The token; a file that others may read is refused."""
    if token := os.environ.get("OEMFLEET_TOKEN"):
        return token.strip()
    path = Path(os.environ.get("OEMFLEET_TOKEN_FILE", TOKEN_FILE)).expanduser()
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise click.UsageError(f"{path} can be read by others: chmod 600 {path}")
        return path.read_text().strip()
    except OSError:
        raise click.UsageError(
            f"Set OEMFLEET_TOKEN, or keep the token in {path} (mode 600)."
        ) from None


class Shell:
    """What every command shares: the server, and how to answer."""

    def __init__(self, url: str, seconds: float, *, as_json: bool) -> None:
        self.url, self.seconds, self.as_json = url, seconds, as_json
        self._fleet: Fleet | None = None

    @property
    def fleet(self) -> Fleet:
        """The server; nobody needs a token to read the help."""
        if not self.url:
            raise click.UsageError("Set OEMFLEET_URL, such as https://fleet.example.net")
        self._fleet = self._fleet or Fleet(self.url, _token(), self.seconds)
        return self._fleet

    def rows(self, rows: Iterator[Thing], columns: Sequence[str]) -> None:
        """Print a list: a table, or a JSON value a line."""
        if self.as_json:
            for row in rows:
                click.echo(json.dumps(row))
            return
        lines = [[_plain(row.get(name)) for name in columns] for row in rows]
        table = [[name.upper() for name in columns], *lines]
        widths = [max(len(line[n]) for line in table) for n in range(len(columns))]
        for line in table:
            cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
            click.echo("  ".join(cells).rstrip())

    def thing(self, thing: Thing) -> None:
        """Print one thing: a line a field, or JSON."""
        if self.as_json:
            click.echo(json.dumps(thing))
            return
        width = max((len(name) for name in thing), default=0)
        for name, value in thing.items():
            click.echo(f"{name.ljust(width)}  {_plain(value)}".rstrip())

    def done(self, thing: Thing, words: str) -> None:
        """Say what was done."""
        click.echo(json.dumps(thing) if self.as_json else _plain(words))


pass_shell = click.make_pass_decorator(Shell)


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, help=__doc__)
@click.option("--url", envvar="OEMFLEET_URL", help="The server.")
@click.option("--timeout", "seconds", default=30.0, show_default=True, help="Seconds to wait.")
@click.option("--json", "as_json", is_flag=True, help="JSON instead of tables.")
@click.pass_context
def main(context: click.Context, url: str, seconds: float, *, as_json: bool) -> None:
    """Begin."""
    context.obj = Shell(url or "", seconds, as_json=as_json)


@main.group()
def nodes() -> None:
    """Find and show nodes."""


def _filters(command: Any) -> Any:
    """The options of whatever finds nodes."""
    for option in (
        click.option("--query", "-q", "q", help="As in the query box: 'oem:azure os:<4593.2'."),
        click.option("--state", multiple=True),
        click.option("--group", help="A group's name or id."),
        click.option("--oem", multiple=True),
        click.option("--version", multiple=True),
        click.option("--dark", is_flag=True, default=None),
        click.option("--held", is_flag=True, default=None),
    ):
        command = option(command)
    return command


def _wanted(fleet: Fleet, filters: Thing) -> Thing:
    """The options of a command as parameters."""
    wanted = {name: value for name, value in filters.items() if value not in (None, (), False)}
    wanted |= {name: "true" for name in ("dark", "held") if name in wanted}
    if "group" in wanted:
        wanted["group"] = fleet.find("groups", wanted["group"])["id"]
    return wanted


@nodes.command("list")
@_filters
@click.option("--limit", type=click.IntRange(1), help="How many at most; all without it.")
@pass_shell
def list_nodes(shell: Shell, /, limit: int | None, **filters: Any) -> None:
    """List nodes, the newest first."""
    rows = shell.fleet.every("nodes", **_wanted(shell.fleet, filters))
    columns = ("id", "name", "alias", "group", "version", "oem", "oem_version", "state")
    shell.rows(islice(rows, limit), columns)


@nodes.command("show")
@click.argument("node")
@pass_shell
def show_node(shell: Shell, node: str) -> None:
    """Show a node: by id, name, alias, machine id or address."""
    shell.thing(shell.fleet.find("nodes", node))


@main.command()
@click.argument("node")
@pass_shell
def explain(shell: Shell, node: str) -> None:
    """Say why a node hears what it hears, and what would change it."""
    found = shell.fleet.find("nodes", node)
    told = shell.fleet.get(f"nodes/{found['id']}/explain")
    if shell.as_json:
        click.echo(json.dumps(told))
        return
    click.echo(f"Offered {_plain(told['offer'])}." if told["offer"] else "Nothing is offered.")
    for reason in told["reasons"]:
        click.echo(f"- {_plain(reason['sentence'])} ({reason['code']})")
        click.echo(f"  {_plain(reason['would_change']['words'])}")


def _act(shell: Shell, node: str, verb: str, words: str, **said: Any) -> None:
    found = shell.fleet.find("nodes", node)
    said = {name: value for name, value in said.items() if value}
    done = shell.fleet.send("POST", f"nodes/{found['id']}/{verb}", said)
    shell.done(done, f"{node} {words}")


WHY = click.option("--why", help="For colleagues to read.")
BECAUSE = click.option("--because", required=True, help="For colleagues to read.")
UNTIL = click.option("--until", help="A time with its zone: 2026-09-01T12:00:00Z.")


@main.command()
@click.argument("node")
@BECAUSE
@UNTIL
@pass_shell
def hold(shell: Shell, node: str, because: str, until: str | None) -> None:
    """Withhold every update from a node."""
    _act(shell, node, "hold", "is held.", because=because, until=until)


@main.command()
@click.argument("node")
@WHY
@pass_shell
def release(shell: Shell, node: str, why: str | None) -> None:
    """Take the hold off a node."""
    _act(shell, node, "release", "is released.", why=why)


@main.command()
@click.argument("node")
@WHY
@pass_shell
def retry(shell: Shell, node: str, why: str | None) -> None:
    """Forget a node's failures, so that it may be offered the same again."""
    _act(shell, node, "retry", "may try again.", why=why)


@main.command()
@click.argument("node")
@click.argument("group")
@BECAUSE
@UNTIL
@pass_shell
def move(shell: Shell, node: str, group: str, because: str, until: str | None) -> None:
    """Put a node into a group, whatever its track says."""
    target = shell.fleet.find("groups", group)["id"]
    _act(shell, node, "move", f"is in {group}.", group=target, because=because, until=until)


@main.command()
@click.argument("node")
@click.argument("label")
@WHY
@pass_shell
def label(shell: Shell, node: str, label: str, why: str | None) -> None:
    """Write a label on a node: rack=7, or canary; rack- takes it off."""
    key, _, value = label.removesuffix("-").partition("=")
    found = shell.fleet.find("nodes", node)
    path = f"nodes/{found['id']}/labels"
    if label.endswith("-"):
        done = shell.fleet.send("POST", f"{path}/remove", {"key": key, "why": why or ""})
    else:
        said = {"key": key, "value": value, "why": why or ""}
        done = shell.fleet.send("POST", path, said)
    shell.done(done, f"{node} is labelled.")


@main.group()
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


@main.command()
@pass_shell
def channels(shell: Shell) -> None:
    """List the channels with their targets."""
    shell.rows(shell.fleet.every("channels"), ("id", "name", "architecture", "target"))


@main.group()
def releases() -> None:
    """Show, block and unblock releases."""


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


@main.command()
@click.argument("what", type=click.Choice(["nodes", "groups", "channels", "releases", "activity"]))
@click.option("--format", "form", type=click.Choice(["csv", "json"]), default="csv")
@_filters
@pass_shell
def export(shell: Shell, /, what: str, form: str, **filters: Any) -> None:
    """Write a whole list to standard output; filters are for nodes."""
    wanted = _wanted(shell.fleet, filters)
    if wanted and what != "nodes":
        raise click.UsageError("Filters are for nodes.")
    if form == "json":
        for row in shell.fleet.every(what, **wanted):
            click.echo(json.dumps(row))
        return
    answer = shell.fleet.ask("GET", what, params=wanted | {"format": "csv"}, stream=True)
    for chunk in answer.iter_content(1 << 16):
        sys.stdout.buffer.write(chunk)


@main.command()
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1))
@pass_shell
def activity(shell: Shell, limit: int) -> None:
    """List what was done, the newest first."""
    rows = islice(shell.fleet.every("activity", limit=min(limit, PAGE_ROWS)), limit)
    shell.rows(rows, ("at", "actor", "verb", "subject", "why"))


@main.command()
@click.option("--count", type=click.IntRange(1), help="Stop after so many.")
@pass_shell
def follow(shell: Shell, count: int | None) -> None:
    """Print what is done as it is done, without a gap after a break."""
    events = (one for one in shell.fleet.follow("activity") if one["event"] == "activity")
    for event in islice(events, count):
        done = event["data"]
        words = (done["at"], done["actor"] or "the system", done["verb"], done["subject"])
        click.echo(json.dumps(done) if shell.as_json else "  ".join(map(_plain, words)))


@main.command()
@pass_shell
def me(shell: Shell) -> None:
    """Say who the token is, and what it may do."""
    found = shell.fleet.get("me")
    if not shell.as_json:
        found["roles"] = ", ".join(role["role"] for role in found["roles"])
        found["permissions"] = ", ".join(one["permission"] for one in found["permissions"])
    shell.thing(found)


@main.command()
@pass_shell
def version(shell: Shell) -> None:
    """Print the version of this tool."""
    shell.thing({"oemfleet": VERSION})


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:  # somebody had read enough
        sys.stdout = None
