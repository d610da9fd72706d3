"""Refused requests on their way to the page that shows operators what was wrong.

A flood of them must cost next to nothing: they are counted in memory, by reason and source, and
written together every few seconds. A crash loses a few counts and never a check-in.
"""

import asyncio
import logging
import re
from datetime import UTC, datetime

from django.db import connection

from oemupdates.services.checkins import rejected
from oemupdates.services.checkins.rejected import Rejection
from oemupdates.telemetry import REJECTED

logger = logging.getLogger(__name__)

FLUSH_SECONDS = 2.0
_SOURCES_MAX = 500
_SAMPLE_BYTES = 2000
_IDENTITY = re.compile(r"""((?:machineid|bootid|requestid|sessionid|userid)=["'].{8})[^"']*""")


class Rejections:
    """Counts of what one process refused since they were last written."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], Rejection] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to write what is counted, every few seconds."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Write the last counts, then end."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.flush()

    def add(self, reason: str, source: str, detail: str, body: bytes = b"") -> None:
        """Count one refused request; its body is kept redacted, as a sample."""
        REJECTED.labels(reason).inc()
        now = datetime.now(UTC)
        if (reason, source) not in self._counts and len(self._counts) >= _SOURCES_MAX:
            source = ""  # more sources than a page could show: counted together
        known = self._counts.get((reason, source))
        self._counts[reason, source] = Rejection(
            day=now.date(),
            reason=reason,
            source=source,
            times=known.times + 1 if known else 1,
            first_at=known.first_at if known else now,
            last_at=now,
            detail=detail[:500],
            sample=redact(body),
        )

    async def flush(self) -> None:
        """Write what is counted; what cannot be written is dropped, with a line in the log."""
        counts, self._counts = self._counts, {}
        if not counts:
            return
        try:
            await asyncio.to_thread(_record_in_thread, list(counts.values()))
        except Exception:
            logger.exception("%d counts of refused requests not written", len(counts))

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self.flush()


def _record_in_thread(counts: list[Rejection]) -> None:
    """Write counts in a thread that does not keep its connection: the pool has few."""
    try:
        rejected.record(counts)
    finally:
        connection.close()


def redact(body: bytes) -> str:
    """The beginning of a body, as text that is safe to store and show, identities cut short."""
    text = body[:_SAMPLE_BYTES].decode("utf-8", "replace")
    text = "".join(one if one.isprintable() or one == "\n" else "\ufffd" for one in text)
    return _IDENTITY.sub(r"\1…", text)
