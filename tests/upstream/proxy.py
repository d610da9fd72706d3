"""A small real proxy: tunnels by CONNECT, and plain HTTP asked for by whole addresses."""

import http.client
import select
import socket
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

from tests.upstream.local_server import LocalServer


class Proxy(LocalServer):
    """Leads anywhere; `asked` are the methods and addresses, `refusal` is a status for all."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.refusal = 0
        self.start(type("Handler", (_Handler,), {"proxy": self}))


class _Handler(BaseHTTPRequestHandler):
    proxy: Proxy
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def _refused(self) -> bool:
        self.proxy.asked.append((self.command, self.path))
        if self.proxy.refusal:
            self.send_response(self.proxy.refusal)
            self.send_header("content-length", "0")
            self.end_headers()
        return bool(self.proxy.refusal)

    def do_CONNECT(self) -> None:
        if self._refused():
            return
        host, _, port = self.path.rpartition(":")
        with socket.create_connection((host, int(port)), 10) as there:
            self.send_response(200)
            self.end_headers()
            self.wfile.flush()
            self.close_connection = True
            _carry(self.connection, there)

    def do_GET(self) -> None:
        self._forward(None)

    def do_HEAD(self) -> None:
        self._forward(None)

    def do_POST(self) -> None:
        self._forward(self.rfile.read(int(self.headers["content-length"])))

    def _forward(self, body: bytes | None) -> None:
        if self._refused():
            return
        to = urlsplit(self.path)
        there = http.client.HTTPConnection(to.netloc, timeout=10)
        headers = {name: value for name, value in self.headers.items() if name != "Connection"}
        there.request(self.command, to.path, body, headers)
        answer = there.getresponse()
        content = answer.read()
        there.close()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in {"transfer-encoding", "content-length", "server", "date"}:
                self.send_header(name, value)
        size = answer.getheader("content-length") if self.command == "HEAD" else len(content)
        self.send_header("content-length", str(size))
        self.end_headers()
        self.wfile.write(content)


def _carry(one: socket.socket, other: socket.socket) -> None:
    """Carry bytes both ways until one side ends."""
    to = {one: other, other: one}
    with suppress(OSError):
        while True:
            for side in select.select([one, other], [], [], 30)[0] or [None]:
                if side is None or not (piece := side.recv(65536)):
                    return
                to[side].sendall(piece)
