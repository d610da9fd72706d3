"""Sending webhooks: signed as Standard Webhooks says, to no address that is not allowed."""

import base64
import hashlib
import hmac
import socket
import threading
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
)

from oemupdates.upstream.guard import Forbidden, Network, connect

CONNECT_SECONDS, READ_SECONDS = 5.0, 10.0
# However slowly the other side drips, it is over by then.
WHOLE_SECONDS = 25.0
ANSWER_BYTES = 2048
SECRET_PREFIX = "whsec_"  # noqa: S105 - what each secret begins with
_DELIVERED = range(200, 300)
GONE = 410


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one try: a status, or why there is none, and the answer's beginning."""

    status: int | None
    error: str
    answer: str
    milliseconds: int

    @property
    def is_delivered(self) -> bool:
        """Whether the other side took it."""
        return self.status in _DELIVERED


def sign(secret: str, *, message_id: str, timestamp: int, body: bytes) -> str:
    """The signature of a message, as the header `webhook-signature` holds it."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def headers(secret: str, *, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers by which the other side knows who sent a message, and that it is whole."""
    return {
        "content-type": "application/json",
        "user-agent": "oem-fleet",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(secret, message_id=message_id, timestamp=timestamp, body=body),
    }


def post(
    url: str, body: bytes, sent: Mapping[str, str], *, networks: Collection[Network] = ()
) -> Outcome:
    """POST once, without following a redirect; whatever goes wrong is told in the outcome."""
    began = time.monotonic()
    status, error, answer = None, "", ""
    with requests.Session() as session, _Adapter(networks) as adapter:
        session.trust_env = False  # a proxy would look names up for us
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        try:
            with session.post(
                url,
                data=body,
                headers={**sent, "accept-encoding": "identity"},
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                allow_redirects=False,
                stream=True,
            ) as response:
                status = response.status_code
                answer = _beginning(response)
        except (requests.RequestException, OSError, Forbidden, ValueError) as problem:
            error = _words(problem)
    if status is not None and status not in _DELIVERED:
        error = f"The other side answered {status}."
    return Outcome(status, error, answer, round((time.monotonic() - began) * 1000))


def _beginning(response: requests.Response) -> str:
    """As much of an answer as is worth keeping; the rest is never read."""
    # What is read without requests fails as its library does.
    with suppress(requests.RequestException, HTTPError, OSError):
        found = response.raw.read(ANSWER_BYTES, decode_content=False)
        text = found.decode("utf-8", "replace")
        return "".join(one if one.isprintable() or one == "\n" else "\ufffd" for one in text)
    return ""


def _words(problem: BaseException) -> str:
    """Why there is no answer, in words; the innermost cause knows best."""
    causes: list[Any] = [problem]
    while causes[-1] is not None:
        last = causes[-1]
        inner = last.args[0] if last.args and isinstance(last.args[0], BaseException) else None
        causes.append(inner or getattr(last, "reason", None) or last.__cause__)
        if len(causes) > 8 or not isinstance(causes[-1], BaseException):  # noqa: PLR2004
            break
    found = [cause for cause in causes if isinstance(cause, BaseException)]
    for cause in found:
        if isinstance(cause, Forbidden):
            return str(cause)
    if any(isinstance(cause, socket.gaierror | NameResolutionError) for cause in found):
        return "The name is not known."
    if any(isinstance(cause, TimeoutError | requests.Timeout) for cause in found):
        return "It did not answer in time."
    return f"{type(found[-1]).__name__}: {found[-1]}"[:300]


class _Adapter(HTTPAdapter):
    """Connects to addresses that are allowed, and to no others."""

    def __init__(self, networks: Collection[Network]) -> None:
        self.watches: list[_Watch] = []
        self._pools = _pools(networks, self.watches)
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools whose connections are checked."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def __enter__(self) -> "_Adapter":
        return self

    def __exit__(self, *_: object) -> None:
        for watch in self.watches:
            watch.end()


class _Watch:
    """Ends a connection that takes too long as a whole, whatever is read in the meantime."""

    def __init__(self, connection: socket.socket) -> None:
        # A duplicate: TLS takes the descriptor away from the socket that it wraps.
        self._line = connection.dup()
        self._timer = threading.Timer(WHOLE_SECONDS, self._hang_up)
        self._timer.daemon = True
        self._timer.start()

    def _hang_up(self) -> None:
        with suppress(OSError):
            self._line.shutdown(socket.SHUT_RDWR)

    def end(self) -> None:
        """Let the connection be."""
        self._timer.cancel()
        self._line.close()


def _pools(networks: Collection[Network], watches: list[_Watch]) -> dict[str, Any]:
    """Pools of connections that are checked as they are made."""

    def checked(self: HTTPConnection) -> socket.socket:
        try:
            connection = connect(
                self.host, self.port or 0, seconds=CONNECT_SECONDS, networks=networks
            )
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(self, "timed out") from error
        except OSError as error:
            raise NewConnectionError(self, str(error)) from error
        watches.append(_Watch(connection))
        return connection

    # TLS still verifies the name: only where the socket comes from differs.
    plain = type("_Plain", (HTTPConnection,), {"_new_conn": checked})
    secure = type("_Secure", (HTTPSConnection,), {"_new_conn": checked})
    return {
        "http": type("_PlainPool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
        "https": type("_SecurePool", (HTTPSConnectionPool,), {"ConnectionCls": secure}),
    }
