"""The supervisor, with small programs of its own."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from oemupdates.management import supervisor as module
from oemupdates.management.supervisor import Child, Supervisor

pytestmark = [pytest.mark.processes, pytest.mark.once]
SECONDS = 20.0


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    with Supervisor() as supervisor:
        yield supervisor


def program(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", f"import os, pathlib, signal, subprocess, sys, time\n{code}")


def lines(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


class TestChild:
    def test_waits_longer_after_each_failure_up_to_a_limit(self) -> None:
        child = Child("web", (), {})
        delays = [child.failed(ran_seconds=0.5, now=100.0) for _ in range(12)]
        assert delays == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 10]
        assert child.due_at == 110.0

    def test_is_forgiven_after_a_steady_minute(self) -> None:
        child = Child("web", (), {})
        child.failures = 7
        assert child.failed(ran_seconds=59.9, now=0.0) == 8
        assert child.failed(ran_seconds=60.0, now=0.0) == 1


class TestRunning:
    def test_passes_on_each_line_under_its_name(
        self, supervisor: Supervisor, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert supervisor.finish("web", program("print('one'); sys.stderr.write('two')"), {})
        assert capsys.readouterr().out == "web     | one\nweb     | two\n"

    def test_tells_when_a_program_did_not_go_well(self, supervisor: Supervisor) -> None:
        assert not supervisor.finish("demo", program("sys.exit(1)"), {})

    def test_gives_the_environment_and_nothing_to_read(
        self, supervisor: Supervisor, capsys: pytest.CaptureFixture[str]
    ) -> None:
        code = "print(os.environ['WHERE'], repr(sys.stdin.read()))"
        supervisor.finish("web", program(code), {"WHERE": "here"})
        assert capsys.readouterr().out == "web     | here ''\n"

    def test_starts_again_what_ended(
        self, supervisor: Supervisor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        log = tmp_path / "log"
        supervisor.start("web", program(f"open({str(log)!r}, 'a').write('x\\n'); sys.exit(3)"), {})
        assert supervisor.wait_until(lambda: len(lines(log)) == 3, seconds=SECONDS)
        said = capsys.readouterr().out
        assert "fleet   | web ended with status 3: starting it again in 1 s" in said
        assert "fleet   | web ended with status 3: starting it again in 2 s" in said

    def test_ends_the_children_of_a_child_that_was_killed(
        self, supervisor: Supervisor, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        log = tmp_path / "log"
        code = (
            "other = subprocess.Popen(['sleep', '600'])\n"
            f"open({str(log)!r}, 'a').write(f'{{os.getpid()}} {{other.pid}}\\n'); time.sleep(600)"
        )
        supervisor.start("web", program(code), dict(os.environ))
        assert supervisor.wait_until(lambda: len(lines(log)) == 2, seconds=SECONDS)
        web, other = (int(pid) for pid in lines(log))
        os.kill(web, signal.SIGKILL)
        assert supervisor.wait_until(lambda: len(lines(log)) == 4, seconds=SECONDS)
        assert supervisor.wait_until(lambda: _is_gone(other), seconds=SECONDS)
        assert "web was ended by signal 9" in capsys.readouterr().out

    def test_gives_up_waiting_when_time_is_over(self, supervisor: Supervisor) -> None:
        assert not supervisor.wait_until(lambda: False, seconds=0.1)


class TestEnd:
    def test_ends_the_last_started_first(self, tmp_path: Path) -> None:
        log = tmp_path / "log"
        with Supervisor() as supervisor:
            for name in ("valkey", "web", "worker"):
                _start_polite(supervisor, name, log)
                up = f"{name}-up"
                assert supervisor.wait_until(lambda up=up: up in lines(log), seconds=SECONDS)
        assert lines(log)[3:] == ["worker-down", "web-down", "valkey-down"]

    def test_stops_when_asked(self, tmp_path: Path) -> None:
        log = tmp_path / "log"
        with Supervisor() as supervisor:
            _start_polite(supervisor, "web", log)
            assert supervisor.wait_until(lambda: "web-up" in lines(log), seconds=SECONDS)
            os.kill(os.getpid(), signal.SIGTERM)
            supervisor.run()
        assert lines(log) == ["web-up", "web-down"]

    def test_puts_the_signals_back(self) -> None:
        before = signal.getsignal(signal.SIGTERM)
        with Supervisor():
            assert signal.getsignal(signal.SIGTERM) != before
        assert signal.getsignal(signal.SIGTERM) == before

    def test_kills_what_does_not_end(
        self,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.2)
        log = tmp_path / "log"
        with Supervisor() as supervisor:
            _start_stubborn(supervisor, log)
        assert "fleet   | web does not end: killing it" in capsys.readouterr().out
        assert _is_gone(int(lines(log)[0]))

    def test_is_impatient_when_asked_twice(self, tmp_path: Path) -> None:
        log = tmp_path / "log"
        with Supervisor() as supervisor:
            _start_stubborn(supervisor, log)
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
            began = time.monotonic()
        assert time.monotonic() - began < module.PATIENCE_SECONDS / 2
        assert _is_gone(int(lines(log)[0]))


def _start_polite(supervisor: Supervisor, name: str, log: Path) -> None:
    code = (
        f"log = open({str(log)!r}, 'a', buffering=1)\n"
        f"signal.signal(signal.SIGTERM, lambda *_: (print('{name}-down', file=log), sys.exit()))\n"
        f"print('{name}-up', file=log)\n"
        "time.sleep(600)"
    )
    supervisor.start(name, program(code), {})


def _start_stubborn(supervisor: Supervisor, log: Path) -> None:
    code = (
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"pathlib.Path({str(log)!r}).write_text(f'{{os.getpid()}}')\n"
        "time.sleep(600)"
    )
    supervisor.start("web", program(code), {})
    assert supervisor.wait_until(lambda: bool(lines(log)), seconds=SECONDS)


def _is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
