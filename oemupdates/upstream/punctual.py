"""Connections whose answers begin in time.

A socket's time-out begins anew with every byte, so a head that comes byte by byte has no end.
"""

import socket
import threading
from contextlib import suppress
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection

# However slowly the other side drips, the head of an answer is here by then.
HEAD_SECONDS = 60.0


class _InTime(HTTPConnection):
    def getresponse(self) -> Any:
        """The head of an answer; raises `TimeoutError`, even if bytes of it come and come."""
        is_late = threading.Event()
        clock = threading.Timer(HEAD_SECONDS, _end, (self.sock, is_late))
        clock.daemon = True
        clock.start()
        try:
            answer: BaseHTTPResponse = super().getresponse()
        except (OSError, ValueError) as problem:
            if is_late.is_set():
                raise TimeoutError from problem
            raise
        finally:
            clock.cancel()
        if is_late.is_set():  # what ended in the middle looks whole
            raise TimeoutError
        return answer


class _EncryptedInTime(_InTime, HTTPSConnection):
    """The same, encrypted."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _InTime


class _EncryptedPool(HTTPSConnectionPool):
    ConnectionCls = _EncryptedInTime


class PunctualAdapter(HTTPAdapter):
    """Sends requests by connections that wait for no head longer than `HEAD_SECONDS`."""

    def init_poolmanager(self, *args: Any, **given: Any) -> None:
        """Make what holds the connections."""
        super().init_poolmanager(*args, **given)
        _make_punctual(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **given: Any) -> Any:
        """What holds the connections by way of a proxy."""
        manager = super().proxy_manager_for(*args, **given)
        _make_punctual(manager)
        return manager


def _make_punctual(manager: PoolManager) -> None:
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _EncryptedPool}


def _end(sock: socket.socket, is_late: threading.Event) -> None:
    """Let whoever waits at a socket hear that nothing more comes."""
    is_late.set()
    with suppress(OSError):
        # An encrypted socket's own way would first take from the reader what it reads with.
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
