"""HTTP to other update servers: bounded in time and size, tried again, and led nowhere odd."""

import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException, RemoteDisconnected
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self
from urllib.parse import urljoin, urlsplit

import requests
from urllib3.exceptions import HTTPError
from urllib3.util import Retry

from oemupdates.domain.address import holds_secret
from oemupdates.upstream.punctual import PunctualAdapter

CONNECT_SECONDS, READ_SECONDS = 10.0, 30.0
# Before something is tried again; twice as long each time.
PAUSE_SECONDS = 0.5
# However slowly the other side drips, a document is over by then.
DOCUMENT_SECONDS = 120.0
PIECE_BYTES = 64 * 1024
MAX_REDIRECTS = 5
_MOVED = frozenset({301, 302, 303, 307, 308})
_BUSY = frozenset({429, 500, 502, 503, 504})
_ABSENT = frozenset({404, 410})
_FORBIDDEN = frozenset({401, 403})
# Who asks so changes nothing, and may be sent from one address to the next.
_SAFE = frozenset({"GET", "HEAD"})
_TRIES = 3
_OK, _PROXY_WANTS_A_NAME = 200, 407
# What OpenSSL says of a file without certificates, and of an answer that is no TLS.
_NO_CERTIFICATE = frozenset({"NO_CERTIFICATE_OR_CRL_FOUND", "BAD_BASE64_DECODE", "PEM_LIB"})
_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"})
# How http.client begins what a proxy says that makes no tunnel.
_NO_TUNNEL = "Tunnel connection failed: "
_FAULTS = (requests.RequestException, HTTPError, HTTPException, OSError, ValueError)


class Unreachable(Exception):
    """No whole answer came; the text is a sentence that says from where, and why."""


class Absent(Unreachable):
    """The other server says that there is no such thing."""


class Forbidden(Unreachable):
    """The other server lets nobody in who asks so."""


@dataclass(frozen=True, slots=True)
class Route:
    """How another server is reached: the file of the authorities it is trusted by, and a proxy."""

    ca_file: str = ""
    proxy: str = ""


class Answer:
    """An answer whose head was read, and whose body comes in pieces."""

    def __init__(self, url: str, response: requests.Response) -> None:
        self.url = url
        self._response = response
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers

    @property
    def length(self) -> int | None:
        """How many bytes the body announces."""
        text = self.headers.get("content-length", "")
        return int(text) if text.isascii() and text.isdigit() else None

    def close(self) -> None:
        """Read no more of it."""
        self._response.close()

    def pieces(self) -> Iterator[bytes]:
        """The bytes of the body as they come, undecoded."""
        if self.headers.get("content-encoding", "identity").lower() != "identity":
            raise Unreachable(f"{self.url} comes packed, which nobody asked for.")
        try:
            while piece := self._response.raw.read1(PIECE_BYTES, decode_content=False):
                yield piece
        except _FAULTS as problem:
            raise Unreachable(f"{self.url} broke off: {why(problem)}.") from problem


