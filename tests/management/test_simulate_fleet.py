"""`manage.py simulate_fleet` against a server on this machine."""

import asyncio
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest
from django.core.management import CommandError, call_command

from oemupdates.management.simulation.driver import Driver, Manner
from oemupdates.management.simulation.habits import Fate, Habits
from oemupdates.management.simulation.request import Facts
from oemupdates.management.simulation.stock import StockNode
from tests.management.simulation.answers import OEM, OS, noupdate, offer
from tests.management.simulation.server import Request, Server, answer, serving

pytestmark = pytest.mark.once
ROOT = Path(__file__).parents[2]
FAST = 100_000.0


@contextmanager
def running(respond: Callable[[Request], bytes | None]) -> Iterator[Server]:
    """Serve from a thread of its own, for commands that block."""
    ready, loop = threading.Event(), asyncio.new_event_loop()
    servers: list[Server] = []
    over = asyncio.Event()

    async def serve() -> None:
        async with serving(respond) as server:
            servers.append(server)
            ready.set()
            await over.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert ready.wait(5)
    try:
        yield servers[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join(5)
        loop.close()


def always_noupdate(_: Request) -> bytes:
    return answer(noupdate().body)


class Files:
    """An update server whose payloads are real, and served with ranges."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.url = ""
        self.seen: Counter[str] = Counter()

    def __call__(self, request: Request) -> bytes:
        if request.method == "POST":
            is_old = b' version="4459.2.4"' in request.body and b"<updatecheck" in request.body
            said = offer(codebases=(f"{self.url}/files/",)) if is_old else noupdate()
            return answer(said.body)
        name = request.target.rpartition("/")[2]
        wanted = re.search(r"Range: bytes=(\d+)-(\d*)", request.head)
        self.seen[name + (" in part" if wanted else "")] += 1
        if name not in self.files:
            return answer(b"", "404 Not Found")
        data = self.files[name]
        if wanted is None:
            return answer(data)
        end = int(wanted[2]) + 1 if wanted[2] else len(data)
        return answer(data[int(wanted[1]) : end], "206 Partial Content")


def download(files: dict[str, bytes], *fates: Fate) -> tuple[StockNode, list[str], Counter[str]]:
    """Let one node meet an offer and really download it; returns it, its events, and the GETs."""
    respond = Files(files)
    facts = Facts("ab" * 16, "4459.2.4", "stable", "boot", oem="azure")
    habits = Habits(reboots_after=(300, 300), goes_dark_after=2)
    node = StockNode(facts, Random(1), habits=habits, fates=fates)  # noqa: S311 - not a secret

    async def live() -> list[str]:
        async with serving(respond) as server:
            respond.url = server.url.removesuffix("/v1/update")
            manner = Manner(server.url, speed=FAST, connections=2, downloads=True)
            await asyncio.wait_for(Driver([node], manner).run(), 20)
            bodies = [request.body.decode() for request in server.requests]
        event = re.compile(r'eventtype="(\d+)" eventresult="(\d)"(?: errorcode="(\d+)")?')
        found = [event.search(body) for body in bodies if body and "<updatecheck" not in body]
        return ["/".join(filter(None, match.groups())) for match in found if match]

    return node, asyncio.run(live()), respond.seen


GOOD_FILES = {"flatcar_production_update.gz": OS, "oem-azure.gz": OEM}
FLAGS = 1 << 28


class TestDownloads:
    def test_takes_payloads_whose_hashes_match(self) -> None:
        node, events, seen = download(GOOD_FILES, Fate.SUCCESS)
        assert events == ["13/1", "14/1", "3/1"]
        assert node.facts.version == "4593.2.1"
        assert seen == {"flatcar_production_update.gz": 1, "oem-azure.gz": 1}

    def test_refuses_an_os_payload_of_other_bytes(self) -> None:
        files = GOOD_FILES | {"flatcar_production_update.gz": OS[::-1]}
        node, events, _ = download(files, Fate.SUCCESS, Fate.SUCCESS)
        assert events[:2] == ["13/1", f"3/0/{FLAGS + 10}"]
        assert node.facts.version == "4459.2.4"

    def test_reports_an_os_payload_that_is_not_there(self) -> None:
        _, events, _ = download({}, Fate.SUCCESS, Fate.SUCCESS)
        assert events[:2] == ["13/1", f"3/0/{FLAGS + 9}"]

    def test_fails_after_twenty_tries_for_an_oem_payload_of_other_bytes(self) -> None:
        files = GOOD_FILES | {"oem-azure.gz": b"another"}
        _, events, seen = download(files, Fate.SUCCESS, Fate.NOT_FOUND)
        assert events[:3] == ["13/1", "14/1", f"3/0/{FLAGS + 5}"]
        assert seen["oem-azure.gz"] == 20

    def test_resumes_where_it_was_interrupted(self) -> None:
        node, events, seen = download(GOOD_FILES, Fate.INTERRUPTED, Fate.SUCCESS)
        assert events == ["13/1", "13/1", "14/1", "3/1"]
        assert seen == {
            "flatcar_production_update.gz": 1,
            "flatcar_production_update.gz in part": 2,
            "oem-azure.gz": 1,
        }
        assert node.facts.version == "4593.2.1"


class TestCommand:
    def test_lets_every_node_check_in(self, capsys: pytest.CaptureFixture[str]) -> None:
        with running(always_noupdate) as server:
            call_command(
                "simulate_fleet", nodes=60, url=server.url, speed=3000, duration=2, seed=4
            )
            machines = {
                match[1]
                for request in server.requests
                if (match := re.search(rb'machineid="([0-9a-f]{32})"', request.body))
            }
        assert len(machines) == 60
        last = capsys.readouterr().out.strip().splitlines()[-1]
        count = len(server.requests)
        assert re.match(rf"2 s, {count} requests \(\d+/s; 200: {count}\); p50", last), last
        assert last.endswith("; over")

    def test_closes_its_connections_as_real_nodes_do(self) -> None:
        with running(always_noupdate) as server:
            call_command("simulate_fleet", nodes=10, url=server.url, speed=3000, duration=1)
            assert server.connections == len(server.requests) > 5

    def test_keeps_them_when_asked_to(self) -> None:
        with running(always_noupdate) as server:
            call_command(
                "simulate_fleet",
                *("--keep-alive", "--connections=2"),
                nodes=10,
                url=server.url,
                speed=3000,
                duration=1,
            )
            assert server.connections <= 2 < len(server.requests)

    def test_counts_what_nobody_answers(self, capsys: pytest.CaptureFixture[str]) -> None:
        with running(lambda _: None) as server:
            call_command("simulate_fleet", nodes=5, url=server.url, speed=6000, duration=1)
        assert re.search(r"none: \d+", capsys.readouterr().out)

    def test_carries_on_from_its_state(self, tmp_path: Path) -> None:
        state = tmp_path / "state.json"
        with running(always_noupdate) as server:
            arguments = {"nodes": 20, "url": server.url, "state": state, "duration": 0.2}
            call_command("simulate_fleet", **arguments, seed=1)
            assert len(state.read_text()) > 1000
            server.requests.clear()
            call_command("simulate_fleet", **arguments, seed=1, speed=6000)
        assert server.requests
        assert not any(b'"0.0.0.0"' in request.body for request in server.requests)

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            (["--nodes=0"], "--nodes and --connections must be at least 1"),
            (["--connections=0"], "--nodes and --connections must be at least 1"),
            (["--url=disabled"], "disabled is no http or https URL"),
            (["--failure-rate=1.5"], "a rate goes from 0 to 1"),
            (["--speed=0"], "must be more than 0"),
        ],
    )
    def test_refuses_what_makes_no_sense(self, arguments: list[str], sentence: str) -> None:
        with pytest.raises(CommandError, match=sentence):
            call_command("simulate_fleet", "--url=http://127.0.0.1:9/", *arguments)

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_ends_when_told(self, number: signal.Signals) -> None:
        with running(always_noupdate) as server:
            process = subprocess.Popen(
                [
                    sys.executable,
                    "manage.py",
                    "simulate_fleet",
                    *("--nodes=20", f"--url={server.url}", "--speed=6000"),
                ],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            while not server.requests:
                assert process.poll() is None, process.communicate()[1]
            process.send_signal(number)
            out, err = process.communicate(timeout=10)
        assert (process.returncode, err) == (0, "")
        assert out.strip().endswith("; over")
