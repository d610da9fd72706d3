"""Many check-ins at once, through the update endpoint in this process."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from bench.nodes import Mode, routine
from oemupdates.omaha.lifespan import UpdateService
from tests.omaha.door import Answer, exchange

ADDRESS = "127.0.0.1"


def _scope() -> dict[str, Any]:
    return {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/v1/update",
        "raw_path": b"/v1/update",
        "query_string": b"",
        "headers": [(b"host", b"testserver"), (b"content-type", b"text/xml")],
        "client": (ADDRESS, 40000),
        "server": ("testserver", 80),
    }


def flood(
    *waves: Sequence[bytes], between: Callable[[UpdateService], None] = lambda _: None
) -> list[Answer]:
    """Send each wave's requests all at once, and the next when all are answered.

    `between` is called with the service before each wave but the first.
    """

    async def send() -> list[Answer]:
        service = UpdateService()
        service.start()
        try:
            answers: list[Answer] = []
            for number, wave in enumerate(waves):
                if number:
                    between(service)
                answers += await asyncio.gather(
                    *(exchange(service.endpoint, _scope(), [body]) for body in wave)
                )
            return answers
        finally:
            await service.stop()

    return asyncio.run(send())


def routine_wave(nodes: int, mode: Mode = Mode.ROUTINE) -> list[bytes]:
    """What a fleet of that many known nodes sends when nothing is new."""
    return [routine(number, mode) for number in range(nodes)]
