"""What several processes counted, told by any of them."""

import http.client
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.servers import free_port

pytestmark = pytest.mark.processes
START_SECONDS = 30.0


def get(port: int, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers={"Host": "testserver"})
    answer = connection.getresponse()
    found = answer.status, answer.read().decode()
    connection.close()
    return found


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """The port of a server of two processes."""
    number = free_port()
    folder = tmp_path / "metrics"
    folder.mkdir()
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "uvicorn", "fleet.asgi:application", "--workers", "2"),
            *("--port", str(number), "--no-access-log", "--http", "fleet.http:Protocol"),
        ],
        env=os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(folder), "FLEET_METRICS_OPEN": "true"},
        cwd=Path(__file__).parents[2],
    )
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                get(number, "/livez")
                break
            except OSError:
                assert server.poll() is None, "the server ended at once"
                assert time.monotonic() < deadline, "the server does not answer"
                time.sleep(0.1)
        yield number
    finally:
        server.terminate()
        server.wait()


def test_any_process_tells_for_all(port: int) -> None:
    for _ in range(40):
        assert get(port, "/payloads/amd64-usr/1.0.0/none.gz")[0] == 404
    told = []
    for _ in range(6):
        status, text = get(port, "/metrics")
        assert status == 200
        told += [
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == "oemfleet_payload_requests_total"
        ]
    assert told == [40.0] * 6
