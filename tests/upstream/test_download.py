"""Downloads from a real server with faults: whole and as announced, or not at all."""

import hashlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from oemupdates.upstream import download
from oemupdates.upstream import session as sessions
from oemupdates.upstream.download import CannotFetch, fetch
from oemupdates.upstream.omaha import Package
from oemupdates.upstream.session import Route, Session
from tests.upstream.public_server import PublicServer

pytestmark = pytest.mark.once
CONTENT = bytes(range(256)) * 4000
NAME = "oem-azure.gz"
PACKAGE = Package(
    NAME,
    NAME,
    len(CONTENT),
    sha1=hashlib.sha1(CONTENT, usedforsecurity=False).hexdigest(),
    sha256=hashlib.sha256(CONTENT).hexdigest(),
)


@pytest.fixture
def session(public: PublicServer) -> Iterator[Session]:  # its pauses are short from then on
    with Session(Route()) as session:
        yield session


@pytest.fixture
def url(public: PublicServer) -> str:
    public.published["1.0.0"] = {NAME: CONTENT}
    return f"{public.folder}/1.0.0/{NAME}"


@pytest.fixture
def take(session: Session, url: str, tmp_path: Path) -> Callable[..., Path]:
    def take(*urls: str, package: Package = PACKAGE, heard: object = None) -> Path:
        place = tmp_path / NAME
        fetch(session, urls or (url,), package, place, heard or (lambda _: None))  # type: ignore[arg-type]
        return place

    return take


class _Stop(Exception):
    pass


def stop_after(size: int) -> Callable[[int], None]:
    def heard(have: int) -> None:
        if have >= size:
            raise _Stop

    return heard


