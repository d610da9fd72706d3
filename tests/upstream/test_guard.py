"""Where this server sends nothing to."""

import socket
from ipaddress import ip_address, ip_network

import pytest

from oemupdates.upstream import guard
from oemupdates.upstream.guard import Forbidden, connect, is_allowed

pytestmark = pytest.mark.once
FORBIDDEN = [
    "0.0.0.0",  # noqa: S104 - an address to refuse
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "127.9.9.9",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.2.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]


class TestIsAllowed:
    @pytest.mark.parametrize("text", FORBIDDEN)
    def test_refuses_what_is_not_on_the_public_internet(self, text: str) -> None:
        assert not is_allowed(ip_address(text), [])

    @pytest.mark.parametrize(
        "text", ["1.1.1.1", "93.184.215.14", "2606:4700:4700::1111", "::ffff:1.1.1.1"]
    )
    def test_lets_the_public_internet_through(self, text: str) -> None:
        assert is_allowed(ip_address(text), [])

    def test_lets_a_listed_network_through_and_no_other(self) -> None:
        networks = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]
        assert is_allowed(ip_address("10.1.2.3"), networks)
        assert is_allowed(ip_address("::ffff:10.1.2.3"), networks)
        assert is_allowed(ip_address("fd00::1"), networks)
        assert not is_allowed(ip_address("192.168.0.1"), networks)


def resolve(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Let the resolver answer with these addresses, one list a question; collect what it heard."""
    asked: list[str] = []

    def getaddrinfo(host: str, port: int, *_: object, **__: object) -> list[object]:
        asked.append(host)
        found = answers[min(len(asked), len(answers)) - 1]
        return [
            (
                socket.AF_INET6 if ":" in address else socket.AF_INET,
                socket.SOCK_STREAM,
                6,
                "",
                (address, port, 0, 0) if ":" in address else (address, port),
            )
            for address in found
        ]

    monkeypatch.setattr(guard.socket, "getaddrinfo", getaddrinfo)
    return asked


class TestConnect:
    def test_refuses_a_name_that_leads_inside(self, monkeypatch: pytest.MonkeyPatch) -> None:
        resolve(monkeypatch, ["10.0.0.1", "::1"])
        with pytest.raises(Forbidden, match=r"hook\.example\.net is at 10\.0\.0\.1, ::1"):
            connect("hook.example.net", 443, seconds=1)

    @pytest.mark.parametrize("host", ["127.0.0.1", "0x7f000001", "2130706433", "localhost", "::1"])
    def test_refuses_every_spelling_of_this_machine(self, host: str) -> None:
        with pytest.raises((Forbidden, socket.gaierror)):
            connect(host, 443, seconds=1)

    def test_looks_a_name_up_once_and_speaks_to_what_it_found(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The second answer of a name that changes its address is never asked for."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            asked = resolve(monkeypatch, ["127.0.0.1"], ["10.0.0.1"])
            port = listener.getsockname()[1]
            allowed = [ip_network("127.0.0.1/32")]
            with connect("hook.example.net", port, seconds=5, networks=allowed) as connection:
                assert connection.getpeername() == ("127.0.0.1", port)
        assert asked == ["hook.example.net"]

    def test_passes_over_an_address_that_is_not_allowed(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            resolve(monkeypatch, ["10.0.0.1", "127.0.0.1"])
            port = listener.getsockname()[1]
            allowed = [ip_network("127.0.0.1/32")]
            with connect("hook.example.net", port, seconds=5, networks=allowed) as connection:
                assert connection.getpeername()[0] == "127.0.0.1"
