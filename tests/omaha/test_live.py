"""The door behind its real HTTP server, spoken to over a socket as old clients speak."""

import socket
from collections.abc import Iterator

import pytest

from oemupdates.models import Node
from oemupdates.omaha import endpoint
from tests.omaha.live import DEADLINE_SECONDS, serving
from tests.omaha.messages import NEW, check
from tests.omaha.policy import publish
from tests.omaha_reader import Offer, read_both

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def address(transactional_db: None) -> Iterator[tuple[str, int]]:
    """Where a real server listens, for as long as a test runs."""
    with serving() as address:
        yield address


def _connect(address: tuple[str, int]) -> socket.socket:
    return socket.create_connection(address, timeout=DEADLINE_SECONDS)


def _head(*lines: str) -> bytes:
    return "\r\n".join(["POST /v1/update/ HTTP/1.1", "Host: x", *lines, "", ""]).encode()


def _read(connection: socket.socket, until: bytes) -> bytes:
    """What arrives until these bytes, or until the other side hangs up."""
    found = b""
    while until not in found:
        more = connection.recv(65536)
        if not more:
            break
        found += more
    return found


def test_case_20_takes_the_headers_of_an_old_libcurl(address: tuple[str, int]) -> None:
    """No User-Agent, and a body that waits for leave to be sent."""
    publish(NEW, "oem-azure.gz")
    body = check()
    with _connect(address) as connection:
        connection.sendall(
            _head(
                "Accept: */*",
                "Content-Type: text/xml",
                f"Content-Length: {len(body)}",
                "Expect: 100-continue",
            )
        )
        leave = _read(connection, b"\r\n\r\n")
        assert leave.startswith(b"HTTP/1.1 100 ")
        connection.sendall(body)
        answer = _read(connection, b"</response>\n")
    head, _, document = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"transfer-encoding" not in head.lower()
    heard = read_both(document)
    assert isinstance(heard, Offer)
    assert heard.version == NEW


@pytest.mark.parametrize("ending", ["close", "keep-alive"])
def test_a_connection_lives_as_long_as_its_client_wishes(
    address: tuple[str, int], ending: str
) -> None:
    body = check()
    head = _head(f"Content-Length: {len(body)}", f"Connection: {ending}")
    with _connect(address) as connection:
        connection.sendall(head + body)
        assert b" 200 " in _read(connection, b"</response>\n")
        if ending == "close":
            assert connection.recv(1) == b""
        else:
            connection.sendall(head + body)
            assert b" 200 " in _read(connection, b"</response>\n")


def test_a_body_may_come_in_chunks(address: tuple[str, int]) -> None:
    body = check()
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:100], body[100:]))
    with _connect(address) as connection:
        connection.sendall(_head("Transfer-Encoding: chunked") + chunks + b"0\r\n\r\n")
        assert b" 200 " in _read(connection, b"</response>\n")


def test_ten_megabytes_are_refused_before_they_are_sent(address: tuple[str, int]) -> None:
    with _connect(address) as connection:
        connection.sendall(_head("Content-Length: 10000000") + b"<request>" + b" " * 70_000)
        assert b" 413 " in _read(connection, b"</response>\n")
    assert not Node.objects.exists()


def test_a_body_that_drips_keeps_nobody_waiting(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "BODY_SECONDS", 0.2)
    monkeypatch.setattr(endpoint, "_WATCH_SECONDS", 0.05)
    body = check()
    with _connect(address) as slow, _connect(address) as quick:
        slow.sendall(_head(f"Content-Length: {len(body)}") + body[:10])
        quick.sendall(_head(f"Content-Length: {len(body)}") + body)
        assert b" 200 " in _read(quick, b"</response>\n")
        assert b" 408 " in _read(slow, b"</response>\n")
    assert Node.objects.count() == 1


def test_a_client_that_hangs_up_half_way_is_forgotten(address: tuple[str, int]) -> None:
    body = check()
    with _connect(address) as connection:
        connection.sendall(_head(f"Content-Length: {len(body)}") + body[:200])
    with _connect(address) as connection:
        connection.sendall(_head(f"Content-Length: {len(body)}") + body)
        assert b" 200 " in _read(connection, b"</response>\n")
    assert Node.objects.get().check_in_count == 1
