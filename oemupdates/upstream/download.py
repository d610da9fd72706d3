"""Fetching one file whole, however often the line breaks: what is there is not asked again.

The bytes collect in a `.part` file. Only when all of them are there and their hashes are what was
announced does the file get its name.
"""

import hashlib
import os
import re
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from oemupdates.upstream.omaha import Package
from oemupdates.upstream.pace import Pace
from oemupdates.upstream.session import Absent, Answer, Session, Unreachable

_READ_BYTES = 1024 * 1024
_PARTIAL, _BEYOND = 206, 416
_RANGE = re.compile(r"bytes (\d{1,20})-(\d{1,20})/(\d{1,20}|\*)", re.ASCII)
# A line that is slower than this, over so many seconds, is as good as broken.
SLOW_SECONDS, SLOWEST_BYTES_A_SECOND = 60.0, 1024
# Tries of one address in a row that bring less than that line would: then it is given up.
TRIES = 3

Heard = Callable[[int], None]


class CannotFetch(Exception):
    """A file that could not be had as it was announced; the text says why, for each address."""


class _Wrong(Exception):
    """An address holds something else than what was announced: asking it again is of no use."""


def fetch(
    session: Session, urls: Sequence[str], package: Package, place: Path, heard: Heard
) -> None:
    """Fetch a file to its place, from the first address that has it as announced.

    What an earlier call left is gone on with. `heard` is told after each piece how many bytes of
    the file there are; what it raises ends the download, and leaves the bytes for the next.
    """
    part = _Part(place, package)
    problems = []
    for url in urls:
        try:
            _from(session, url, part, heard)
        except (Unreachable, _Wrong) as problem:
            problems.append(str(problem))
        else:
            part.finish()
            return
    if part.size:
        problems.append(f"{part.size} of {package.size} bytes are kept for the next time.")
    raise CannotFetch(f"{package.name}: {' '.join(problems) or 'nobody says where it is.'}")


def holds(path: Path, package: Package) -> bool:
    """Whether a file is what was announced, byte for byte."""
    if not path.is_file() or path.stat().st_size != package.size:
        return False
    sha1, sha256 = hashlib.sha1(usedforsecurity=False), hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_READ_BYTES):
            sha1.update(piece)
            sha256.update(piece)
    return package.sha1 in {"", sha1.hexdigest()} and package.sha256 in {"", sha256.hexdigest()}


class _Part:
    """The beginning of a file; its name tells which bytes it is the beginning of."""

    def __init__(self, place: Path, package: Package) -> None:
        self.package, self._place = package, place
        digest = (package.sha256 or package.sha1)[:16]
        self.path = place.with_name(f"{place.name}.{digest}.part")
        self._seen = self.path.with_suffix(".seen")

    @property
    def size(self) -> int:
        with suppress(FileNotFoundError):
            return min(self.path.stat().st_size, self.package.size)
        return 0

    def remember(self, answer: Answer, url: str) -> None:
        """Note which version of the file over there this is a part of."""
        tag = answer.headers.get("etag", "")
        if tag.startswith("W/"):
            tag = ""
        tag = tag or answer.headers.get("last-modified", "")
        self._seen.write_text(f"{url}\n{tag}\n", encoding="utf-8")

    def headers(self, url: str) -> dict[str, str]:
        """What to ask for the rest with."""
        if not self.size:
            return {}
        asked = {"range": f"bytes={self.size}-"}
        with suppress(FileNotFoundError):
            seen = self._seen.read_text(encoding="utf-8").splitlines()
            # Another server has its own tags; there the hash alone decides.
            if len(seen) > 1 and seen[0] == url and seen[1]:
                asked["if-range"] = seen[1]
        return asked

    def drop(self) -> None:
        self.path.unlink(missing_ok=True)
        self._seen.unlink(missing_ok=True)

    def finish(self) -> None:
        """Give the file its name, now that it is whole."""
        with self.path.open("rb") as file:
            os.fsync(file.fileno())
        self.path.replace(self._place)
        self._seen.unlink(missing_ok=True)


def _from(session: Session, url: str, part: _Part, heard: Heard) -> None:
    """Fetch what is missing from one address, and check the whole."""
    tries = 0
    while part.size < part.package.size:
        before, began = part.size, time.monotonic()
        try:
            _go_on(session, url, part, heard)
        except Absent:
            raise
        except Unreachable:
            tries = 0 if _is_of_use(part.size - before, time.monotonic() - began) else tries + 1
            if tries >= TRIES:
                raise
            heard(part.size)  # who waits here may have been told to stop
            time.sleep(session.pause * 2**tries)
    if not holds(part.path, part.package):
        part.drop()
        heard(0)
        raise _Wrong(f"{url} has other bytes than were announced.")


def _is_of_use(size: int, seconds: float) -> bool:
    """Whether a try that broke off brought what one may wait for."""
    return size > 0 and size >= SLOWEST_BYTES_A_SECOND * seconds


def _go_on(session: Session, url: str, part: _Part, heard: Heard) -> None:
    """Ask for the rest once, and keep what comes."""
    with session.stream("GET", url, headers=part.headers(url)) as answer:
        start = _start(answer, part)
        if start == 0:
            part.drop()
            part.remember(answer, url)
        _keep(answer, part, start, heard, Pace(session.bytes_a_second))
    if part.size < part.package.size:
        raise Unreachable(f"{url} broke off after {part.size} of {part.package.size} bytes.")


def _start(answer: Answer, part: _Part) -> int:
    """Where in the file an answer begins; raises for one that is not of this file."""
    size = part.package.size
    if answer.status == _BEYOND:
        part.drop()
        raise Unreachable(f"{answer.url} has no more bytes.")
    if answer.status != _PARTIAL:
        if answer.length not in {None, size}:
            raise _Wrong(f"{answer.url} has {answer.length} bytes, and {size} were announced.")
        return 0
    match = _RANGE.fullmatch(answer.headers.get("content-range", ""))
    if match is None or int(match[1]) != part.size or match[3] not in {"*", str(size)}:
        part.drop()
        raise Unreachable(f"{answer.url} answers with another range than was asked for.")
    return part.size


def _keep(answer: Answer, part: _Part, start: int, heard: Heard, pace: Pace) -> None:
    have, size = start, part.package.size
    since, then = time.monotonic(), start
    with part.path.open("ab") as file:
        for piece in answer.pieces():
            have += len(piece)
            if have > size:
                file.close()
                part.drop()
                raise _Wrong(f"{answer.url} goes on behind the {size} bytes that were announced.")
            file.write(piece)
            heard(have)
            pace.wait(len(piece))
            now = time.monotonic()
            if now - since > SLOW_SECONDS:
                if have - then < SLOWEST_BYTES_A_SECOND * (now - since):
                    raise Unreachable(f"{answer.url} is too slow.")
                since, then = now, have