class TestFetch:
    def test_has_the_file_and_nothing_else(
        self, take: Callable[..., Path], tmp_path: Path
    ) -> None:
        heard: list[int] = []
        assert take(heard=heard.append).read_bytes() == CONTENT
        assert [path.name for path in tmp_path.iterdir()] == [NAME]
        assert heard[-1] == len(CONTENT)

    @pytest.mark.parametrize(
        "faults",
        [
            ["500"],
            ["503", "503"],
            ["truncate"],
            ["truncate", "truncate", "truncate", "truncate"],
            ["redirect"],
            ["truncate", "416"],
            ["truncate", "no range"],
        ],
    )
    def test_gets_over(
        self, take: Callable[..., Path], public: PublicServer, faults: list[str]
    ) -> None:
        public.faults[NAME] += faults
        assert take().read_bytes() == CONTENT

    def test_takes_no_more_of_the_line_than_it_may(self, url: str, tmp_path: Path) -> None:
        began = time.monotonic()
        with Session(Route(), 4 * len(CONTENT)) as slow:
            fetch(slow, [url], PACKAGE, tmp_path / NAME, lambda _: None)
        assert 0.2 < time.monotonic() - began < 2.0
        assert (tmp_path / NAME).read_bytes() == CONTENT

    def test_goes_on_where_the_line_broke(
        self, take: Callable[..., Path], public: PublicServer
    ) -> None:
        public.faults[NAME] += ["truncate"]
        take()
        half = len(CONTENT) // 2
        assert [wanted for _, wanted in public.downloads()] == ["", f"bytes={half}-"]

    def test_goes_on_where_an_earlier_call_was_ended(
        self, take: Callable[..., Path], public: PublicServer
    ) -> None:
        with pytest.raises(_Stop):
            take(heard=stop_after(300_000))
        assert take().read_bytes() == CONTENT
        _, wanted = public.downloads()[-1]
        assert int(wanted.removeprefix("bytes=").removesuffix("-")) >= 300_000

    def test_starts_over_when_the_file_was_replaced_meanwhile(
        self, take: Callable[..., Path], public: PublicServer
    ) -> None:
        public.published["1.0.0"][NAME] = bytes(len(CONTENT))
        with pytest.raises(_Stop):
            take(heard=stop_after(300_000))
        public.published["1.0.0"][NAME] = CONTENT
        assert take().read_bytes() == CONTENT
        assert len(public.downloads()) == 2

    @pytest.mark.parametrize(
        ("fault", "words"),
        [
            ("404", "is not there (404)"),
            ("500", "answers 500"),
            ("wrong", "other bytes than were announced"),
            ("longer", "and 1024000 were announced"),
            ("endless", "goes on behind the 1024000 bytes"),
            ("to ftp://127.0.0.1/x", "is no http or https address"),
            ("to file:///etc/passwd", "is no http or https address"),
        ],
    )
    def test_has_nothing_where(
        self,
        take: Callable[..., Path],
        public: PublicServer,
        tmp_path: Path,
        fault: str,
        words: str,
    ) -> None:
        public.faults[NAME] += [fault] * 100
        with pytest.raises(CannotFetch) as refusal:
            take()
        assert words in str(refusal.value)
        assert not (tmp_path / NAME).exists()
        assert len(public.downloads()) <= 9

    def test_does_not_go_round_in_circles(
        self, take: Callable[..., Path], public: PublicServer, url: str
    ) -> None:
        public.faults[NAME] += [f"to {url}"] * 100
        with pytest.raises(CannotFetch, match="leads from one address to the next"):
            take()

    def test_asks_the_next_address(
        self, take: Callable[..., Path], public: PublicServer, url: str
    ) -> None:
        public.faults["nowhere.gz"] += ["wrong"] * 10
        public.published["1.0.0"]["nowhere.gz"] = CONTENT
        assert take(url.replace(NAME, "nowhere.gz"), url).read_bytes() == CONTENT

    def test_gives_a_line_up_that_only_drips(
        self,
        take: Callable[..., Path],
        public: PublicServer,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(download, "SLOW_SECONDS", 0.3)
        monkeypatch.setattr(download, "SLOWEST_BYTES_A_SECOND", 10**9)
        monkeypatch.setattr(download, "TRIES", 2)
        public.bytes_a_second = 200_000
        # It brings something each time, and would for days; the pieces are kept.
        with pytest.raises(CannotFetch, match=r"is too slow.* of 1024000 bytes are kept"):
            take()
        assert len(public.downloads()) == 2
        public.bytes_a_second = 0
        assert take().read_bytes() == CONTENT
        assert int(public.downloads()[-1][1].removeprefix("bytes=").removesuffix("-")) > 0

    def test_gives_up_who_falls_silent_and_goes_on_from_what_came(
        self,
        take: Callable[..., Path],
        public: PublicServer,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(sessions, "READ_SECONDS", 1.0)
        monkeypatch.setattr(download, "SLOWEST_BYTES_A_SECOND", 10**9)
        monkeypatch.setattr(download, "TRIES", 1)
        public.faults[NAME] += ["stall"]
        half = len(CONTENT) // 2
        with pytest.raises(CannotFetch, match="broke off: it did not answer in time") as silent:
            take()
        assert f"{half} of {len(CONTENT)} bytes are kept" in str(silent.value)
        assert take().read_bytes() == CONTENT
        assert public.downloads() == [(NAME, ""), (NAME, f"bytes={half}-")]

    def test_hears_that_it_is_to_end_while_the_other_side_is_silent(
        self,
        take: Callable[..., Path],
        public: PublicServer,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(sessions, "READ_SECONDS", 0.2)
        public.faults[NAME] += ["mute"] * 100
        with pytest.raises(_Stop):
            take(heard=stop_after(0))
        assert 0 < len(public.downloads()) <= 2  # one that is tried again below us

    def test_believes_a_file_by_its_sha1_alone(self, take: Callable[..., Path]) -> None:
        package = Package(NAME, NAME, len(CONTENT), sha1=PACKAGE.sha1)
        assert take(package=package).read_bytes() == CONTENT
        with pytest.raises(CannotFetch):
            take(package=Package(NAME, NAME, len(CONTENT), sha1="0" * 40))
