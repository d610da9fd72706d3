"""Payload bytes from the real server as a process, over a real socket."""

import http.client
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.servers import free_port

pytestmark = pytest.mark.processes
REAL = Path(__file__).parents[1] / "payloads"
NAME = "flatcar_production_update.gz"
CONTENTS = (REAL / "4593.2.1" / NAME).read_bytes()
START_SECONDS = 30.0


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    """The port of a server that hosts the payloads of the tests."""
    hosted = tmp_path_factory.mktemp("hosted")
    (hosted / "amd64-usr").symlink_to(REAL)
    number = free_port()
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "uvicorn", "fleet.asgi:application"),
            *("--port", str(number), "--lifespan", "off", "--no-access-log"),
        ],
        env=os.environ | {"FLEET_PAYLOAD_DIR": str(hosted)},
        cwd=Path(__file__).parents[2],
    )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not answers(number):
            assert server.poll() is None, "the server ended at once"
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.1)
        yield number
    finally:
        server.terminate()
        server.wait()


def answers(number):
    try:
        return get(number, "/payloads/").status == 404
    except ConnectionRefusedError:
        return False


def get(number, path, *, method="GET", **headers):
    connection = http.client.HTTPConnection("127.0.0.1", number, timeout=10)
    connection.request(method, path, headers=headers)
    reply = connection.getresponse()
    reply.contents = reply.read()
    connection.close()
    return reply


class TestServer:
    PATH = f"/payloads/amd64-usr/4593.2.1/{NAME}"

    def test_sends_a_real_payload_whole(self, port):
        reply = get(port, self.PATH, **{"Accept-Encoding": "gzip"})
        assert (reply.status, reply.contents) == (200, CONTENTS)
        assert reply.headers["content-length"] == str(len(CONTENTS))
        assert reply.headers["content-encoding"] is None
        assert reply.headers["transfer-encoding"] is None

    def test_lets_a_client_go_on_after_an_interruption(self, port):
        first = get(port, self.PATH, Range="bytes=0-684")
        rest = get(port, self.PATH, Range="bytes=685-")
        assert (first.status, rest.status) == (206, 206)
        assert first.headers["content-range"] == f"bytes 0-684/{len(CONTENTS)}"
        assert first.contents + rest.contents == CONTENTS

    def test_sends_no_body_for_head_and_keeps_the_connection(self, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        for path in (self.PATH, self.PATH + ".sha256", "/payloads/amd64-usr/1.0.0/no.gz"):
            connection.request("HEAD", path)
            reply = connection.getresponse()
            assert reply.read() == b""
        connection.request("GET", self.PATH + ".sha256")
        assert connection.getresponse().read().endswith(f"  {NAME}\n".encode())
        connection.close()

    @pytest.mark.parametrize(
        "path",
        ["/payloads/amd64-usr/%2e%2e/update-payload-key.pub.pem", "/payloads/../pyproject.toml"],
    )
    def test_finds_nothing_outside(self, port, path):
        assert get(port, path).status == 404

    def test_drops_a_client_that_hangs_up(self, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", self.PATH)
        connection.getresponse().read(100)
        connection.close()
        assert get(port, self.PATH, Range="bytes=0-9").contents == CONTENTS[:10]
