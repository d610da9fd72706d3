"""The load generator against a server that answers as it is told."""

import asyncio
import contextlib
import re
from collections.abc import Callable

import pytest

from bench.load import NONE, Load, Plan, Result, play, read_plan, run
from bench.nodes import Mix, Mode, Sort, machine_id, new_name, shuffle
from oemupdates.omaha import protocol, xml
from tests.management.simulation.server import Request, Server, answer, serving

pytestmark = pytest.mark.once
QUICK = {"nodes": 50, "seconds": 0.5, "warm_up": 0.1, "connections": 4, "size": 400}


def load(respond: Callable[[Request], bytes | None], **plan: object) -> tuple[Load, Server]:
    async def go() -> tuple[Load, Server]:
        async with serving(respond) as server:
            return await play(Plan(server.url, **QUICK | plan)), server

    return asyncio.run(go())


def always(body: bytes = b"<response></response>") -> Callable[[Request], bytes]:
    return lambda _: answer(body)


async def _read(reader: asyncio.StreamReader) -> bytes:
    """A request, as the load sends them in one piece; nothing when it hung up."""
    with contextlib.suppress(asyncio.CancelledError, ConnectionError):
        return await reader.read(4096)
    return b""


class TestDeck:
    def test_holds_each_sort_as_often_as_asked(self) -> None:
        deck = shuffle("http://h/v1/update", 50, Mode.ROUTINE, size=1000, run="r", mix=Mix())
        assert [deck.sorts.count(sort) for sort in Sort] == [950, 30, 20]

    def test_is_what_nodes_send(self) -> None:
        deck = shuffle("http://h:81/v1/update", 50, Mode.LIMIT, size=200, run="r", mix=Mix())
        for request, sort in zip(deck.requests, deck.sorts, strict=True):
            head, _, body = request.partition(b"\r\n\r\n")
            assert head.startswith(b"POST /v1/update HTTP/1.1\r\nHost: h:81\r\n")
            assert f"Content-Length: {len(body)}".encode() in head
            parsed = xml.parse_stock(body)
            assert parsed is not None, "this is not how update_engine prints it"
            said = protocol.read_checkin(parsed, parsed.apps[0], "127.0.0.1")
            assert said.asks == (sort is not Sort.EVENT)
            # The real ones are of 661 to 756 bytes.
            assert 600 < len(body) < 800

    def test_brings_nodes_that_nobody_knows(self) -> None:
        known = {machine_id(str(number)) for number in range(50)}
        machines = []
        for name in ("one", "two"):
            deck = shuffle("http://h/", 50, Mode.ROUTINE, size=300, run=name, mix=Mix(0, 0.5))
            for request, sort in zip(deck.requests, deck.sorts, strict=True):
                machine = re.search(rb'machineid="([0-9a-f]{32})"', request)
                assert machine is not None
                assert (machine[1].decode() in known) == (sort is not Sort.NEW)
                if sort is Sort.NEW:
                    machines.append(machine[1])
        assert len(set(machines)) == len(machines) == 300


