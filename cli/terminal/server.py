"""The server: how it is asked, what goes wrong, and what it tells for ever."""

import json
import os
import stat
import time
import uuid
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import click
import requests

from terminal.printing import Thing, plain

VERSION = "0.1.0"
REFUSED, NOT_FOUND, NOT_ALLOWED, UNREACHABLE, CONFLICT = 1, 3, 4, 5, 6
EXITS = {401: NOT_ALLOWED, 403: NOT_ALLOWED, 404: NOT_FOUND, 412: CONFLICT, 428: CONFLICT}
EXITS |= dict.fromkeys((429, 500, 502, 503, 504), UNREACHABLE)
TOKEN_FILE = "~/.config/oemfleet/token"  # noqa: S105 - where it is, and not what
TRIES, PAGE_ROWS = 3, 500
STREAM_SILENCE_SECONDS, MOST_PAUSE_SECONDS = 60, 30


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
                return checked(self.session.request(method, address, **given))
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

    def bring(self, path: str, file: Path) -> Thing:
        """Send a file, however long it takes; what has become of it."""
        with file.open("rb") as body:
            headers = {"Content-Type": "application/octet-stream"}
            return dict(self.ask("PUT", path, data=body, headers=headers, timeout=None).json())

    def read(self, path: str) -> tuple[Thing, str]:
        """A thing that is to be changed, and the ETag of what was read."""
        answer = self.ask("GET", path)
        return dict(answer.json()), answer.headers["ETag"]

    def every(self, path: str, **parameters: Any) -> Iterator[Thing]:
        """All rows of a list, page by page."""
        page = self.get(path, **{"limit": PAGE_ROWS} | parameters)
        while True:
            yield from page["items"]
            if not page["next"]:
                return
            page = self.get(page["next"])

    def find(self, what: str, text: str) -> Thing:
        """The one node, group, channel, release, upstream or advisory of an id or a name."""
        if text.isdecimal():
            return self.get(f"{what}/{text}")
        if what in {"advisories", "upstreams"}:
            return self._called(what, text)
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

    def _called(self, what: str, name: str) -> Thing:
        """The one thing of a name, of a list so short that nothing narrows it."""
        for one in self.every(what):
            if one["name"] == name:
                return one
        raise Failed(f"Nothing in {what} is called {name}.", NOT_FOUND)

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


def checked(answer: requests.Response) -> requests.Response:
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
    raise Failed("\n  ".join(map(plain, words)), EXITS.get(answer.status_code, REFUSED))


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


def token() -> str:
    """The token that is kept on this machine; a file that others may read is refused."""
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
