"""How other servers are reached: authorities of one's own, and proxies, all of them real."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from oemupdates.upstream import session as sessions
from oemupdates.upstream.session import Route, Session, Unreachable
from tests.servers import free_port
from tests.upstream.authority import Authority
from tests.upstream.proxy import Proxy
from tests.upstream.public_server import PublicServer

pytestmark = pytest.mark.once


@pytest.fixture(autouse=True)
def _no_long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "PAUSE_SECONDS", 0.001)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority")


@pytest.fixture
def encrypted(authority: Authority) -> Iterator[PublicServer]:
    server = PublicServer(documents={"/hello": b"hello"}, tls=authority.server())
    yield server
    server.close()


@pytest.fixture
def plain() -> Iterator[PublicServer]:
    server = PublicServer(documents={"/hello": b"hello"})
    yield server
    server.close()


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    server = Proxy()
    yield server
    server.close()


def hello(server: PublicServer, route: Route) -> bytes:
    with Session(route) as session:
        return session.get(f"{server.url}/hello", most=100)


class TestAuthorities:
    def test_in_a_file_are_trusted(self, encrypted: PublicServer, authority: Authority) -> None:
        assert hello(encrypted, Route(ca_file=str(authority.file))) == b"hello"

    def test_that_nobody_named_are_not(self, encrypted: PublicServer) -> None:
        with pytest.raises(Unreachable, match="its certificate is not trusted"):
            hello(encrypted, Route())
        assert not encrypted.asked

    def test_in_a_file_are_the_only_ones(self, encrypted: PublicServer, tmp_path: Path) -> None:
        other = Authority(tmp_path / "other", "another authority")
        with pytest.raises(Unreachable, match="its certificate is not trusted"):
            hello(encrypted, Route(ca_file=str(other.file)))

    def test_do_not_speak_for_another_address(self, authority: Authority) -> None:
        server = PublicServer(tls=authority.server("192.0.2.1"))
        with pytest.raises(Unreachable, match="its certificate is not trusted"):
            hello(server, Route(ca_file=str(authority.file)))
        server.close()

    def test_in_a_file_that_is_gone_are_none(self, encrypted: PublicServer) -> None:
        with pytest.raises(Unreachable, match=r"/nowhere/ca\.pem, is not there"):
            hello(encrypted, Route(ca_file="/nowhere/ca.pem"))

    def test_in_a_file_without_certificates_are_none(
        self, encrypted: PublicServer, tmp_path: Path
    ) -> None:
        (tmp_path / "notes.txt").write_text("ask ann for the certificate")
        with pytest.raises(Unreachable, match="authorities holds no certificate"):
            hello(encrypted, Route(ca_file=str(tmp_path / "notes.txt")))

    def test_are_of_no_use_where_nothing_is_encrypted(
        self, plain: PublicServer, authority: Authority
    ) -> None:
        address = plain.url.replace("http", "https")
        with (
            Session(Route(ca_file=str(authority.file))) as session,
            pytest.raises(Unreachable, match="it speaks no TLS there"),
        ):
            session.get(f"{address}/hello", most=100)


class TestProxies:
    def test_are_asked_for_whole_addresses(self, plain: PublicServer, proxy: Proxy) -> None:
        assert hello(plain, Route(proxy=proxy.url)) == b"hello"
        assert proxy.asked == [("GET", f"{plain.url}/hello")]

    def test_carry_what_is_encrypted_and_see_nothing_of_it(
        self, encrypted: PublicServer, authority: Authority, proxy: Proxy
    ) -> None:
        assert hello(encrypted, Route(str(authority.file), proxy.url)) == b"hello"
        assert proxy.asked == [("CONNECT", encrypted.url.removeprefix("https://"))]

    def test_take_the_place_of_no_certificate(self, encrypted: PublicServer, proxy: Proxy) -> None:
        with pytest.raises(Unreachable, match="its certificate is not trusted"):
            hello(encrypted, Route(proxy=proxy.url))

    @pytest.mark.parametrize("status", [403, 407])
    def test_that_refuse_are_told_of(
        self, encrypted: PublicServer, authority: Authority, proxy: Proxy, status: int
    ) -> None:
        proxy.refusal = status
        words = f"The proxy {proxy.url} does not lead to {encrypted.url}/hello: .* {status}"
        with pytest.raises(Unreachable, match=words):
            hello(encrypted, Route(str(authority.file), proxy.url))
        assert not encrypted.asked

    def test_that_want_a_password_are_told_of(self, plain: PublicServer, proxy: Proxy) -> None:
        proxy.refusal = 407
        with pytest.raises(Unreachable, match=f"the proxy {proxy.url} wants a name"):
            hello(plain, Route(proxy=proxy.url))
        assert not plain.asked

    def test_that_are_gone_are_not_gone_around(self, plain: PublicServer) -> None:
        gone = f"http://127.0.0.1:{free_port()}"
        with pytest.raises(Unreachable, match=f"The proxy {gone} .* nothing listens there"):
            hello(plain, Route(proxy=gone))
        assert not plain.asked

    def test_of_the_environment_are_none_of_an_upstreams(
        self, plain: PublicServer, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert hello(plain, Route()) == b"hello"
        assert not proxy.asked
