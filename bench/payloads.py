"""`python -m bench.payloads`: payload bytes beside what loopback can carry, and slow clients.

The product and a bare process that hands the same file to the kernel take turns, each with one
client that throws away what it reads. Read the ratio: the client shares the cores with both.
"""

import argparse
import multiprocessing
import os
import secrets
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench.accounting import cpu_seconds, web_megabytes
from bench.servers import environment, manage, uvicorn

PLACE = "amd64-usr/4593.2.1/flatcar_production_update.gz"
MEGABYTE = 1024 * 1024
TIMEOUT_SECONDS = 120
# What a client takes at a time, and the room that a slow one has for what it does not read.
READ_BYTES, SLOW_BYTES = 4 * MEGABYTE, 16 * 1024
SLOW_READS = 60
SETTLE_SECONDS = 3.0
_GET = f"GET /payloads/{PLACE} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n".encode()


class Sent(NamedTuple):
    """A download: megabytes a second by the clock, and the server's CPU for a gigabyte."""

    rate: float
    cpu: float


def main() -> int:
    """Measure in turns, and print what came of it."""
    parser = argparse.ArgumentParser(prog="python -m bench.payloads", description=__doc__)
    parser.add_argument("--megabytes", type=int, default=512)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--slow", type=int, default=200, help="clients that hardly read")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fleet-bench-") as folder:
        env = environment(None, Path(folder))
        path = Path(folder) / "payloads" / PLACE
        path.parent.mkdir(parents=True)
        with path.open("wb") as file:
            for _ in range(given.megabytes):
                file.write(secrets.token_bytes(MEGABYTE))
        manage("manage.py", "migrate", "--verbosity", "0", env=env)
        with uvicorn("fleet.asgi:application", workers=1, env=env) as server, bare(path) as other:
            runs = [(take(server.port, server.pid), take(*other)) for _ in range(given.rounds)]
            print("\n".join(throughput(runs)))
            print(f"\n{slow_clients(server.port, server.pid, given.slow)}")
    return 0


@contextmanager
def bare(path: Path) -> Iterator[tuple[int, int]]:
    """A process that sends a file to whoever asks, by one system call: its port and its id."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        process = multiprocessing.Process(target=_serve, args=(listening, path), daemon=True)
        process.start()
        try:
            yield listening.getsockname()[1], process.pid or 0
        finally:
            process.terminate()
            process.join()


def _serve(listening: socket.socket, path: Path) -> None:
    size = path.stat().st_size
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode()
    with path.open("rb") as file:
        while True:
            client, _ = listening.accept()
            with client:
                client.recv(READ_BYTES)
                client.sendall(head)
                sent = 0
                while sent < size:
                    sent += os.sendfile(client.fileno(), file.fileno(), sent, size - sent)


def take(port: int, pid: int) -> Sent:
    """Download the file once, and throw it away."""
    buffer = bytearray(READ_BYTES)
    before, began, total = cpu_seconds(pid), time.monotonic(), 0
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_SECONDS) as client:
        client.sendall(_GET)
        while size := client.recv_into(buffer):
            total += size
    megabytes = total / MEGABYTE
    spent = cpu_seconds(pid) - before
    return Sent(megabytes / (time.monotonic() - began), spent / megabytes * 1024)


def throughput(runs: list[tuple[Sent, Sent]]) -> list[str]:
    """Both in a table, and their ratios round by round."""
    lines = ["| server | MB/s median (min-max) | CPU s a GB |", "| --- | --- | --- |"]
    for name, column in (("OEM Fleet, one process", 0), ("sendfile alone", 1)):
        rates = [run[column].rate for run in runs]
        cpu = median(run[column].cpu for run in runs)
        rate = f"{median(rates):.0f} ({min(rates):.0f}-{max(rates):.0f})"
        lines.append(f"| {name} | {rate} | {cpu:.2f} |")
    ratio = median(ours.rate / other.rate for ours, other in runs)
    return [*lines, "", f"rate : sendfile's = {ratio:.2f}, round by round"]


def slow_clients(port: int, pid: int, number: int) -> str:
    """What clients cost in memory that ask for the file and then hardly read."""
    before = web_megabytes(pid)
    with ExitStack() as stack:
        clients = []
        for _ in range(number):
            client = stack.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SLOW_BYTES)
            client.settimeout(TIMEOUT_SECONDS)
            client.connect(("127.0.0.1", port))
            client.sendall(_GET)
            clients.append(client)
        time.sleep(SETTLE_SECONDS)
        early = web_megabytes(pid)
        later = []
        for _ in range(3):
            for _ in range(SLOW_READS):
                for client in clients:
                    client.recv(SLOW_BYTES)
            later.append(f"{web_megabytes(pid):.0f}")
    return (
        f"{number} slow clients: {before:.0f} MB before them, {early:.0f} MB once each waits,"
        f" then {', '.join(later)} MB after {SLOW_READS} more reads of each"
    )


if __name__ == "__main__":
    raise SystemExit(main())
