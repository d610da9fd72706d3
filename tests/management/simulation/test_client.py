"""The HTTP that simulated nodes speak."""

import asyncio

import pytest

from oemupdates.management.simulation.client import FAILURES, Address, BadResponse, Connection
from tests.management.simulation.server import Request, answer, serving

pytestmark = pytest.mark.once


def test_posts_as_the_nodes_curl_does() -> None:
    async def post() -> Request:
        async with serving(lambda _: answer(b"<response></response>")) as server:
            assert await Connection().post(server.url, b"<request/>") == (
                200,
                b"<response></response>",
            )
            assert server.url.endswith("/v1/update")
            return server.requests[0]

    request = asyncio.run(post())
    first, *fields = request.head.strip().split("\r\n")
    assert first == "POST /v1/update HTTP/1.1"
    names = [line.partition(":")[0] for line in fields]
    assert names == ["Host", "Accept", "Content-Type", "Content-Length"]
    assert {"Accept: */*", "Content-Type: text/xml", "Content-Length: 10"} <= set(fields)
    assert request.body == b"<request/>"


@pytest.mark.parametrize(("keeps_alive", "connections"), [(False, 3), (True, 1)])
def test_opens_a_connection_for_each_request_unless_told(
    keeps_alive: bool,  # noqa: FBT001 - a parameter of the test
    connections: int,
) -> None:
    async def post() -> int:
        async with serving(lambda _: answer(b"ok")) as server:
            connection = Connection(keeps_alive=keeps_alive)
            for _ in range(3):
                assert await connection.post(server.url, b"") == (200, b"ok")
            connection.close()
            return server.connections

    assert asyncio.run(post()) == connections


def test_a_kept_connection_that_was_closed_is_opened_again() -> None:
    async def post() -> int:
        said = iter([answer(b"one"), None, answer(b"two")])
        async with serving(lambda _: next(said)) as server:
            connection = Connection(keeps_alive=True)
            assert await connection.post(server.url, b"") == (200, b"one")
            assert await connection.post(server.url, b"") == (200, b"two")
            connection.close()
            return server.connections

    assert asyncio.run(post()) == 2


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (answer(b"", "204 No Content"), (204, b"")),
        (answer(b"busy", "503 Service Unavailable", "Retry-After: 7"), (503, b"busy")),
        (CHUNKED + b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n", (200, b"abcde")),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil it hangs up", (200, b"until it hangs up")),
    ],
)
def test_reads_every_kind_of_answer(response: bytes, expected: tuple[int, bytes]) -> None:
    async def post() -> tuple[int, bytes]:
        async with serving(lambda _: response) as server:
            return await Connection().post(server.url, b"")

    assert asyncio.run(post()) == expected


@pytest.mark.parametrize(
    ("response", "failure"),
    [
        (None, EOFError),
        (b"SSH-2.0-OpenSSH\r\n\r\n", BadResponse),
        (b"HTTP/1.1 200 OK\r\nContent-Length:", EOFError),
        (CHUNKED + b"zz\r\n", BadResponse),
        (CHUNKED + b"3\r\nab", EOFError),
    ],
)
def test_fails_on_what_is_no_answer(response: bytes | None, failure: type[Exception]) -> None:
    async def post() -> None:
        async with serving(lambda _: response) as server:
            await Connection().post(server.url, b"")

    assert issubclass(failure, FAILURES)
    with pytest.raises(failure):
        asyncio.run(post())


def test_fails_when_nobody_listens() -> None:
    async def post() -> None:
        async with serving(lambda _: None) as server:
            url = server.url
        await Connection().post(url, b"")

    with pytest.raises(OSError, match="Connect call failed"):
        asyncio.run(post())


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "http://fleet.example.net/v1/update",
            "http fleet.example.net 80 fleet.example.net /v1/update",
        ),
        ("https://[::1]:8443?a=b", "https ::1 8443 [::1]:8443 /?a=b"),
        ("https://fleet.example.net", "https fleet.example.net 443 fleet.example.net /"),
    ],
)
def test_takes_urls_apart(url: str, expected: str) -> None:
    found = Address.of(url)
    scheme = "https" if found.is_tls else "http"
    words = (scheme, found.host, found.port, found.authority, found.target)
    assert " ".join(map(str, words)) == expected


@pytest.mark.parametrize("url", ["disabled", "ftp://fleet.example.net/", "http:///v1/update"])
def test_refuses_what_is_no_url(url: str) -> None:
    with pytest.raises(ValueError, match="no http or https URL"):
        Address.of(url)
