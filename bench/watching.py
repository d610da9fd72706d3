"""Browsers that watch the overview: `python -m bench.watching --url URL --session KEY`.

Each holds a stream open, and fetches what changed when it is told so, as `static/live.js` does:
one fetch at a time, and two seconds between two of them. A line on the standard output says that
all of them watch; another, after a line on the standard input, says what they did.
"""

import argparse
import asyncio
import json
import sys
from collections import Counter
from urllib.parse import urlsplit

STREAM, PAGE = "/events?topics=overview", "/overview/now/"
LEAST_SECONDS = 2.0


class Browser:
    """One of those who watch."""

    def __init__(self, url: str, session: str, done: Counter[str]) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 80
        self._done, self._is_told = done, asyncio.Event()
        self._head = (
            f"Host: {parts.netloc}\r\nCookie: sessionid={session}\r\nAccept-Encoding: gzip\r\n"
            "HX-Request: true\r\n\r\n"
        )

    async def watch(self, opened: asyncio.Semaphore) -> None:
        """Listen until the end."""
        reader, writer = await asyncio.open_connection(self._host, self._port)
        writer.write(f"GET {STREAM} HTTP/1.1\r\n{self._head}".encode())
        status = await reader.readline()
        if b" 200 " not in status:
            raise ConnectionError(status.decode())
        opened.release()
        fetching = asyncio.create_task(self._fetch_when_told())
        try:
            while line := await reader.readline():
                if line.startswith(b"event: changed"):
                    self._done["told"] += 1
                    self._is_told.set()
            self._done["streams ended"] += 1
        finally:
            fetching.cancel()
            writer.close()

    async def _fetch_when_told(self) -> None:
        reader, writer = await asyncio.open_connection(self._host, self._port)
        while True:
            await self._is_told.wait()
            self._is_told.clear()
            writer.write(f"GET {PAGE} HTTP/1.1\r\n{self._head}".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
            await reader.readexactly(length)
            self._done[f"fetches {head.split(maxsplit=2)[1]}"] += 1
            self._done["bytes"] += length
            await asyncio.sleep(LEAST_SECONDS)


async def _watch(url: str, session: str, viewers: int) -> Counter[str]:
    done: Counter[str] = Counter()
    opened = asyncio.Semaphore(0)
    tasks = [
        asyncio.create_task(Browser(url, session, done).watch(opened)) for _ in range(viewers)
    ]
    for _ in tasks:
        await asyncio.wait_for(opened.acquire(), 60)
    print(json.dumps({"watching": viewers}), flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    failed = [task.exception() for task in tasks if task.done() and not task.cancelled()]
    done["failed"] += sum(one is not None for one in failed)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return done


def main() -> None:
    """Watch until told to end."""
    parser = argparse.ArgumentParser(prog="python -m bench.watching", description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--session", required=True, help="the key of a session that is logged in")
    parser.add_argument("--viewers", type=int, default=300)
    given = parser.parse_args()
    print(json.dumps(asyncio.run(_watch(given.url, given.session, given.viewers))))


if __name__ == "__main__":
    main()
