"""Several processes run as one: started in order, restarted when they end, ended in reverse.

One thread does it all, so that no lock is held when a child is forked. Each child leads a process
group, through which its own children are ended with it. On Linux every child is told by the kernel
when the supervisor dies, however it dies; elsewhere a supervisor that is killed with SIGKILL
leaves its children behind.
"""

import ctypes
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import FrameType
from typing import Self

TICK_SECONDS = 0.25
# How long a child may take over its end before it is killed.
PATIENCE_SECONDS = 15.0
# A child that ran this long before it ended has failed for the first time.
STEADY_SECONDS = 60.0
MAX_DELAY_SECONDS = 10
OWN_NAME = "fleet"
_NAME_WIDTH = 8
_CHUNK = 65536
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class Process:
    """One run of a program, and the pipe that it speaks through."""

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str]) -> None:
        supervisor = os.getpid()
        self.started_at = time.monotonic()
        self.pipe, theirs = os.pipe()
        os.set_blocking(self.pipe, False)
        self._begun_line = b""
        self._popen = subprocess.Popen(  # noqa: S603 - a command of our own, without a shell
            argv,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
            process_group=0,
            preexec_fn=lambda: _die_with(supervisor),  # noqa: PLW1509 - there is one thread
        )
        os.close(theirs)

    def lines(self) -> list[str] | None:
        """The whole lines that it said since the last call; None when it will say no more."""
        try:
            chunk = os.read(self.pipe, _CHUNK)
        except BlockingIOError:
            return []
        if not chunk:
            return None
        *whole, self._begun_line = (self._begun_line + chunk).split(b"\n")
        return [line.decode(errors="replace") for line in whole]

    def last_words(self) -> list[str]:
        """What it said and nobody has read yet."""
        words: list[str] = []
        while lines := self.lines():
            words += lines
        return words + ([self._begun_line.decode(errors="replace")] if self._begun_line else [])

    def status(self) -> int | None:
        """The exit status, or None while it runs."""
        return self._popen.poll()

    def ask_to_end(self) -> None:
        """Send SIGTERM to the process; its own children are its own affair."""
        self._popen.terminate()

    def clear_up(self) -> None:
        """End what is left of it and of its children."""
        with suppress(ProcessLookupError):
            os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.wait()
        os.close(self.pipe)


@dataclass
class Child:
    """One program among several, and how often it failed."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str]
    process: Process | None = field(default=None, init=False)
    failures: int = field(default=0, init=False)
    due_at: float = field(default=0.0, init=False)

    def failed(self, *, ran_seconds: float, now: float) -> int:
        """Plan the next start; give the seconds until then."""
        self.failures = self.failures + 1 if ran_seconds < STEADY_SECONDS else 1
        delay = min(self.failures, MAX_DELAY_SECONDS)
        self.due_at = now + delay
        return delay


class Supervisor:
    """The programs that are run as one, for the length of a `with` block.

    SIGTERM, SIGINT and SIGHUP set `stopping`; a second one ends the patience with the children.
    """

    def __init__(self) -> None:
        self.stopping = False
        self._patient = True
        self._children: list[Child] = []
        self._selector = selectors.DefaultSelector()
        self._handlers: dict[int, Callable[[int, FrameType | None], object] | int | None] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            self._handlers[number] = signal.signal(number, self._asked_to_stop)
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping = True
        for child in reversed(self._children):
            if child.process is not None:
                self._end(child, child.process)
        self._selector.close()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def start(self, name: str, argv: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start a program that is to run for as long as we do."""
        child = Child(name, argv, environment)
        self._children.append(child)
        self._start(child)

    def finish(self, name: str, argv: Sequence[str], environment: Mapping[str, str]) -> bool:
        """Run a program to its end; tell whether it ended, and well."""
        child = Child(name, argv, environment)
        process = self._start(child)
        self.wait_until(lambda: process.status() is not None)
        self._end(child, process)
        return process.status() == 0

    def wait_until(self, ready: Callable[[], bool], *, seconds: float = float("inf")) -> bool:
        """Keep everything running until something is so; False when we stop or time is over."""
        deadline = time.monotonic() + seconds
        while not self.stopping and time.monotonic() < deadline:
            if ready():
                return True
            self._tick()
        return False

    def run(self) -> None:
        """Keep everything running until we are asked to stop."""
        while not self.stopping:
            self._tick()

    def say(self, text: str, *, name: str = OWN_NAME) -> None:
        """Print one line under a name."""
        try:
            sys.stdout.write(f"{name:<{_NAME_WIDTH}}| {text}\n")
            sys.stdout.flush()
        except OSError:  # nobody reads any more
            self.stopping = True

    def _asked_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._patient = not self.stopping
        self.stopping = True

    def _start(self, child: Child) -> Process:
        child.process = Process(child.argv, child.environment)
        self._selector.register(child.process.pipe, selectors.EVENT_READ, child)
        return child.process

    def _tick(self) -> None:
        """Pass on what children say for a moment, and start those again that ended."""
        self._listen()
        for child in self._children:
            if child.process is not None:
                self._look_after(child, child.process)
            elif time.monotonic() >= child.due_at:
                self._start(child)

    def _look_after(self, child: Child, process: Process) -> None:
        status = process.status()
        if status is None:
            return
        now = time.monotonic()
        delay = child.failed(ran_seconds=now - process.started_at, now=now)
        self._put_away(child, process)
        how = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
        self.say(f"{child.name} {how}: starting it again in {delay} s")

    def _listen(self) -> None:
        for key, _events in self._selector.select(TICK_SECONDS):
            child: Child = key.data
            lines = child.process.lines() if child.process is not None else None
            if lines is None:
                self._selector.unregister(key.fd)
            for line in lines or ():
                self.say(line, name=child.name)

    def _end(self, child: Child, process: Process) -> None:
        """End a child, in peace if it can."""
        process.ask_to_end()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while process.status() is None and time.monotonic() < deadline and self._patient:
            self._listen()
        if process.status() is None:
            self.say(f"{child.name} does not end: killing it")
        self._put_away(child, process)

    def _put_away(self, child: Child, process: Process) -> None:
        """Pass on the last words of a child, and clear up after it."""
        for line in process.last_words():
            self.say(line, name=child.name)
        with suppress(KeyError):  # it may have closed its end long ago
            self._selector.unregister(process.pipe)
        process.clear_up()
        child.process = None


def _die_with(supervisor: int) -> None:
    """Ask the kernel, in a child before it becomes its program, to end it with its parent."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != supervisor:
            os._exit(1)
