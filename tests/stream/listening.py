"""A real server with its streams, and listeners that speak to it over sockets."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import uvicorn
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore

from fleet.asgi import Fleet
from fleet.http import Protocol
from oemupdates.models import Group, Node, Operator
from oemupdates.services.groups import groups
from tests.services.makers import seeded_group

DEADLINE_SECONDS = 20
TICK_SECONDS = 0.05


def session_of(operator: Operator) -> str:
    """The key of a session in which an operator is logged in."""
    session = SessionStore()
    session[SESSION_KEY] = str(operator.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = operator.get_session_auth_hash()
    session.create()
    assert session.session_key
    return session.session_key


class Running:
    """A running server."""

    def __init__(self, fleet: Fleet, server: uvicorn.Server, address: tuple[str, int]) -> None:
        self.fleet, self.server, self.address = fleet, server, address

    @property
    def hub(self) -> Any:
        assert self.fleet.events is not None
        return self.fleet.events.hub

    def wait_for(self, streams: int) -> None:
        """Wait until so many streams are open."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while len(self.hub) != streams:
            assert time.monotonic() < deadline, f"{len(self.hub)} streams"
            time.sleep(0.01)

    def looks(self) -> None:
        """Wait until whoever is listening has been seen by a look of its own."""
        looking = self.hub._looking
        before = looking.looks
        deadline = time.monotonic() + DEADLINE_SECONDS
        while looking.looks < before + 2:
            assert time.monotonic() < deadline
            time.sleep(0.01)


@contextmanager
def running() -> Iterator[Running]:
    """A server from its start to its end."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        fleet = Fleet()
        config = uvicorn.Config(
            fleet, http=Protocol, lifespan="on", log_level="warning", access_log=False
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            deadline = time.monotonic() + DEADLINE_SECONDS
            while not server.started:
                assert thread.is_alive()
                assert time.monotonic() < deadline
                time.sleep(0.01)
            it = Running(fleet, server, listener.getsockname())
            it.hub.tick_seconds = TICK_SECONDS
            it.hub._lookout = counting(it.hub._lookout)
            yield it
        finally:
            server.should_exit = True
            thread.join(DEADLINE_SECONDS)
            assert not thread.is_alive()


def counting(lookout: Any) -> Any:
    """Let a lookout tell how often it looked."""

    class Counting(lookout):  # type: ignore[misc]
        looks = 0

        def look(self, nodes: Any) -> Any:
            found = super().look(nodes)
            self.looks += 1
            return found

    return Counting


class Listener:
    """Somebody who listens."""

    def __init__(
        self, address: tuple[str, int], topics: str, *, session: str = "", **headers: str
    ) -> None:
        self.connection = socket.create_connection(address, timeout=DEADLINE_SECONDS)
        sent = {"Host": "testserver", **{k.replace("_", "-"): v for k, v in headers.items()}}
        if session:
            sent["Cookie"] = f"{settings.SESSION_COOKIE_NAME}={session}"
        lines = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
        self.connection.sendall(f"GET /events?topics={topics} HTTP/1.1\r\n{lines}\r\n".encode())
        self.file = self.connection.makefile("rb")
        self.status = int(self.file.readline().split()[1])
        self.headers: dict[str, str] = {}
        while line := self.file.readline().strip():
            name, _, value = line.decode().partition(":")
            self.headers[name.lower()] = value.strip()

    def event(self) -> tuple[str, dict[str, Any], str] | None:
        """The next event with its data and id; None at the stream's end."""
        name = identity = ""
        data: dict[str, Any] = {}
        while True:
            line = self._line()
            if line is None:
                return None
            field, _, value = line.partition(": ")
            if field == "event":
                name = value
            elif field == "id":
                identity = value
            elif field == "data":
                data = json.loads(value)
            elif not line and name:
                return name, data, identity

    def changed(self) -> dict[str, Any]:
        """The data of the next `changed`."""
        while (found := self.event()) and found[0] != "changed":
            pass
        assert found, "the stream ended"
        return found[1]

    def activity(self) -> tuple[str, str]:
        """The verb of the next activity, and its id."""
        while (found := self.event()) and found[0] != "activity":
            pass
        assert found, "the stream ended"
        return found[1]["verb"], found[2]

    def words(self) -> str:
        """Why there is no stream."""
        return self.file.read(int(self.headers["content-length"])).decode()

    def _line(self) -> str | None:
        """A line of the body, which comes in chunks: sizes stand on lines of their own."""
        line = self.file.readline()
        while line and (not line.endswith(b"\n") or line.endswith(b"\r\n")):
            if line == b"0\r\n":
                return None
            line = self.file.readline()
        return line.decode().rstrip("\n") if line else None

    def close(self) -> None:
        self.file.close()
        self.connection.close()


def other_group() -> Group:
    return seeded_group("beta")


def see(node: Node) -> None:
    """What a check-in leaves behind."""
    seen = node.last_seen_at + timedelta(minutes=45)
    Node.objects.filter(pk=node.pk).update(last_seen_at=seen)


def switch(group: Group, *, on: bool) -> None:
    groups.switch_updates(group, by=None, on=on, why="a test")