class Session:
    """Connections to other servers by one route, used by one thread; closed at its end.

    Files come by it with `bytes_a_second` at most, or as fast as they do if that is 0.
    """

    def __init__(self, route: Route, bytes_a_second: int = 0) -> None:
        self.pause = PAUSE_SECONDS
        self.bytes_a_second = bytes_a_second
        self._route = route
        self._session = requests.Session()
        # Each upstream says itself by which proxy and with which authorities it is reached.
        self._session.trust_env = False
        self._session.verify = route.ca_file or True
        if route.proxy:
            self._session.proxies = {"http": route.proxy, "https": route.proxy}
        # Statuses are tried again by `_open`: urllib3 would first read a bad answer to its end.
        retry = Retry(
            total=2, status=0, redirect=0, backoff_factor=self.pause, allowed_methods=None, read=1
        )
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, PunctualAdapter(max_retries=retry))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._session.close()

    def get(self, url: str, *, most: int) -> bytes:
        """A document of at most so many bytes; raises `Absent` or `Unreachable`."""
        with self.stream("GET", url) as answer:
            return _whole(answer, most)

    def post(self, url: str, body: bytes, *, most: int) -> bytes:
        """The answer to a document of XML, of at most so many bytes; raises `Unreachable`."""
        with self.stream("POST", url, body=body) as answer:
            return _whole(answer, most)

    @contextmanager
    def stream(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | BinaryIO | None = None,
    ) -> Iterator[Answer]:
        """An answer to read piece by piece; statuses of 400 and more are raised.

        416 is none of those: it says something about the range that was asked for.
        """
        asked = {"accept-encoding": "identity", "user-agent": "oem-fleet", **(headers or {})}
        if body is not None:
            asked.setdefault("content-type", "text/xml")
        answer = self._open(method, url, asked, body)
        try:
            if answer.status == _PROXY_WANTS_A_NAME:
                raise Unreachable(
                    f"{answer.url} was not asked: the proxy {self._route.proxy} wants a name and"
                    " a password first (407)."
                )
            if answer.status in _ABSENT:
                raise Absent(f"{answer.url} is not there ({answer.status}).")
            if answer.status in _FORBIDDEN:
                raise Forbidden(f"{answer.url} answers {answer.status}.")
            if answer.status >= 400 and answer.status != 416:  # noqa: PLR2004 - HTTP's own
                raise Unreachable(f"{answer.url} answers {answer.status}.")
            yield answer
        finally:
            answer.close()

    def _open(
        self, method: str, url: str, headers: dict[str, str], body: bytes | BinaryIO | None
    ) -> Answer:
        tries = 1
        while (answer := self._follow(method, url, headers, body)).status in _BUSY:
            if tries == _TRIES:
                break
            answer.close()
            time.sleep(self.pause * 2**tries)
            tries += 1
        return answer

    def _follow(
        self, method: str, url: str, headers: dict[str, str], body: bytes | BinaryIO | None
    ) -> Answer:
        asked = url
        for _ in range(MAX_REDIRECTS + 1):
            answer = self._once(method, url, headers, body)
            if answer.status not in _MOVED:
                return answer
            answer.close()
            if "location" not in answer.headers:
                raise Unreachable(f"{url} answers {answer.status}, and not where to go.")
            to = urljoin(url, answer.headers["location"])
            _check(to)
            if method not in _SAFE:
                raise Unreachable(f"{url} answers that it has moved to {to}: use that address.")
            if urlsplit(url).scheme == "https" and urlsplit(to).scheme == "http":
                raise Unreachable(f"{url} leads to {to}, where nothing is encrypted.")
            url = to
        raise Unreachable(f"{asked} leads from one address to the next.")

    def _once(
        self, method: str, url: str, headers: dict[str, str], body: bytes | BinaryIO | None
    ) -> Answer:
        _check(url)
        if body is not None and not isinstance(body, bytes):
            body.seek(0)  # an earlier try has read of it
        try:
            response = self._session.request(
                method,
                url,
                data=body,
                headers=headers,
                stream=True,
                allow_redirects=False,
                timeout=(CONNECT_SECONDS, READ_SECONDS),
            )
        except _FAULTS as problem:
            raise Unreachable(self._told(url, problem)) from problem
        return Answer(url, response)

    def _told(self, url: str, problem: Exception) -> str:
        """Why nothing came from an address, and which part of the way there is to blame."""
        route, because = self._route, why(problem)
        if route.ca_file and not Path(route.ca_file).is_file():
            because = f"the file of its authorities, {route.ca_file}, is not there"
        if isinstance(problem, requests.exceptions.ProxyError):
            return f"The proxy {route.proxy} does not lead to {url}: {because}."
        through = f" through the proxy {route.proxy}" if route.proxy else ""
        return f"{url} cannot be reached{through}: {because}."


def _check(url: str) -> None:
    """Refuse what is no address, or holds what must not be read in the story of a run."""
    parts = urlsplit(url)
    if holds_secret(parts):
        raise Unreachable(
            f"An address at {parts.hostname} holds a user name or a password, which everybody"
            " could read here."
        )
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise Unreachable(f"{url[:200]} is no http or https address.")


def _whole(answer: Answer, most: int) -> bytes:
    """The body of an answer, all of it."""
    if answer.status != _OK:
        raise Unreachable(f"{answer.url} answers {answer.status}.")
    deadline, found = time.monotonic() + DOCUMENT_SECONDS, bytearray()
    for piece in answer.pieces():
        found += piece
        if len(found) > most:
            raise Unreachable(f"{answer.url} is longer than {most} bytes.")
        if time.monotonic() > deadline:
            raise Unreachable(f"{answer.url} did not come to its end in time.")
    if answer.length not in {None, len(found)}:
        raise Unreachable(f"{answer.url} ended early.")
    return bytes(found)


def why(problem: BaseException) -> str:
    """The cause of a failure in words; the innermost one that is known says most."""
    cause: BaseException | None = problem
    for _ in range(10):
        if cause is None:
            break
        if words := _known(cause):
            return words
        cause = _inner(cause)
    return f"{type(problem).__name__}: {problem}"[:300]


def _known(cause: BaseException) -> str:
    """What a cause means; empty for one that says nothing by itself."""
    words = {
        socket.gaierror: "its name is not known",
        TimeoutError: "it did not answer in time",
        requests.Timeout: "it did not answer in time",
        ConnectionRefusedError: "nothing listens there",
        RemoteDisconnected: "it hung up without an answer",
    }
    if isinstance(cause, ssl.SSLError):
        return _of_tls(cause)
    if str(cause).startswith(_NO_TUNNEL):
        return f"it answers {str(cause).removeprefix(_NO_TUNNEL)[:100]}"
    return next((said for kind, said in words.items() if isinstance(cause, kind)), "")


def _of_tls(cause: ssl.SSLError) -> str:
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({cause.verify_message})"
    if cause.reason in _NO_CERTIFICATE:
        return "the file of its authorities holds no certificate"
    return "it speaks no TLS there" if cause.reason in _NO_TLS else ""


def _inner(problem: BaseException) -> BaseException | None:
    said = (getattr(problem, name, None) for name in ("reason", "original_error"))
    for inner in (*problem.args, *said, problem.__cause__, problem.__context__):
        if isinstance(inner, BaseException):
            return inner
    return None