class TestClosedLoop:
    def test_counts_every_answer(self) -> None:
        played, server = load(always())
        assert sum(played.acknowledged.values()) == len(server.requests) > 50
        assert played.statuses.keys() == {"200"}
        assert played.in_flight == 0

    def test_sends_the_next_when_it_has_the_answer(self) -> None:
        _, server = load(always(), connections=3)
        assert server.connections == 3

    def test_opens_a_connection_a_request_if_asked_to(self) -> None:
        played, server = load(always(), keeps_alive=False)
        assert server.connections >= len(server.requests) == sum(played.acknowledged.values())

    def test_acknowledges_only_what_was_taken(self) -> None:
        said = {True: answer(b"<response/>"), False: answer(b"", "503 Service Unavailable")}
        turn = iter(range(10**6))
        played, server = load(lambda _: said[next(turn) % 2 == 0])
        taken = sum(played.acknowledged.values())
        assert abs(taken - len(server.requests) / 2) <= 1
        assert set(played.statuses) == {"200", "503"}

    def test_knows_which_new_nodes_were_acknowledged(self) -> None:
        played, server = load(always(), mix=Mix(0, 0.5), run="w")
        sent = {
            match[1].decode()
            for request in server.requests
            if b'"0.0.0.0"' in request.body
            and (match := re.search(rb'machineid="(\w+)"', request.body))
        }
        assert set(played.new) == sent
        assert len(sent) > 50
        assert sent < {machine_id(new_name("w", number)) for number in range(400)}

    def test_says_what_was_never_answered(self) -> None:
        played, _ = load(lambda _: None)
        assert set(played.statuses) == {NONE}
        assert sum(played.acknowledged.values()) == 0

    def test_waits_for_a_server_that_is_not_there(self) -> None:
        async def go() -> Load:
            async with serving(always()) as server:
                url = server.url
            return await play(Plan(url, **QUICK))

        assert set(asyncio.run(go()).statuses) == {"refused"}

    @pytest.mark.parametrize(
        "response",
        [
            b"HTTP/1.1 200 OK\r\nCONTENT-LENGTH:2\r\n\r\nok",
            b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: 2\r\n\r\nok",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        ],
    )
    def test_understands_every_server(self, response: bytes) -> None:
        async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while await _read(reader):
                # In pieces, as a network may deliver it.
                writer.write(response[:25])
                await writer.drain()
                await asyncio.sleep(0.005)
                writer.write(response[25:])
            writer.close()

        async def go() -> Load:
            listener = await asyncio.start_server(converse, "127.0.0.1", 0)
            port = listener.sockets[0].getsockname()[1]
            played = await play(Plan(f"http://127.0.0.1:{port}/", **QUICK))
            listener.close()
            return played

        assert sum(asyncio.run(go()).acknowledged.values()) > 20


class TestOpenLoop:
    def test_sends_at_its_rate(self) -> None:
        played, server = load(always(), rate=200.0, seconds=1.0)
        assert len(server.requests) == pytest.approx(220, rel=0.15)
        assert played.in_flight == 0

    def test_counts_the_time_from_when_a_request_was_due(self) -> None:
        async def go() -> Result:
            async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                while await _read(reader):
                    await asyncio.sleep(0.05)
                    writer.write(answer(b"ok"))
                writer.close()

            listener = await asyncio.start_server(converse, "127.0.0.1", 0)
            port = listener.sockets[0].getsockname()[1]
            # Twenty answers a second on one connection, and a hundred requests.
            plan = QUICK | {"connections": 1, "rate": 100.0}
            result = await run(Plan(f"http://127.0.0.1:{port}/", **plan))
            listener.close()
            return result

        assert asyncio.run(go()).p99_ms > 200


class TestResult:
    def test_sums_up(self) -> None:
        async def go() -> Result:
            async with serving(always()) as server:
                return await run(Plan(server.url, **QUICK))

        result = asyncio.run(go())
        assert result.answered == sum(result.acknowledged.values())
        assert result.per_second == sum(result.statuses.values()) / 0.5
        assert 0 < result.p50_ms <= result.p99_ms
        assert 0 < result.distinct_known <= 50
        assert result.own_cpu_us > 0


class TestCommandLine:
    def test_reads_a_plan(self) -> None:
        plan = read_plan(
            ["--url=http://h/v1/update", "--close", "--rate=5", "--mode=limit", "--new=0.5"]
        )
        assert plan == Plan(
            "http://h/v1/update", mode=Mode.LIMIT, keeps_alive=False, rate=5.0, mix=Mix(0.03, 0.5)
        )

    def test_speaks_no_tls(self) -> None:
        with pytest.raises(SystemExit):
            read_plan(["--url=https://h/v1/update"])
