"""What is published beside payloads: read where it is there, and said where it is not."""

import hashlib
import json
from collections.abc import Iterator
from datetime import date

import pytest

from oemupdates.upstream import release_server
from oemupdates.upstream.session import Absent, Route, Session, Unreachable
from tests.upstream.public_server import PublicServer

pytestmark = pytest.mark.once
SUM = hashlib.sha256(b"x").hexdigest()


@pytest.fixture
def session() -> Iterator[Session]:
    with Session(Route()) as session:
        yield session


class TestFolder:
    def test_names_the_channel_where_the_address_varies_by_it(self) -> None:
        found = release_server.folder("https://{channel}.x/", "amd64-usr", "1.0.0", "beta")
        assert found == "https://beta.x/amd64-usr/1.0.0/"


class TestSha256:
    @pytest.mark.parametrize(
        "text", [SUM, f"{SUM}  a.gz\n", f"{SUM} *a.gz", f"{SUM.upper()}  ./b/a.gz\r\n"]
    )
    def test_reads(self, session: Session, public: PublicServer, text: str) -> None:
        public.documents["/a.gz.sha256"] = text.encode()
        assert release_server.sha256(session, f"{public.url}/a.gz") == SUM

    @pytest.mark.parametrize("text", ["", "<html>no</html>", f"{SUM}  other.gz", "1" * 5000])
    def test_finds_none_in(self, session: Session, public: PublicServer, text: str) -> None:
        public.documents["/a.gz.sha256"] = text.encode()
        with pytest.raises(Unreachable):
            release_server.sha256(session, f"{public.url}/a.gz")

    def test_says_that_a_file_is_not_there(self, session: Session, public: PublicServer) -> None:
        with pytest.raises(Absent, match="404"):
            release_server.sha256(session, f"{public.url}/a.gz")


class TestVersion:
    def test_reads_the_build_too(self, session: Session, public: PublicServer) -> None:
        public.documents["/f/version.txt"] = b'FLATCAR_BUILD=1\nFLATCAR_VERSION="1.0.0+b"\n'
        assert release_server.version(session, f"{public.url}/f/") == "1.0.0+b"

    def test_knows_none_where_there_is_no_such_file(
        self, session: Session, public: PublicServer
    ) -> None:
        assert release_server.version(session, f"{public.url}/f/") is None

    def test_refuses_another_document(self, session: Session, public: PublicServer) -> None:
        public.documents["/f/version.txt"] = b"<html></html>"
        with pytest.raises(Unreachable, match="FLATCAR_VERSION"):
            release_server.version(session, f"{public.url}/f/")


class TestPackages:
    def test_takes_a_list_and_no_page(self, session: Session, public: PublicServer) -> None:
        public.documents["/f/oem-azure_packages.txt"] = b"app/a-1\n"
        public.documents["/f/oem-gce_packages.txt"] = b" <!doctype html>"
        found = [
            release_server.packages(session, f"{public.url}/f/", name)
            for name in ("oem-azure", "oem-gce", "oem-qemu")
        ]
        assert found == ["app/a-1\n", None, None]


class TestNotes:
    def test_takes_notes_and_day(self, session: Session, public: PublicServer) -> None:
        public.feed("1.0.0", "Much is new.\x00", "2026-08-01 08:00:00 +0000")
        found = release_server.notes(
            session, f"{public.url}/feed-{{channel}}.json", "1.0.0", "stable"
        )
        assert found == release_server.Notes("Much is new.", date(2026, 8, 1))

    @pytest.mark.parametrize("feed", [{}, [], {"1.0.0": None}, {"2.0.0": {}}])
    def test_knows_none_of(self, session: Session, public: PublicServer, feed: object) -> None:
        public.documents["/feed.json"] = json.dumps(feed).encode()
        assert release_server.notes(session, f"{public.url}/feed.json", "1.0.0") is None

    @pytest.mark.parametrize("content", [b"no JSON", b"[" * 100_000])
    def test_refuses(self, session: Session, public: PublicServer, content: bytes) -> None:
        public.documents["/feed.json"] = content
        with pytest.raises(Unreachable, match="no JSON"):
            release_server.notes(session, f"{public.url}/feed.json", "1.0.0")
