"""Documents of servers that fall silent, or never end what they say: given up by the clock."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from oemupdates.upstream import punctual
from oemupdates.upstream import session as sessions
from oemupdates.upstream.session import Route, Session, Unreachable
from tests.upstream.authority import Authority
from tests.upstream.proxy import Proxy
from tests.upstream.public_server import PublicServer

pytestmark = pytest.mark.once
LATE = "did not answer in time"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(sessions, "READ_SECONDS", 0.3)
    monkeypatch.setattr(punctual, "HEAD_SECONDS", 0.4)


@pytest.fixture
def session() -> Iterator[Session]:
    with Session(Route()) as session:
        yield session


def give_up(session: Session, server: PublicServer, fault: str) -> None:
    server.documents["/list.txt"] = b"hello" * 100
    server.faults["list.txt"] += [fault] * 10
    began = time.monotonic()
    with pytest.raises(Unreachable, match=LATE):
        session.get(f"{server.url}/list.txt", most=1000)
    assert time.monotonic() - began < 30


class TestGet:
    @pytest.mark.parametrize("fault", ["mute", "half a head", "dripping head", "stall"])
    def test_gives_up(self, session: Session, public: PublicServer, fault: str) -> None:
        give_up(session, public, fault)

    def test_gives_up_what_drips_encrypted_and_through_a_proxy(self, tmp_path: Path) -> None:
        authority, proxy = Authority(tmp_path), Proxy()
        server = PublicServer(tls=authority.server())
        try:
            with Session(Route(str(authority.file), proxy.url)) as session:
                give_up(session, server, "dripping head")
        finally:
            server.close()
            proxy.close()

    def test_asks_nobody_by_an_address_that_names_somebody(
        self, session: Session, public: PublicServer
    ) -> None:
        public.documents["/list.txt"] = b"hello"
        named = public.url.replace("//", "//me:secret@") + "/list.txt"
        public.faults["list.txt"] += [f"to {named}"] * 10
        for url in (named, f"{public.url}/list.txt"):
            with pytest.raises(Unreachable, match="a user name or a password") as refused:
                session.get(url, most=1000)
            assert "secret" not in str(refused.value)
        assert {path for _method, path, _range in public.asked} == {"/list.txt"}
