"""Nodes that ask for a component's list: `python -m bench.polling --url URL --rate N`.

Each opens a connection of its own, as systemd-pull does. A line on the standard output says that
they ask; another, after a line on the standard input, says what they heard.
`python -m bench.polling prepare` makes what they ask for.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from array import array
from collections import Counter
from urllib.parse import urlsplit

from bench.nodes import boot_id, machine_id

COMPONENT, OS_VERSION = "component-000", "4593.2.1"


class Polls:
    """What was asked and heard."""

    def __init__(self, url: str, nodes: int) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._nodes = nodes
        self.heard: Counter[str] = Counter()
        self.took = array("d")

    async def ask(self, number: int) -> None:
        """One node's poll, to the end of its answer."""
        machine = machine_id(str(number % self._nodes))
        boot = boot_id(machine).replace("-", "")
        path = f"/sysupdate/v1/{machine}/{boot}/{OS_VERSION}/{COMPONENT}/SHA256SUMS"
        began = time.monotonic()
        reader, writer = await asyncio.open_connection(self._host, self._port)
        head = f"GET {path} HTTP/1.1\r\nHost: {self._host}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode())
        answer = await reader.read()
        writer.close()
        self.took.append(time.monotonic() - began)
        self.heard[answer.split(maxsplit=2)[1].decode()] += 1
        if b"component-000-" not in answer:
            self.heard["nothing listed"] += 1


async def _poll(url: str, nodes: int, rate: float) -> dict[str, object]:
    polls = Polls(url, nodes)
    await polls.ask(0)
    print(json.dumps({"polling": rate}), flush=True)
    enough = asyncio.create_task(asyncio.to_thread(sys.stdin.readline))
    tasks: set[asyncio.Task[None]] = set()
    began, number = time.monotonic(), 0
    while not enough.done():
        while number < (time.monotonic() - began) * rate:
            task = asyncio.create_task(polls.ask(number))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            number += 1
        await asyncio.sleep(0.002)
    await asyncio.gather(*tasks)
    took = sorted(polls.took)
    return {**polls.heard, "p99_ms": round(took[len(took) * 99 // 100] * 1000, 1)}


def prepare() -> None:
    """Make a component with images, which every group wants."""
    import django  # noqa: PLC0415 - those who poll need none of it

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fleet.settings")
    django.setup()
    from django.utils import timezone  # noqa: PLC0415

    from bench import components  # noqa: PLC0415
    from oemupdates.services.shared.configuration import changing  # noqa: PLC0415

    with changing():
        components.extend(100, timezone.now())


def main() -> None:
    """Ask until told to end."""
    if sys.argv[1:] == ["prepare"]:
        prepare()
        return
    parser = argparse.ArgumentParser(prog="python -m bench.polling", description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--nodes", type=int, default=10_000)
    parser.add_argument("--rate", type=float, default=93.0)
    given = parser.parse_args()
    print(json.dumps(asyncio.run(_poll(given.url, given.nodes, given.rate))))


if __name__ == "__main__":
    main()
