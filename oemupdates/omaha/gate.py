"""Who may come to the update endpoint: by a secret at the end of its address, or without one.

The secrets are part of the configuration that a process knows, so that letting a node in asks no
database. A secret that nobody knows here may be a new one: then the epoch is asked, at most once
a second. When a secret was used is kept in memory, and written now and then.
"""

import asyncio
import logging
import math
import time
from datetime import UTC, datetime
from typing import NamedTuple

from django.db import connection

from oemupdates.domain.policy import Group
from oemupdates.omaha import protocol
from oemupdates.omaha.batch import Batcher
from oemupdates.omaha.protocol import App, Request
from oemupdates.services.checkins.checkins import Unavailable
from oemupdates.services.checkins.passes import PLAIN, Pass, Used, digest, note
from oemupdates.services.checkins.snapshot import Snapshot, current_epoch

logger = logging.getLogger(__name__)

FLUSH_SECONDS = 30.0
ASK_SECONDS = 1.0


class Stranger(Exception):
    """Nobody with this secret is let in."""

    def __init__(self, *, needs_secret: bool) -> None:
        super().__init__()
        self.needs_secret = needs_secret


class Shown(NamedTuple):
    """What somebody came with, and the configuration that let them in."""

    digest: str
    snapshot: Snapshot
    group: int | None
    is_counted: bool


async def fresh(batcher: Batcher) -> Snapshot:
    """The configuration as it is committed now; `Unavailable` if it cannot be read."""
    try:
        return await batcher.fresh_snapshot()
    except Exception as error:
        raise Unavailable(f"the configuration cannot be read: {error}") from error


class Gate:
    """Lets nodes in at one process's endpoint."""

    def __init__(self, batcher: Batcher) -> None:
        self._batcher = batcher
        self._last: Snapshot | None = None
        self._asking: asyncio.Task[None] | None = None
        self._asked_at = -math.inf
        self._used: dict[str, tuple[float, str]] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to write down, now and then, which secrets were used."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Write down the last uses, then end."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.flush()

    async def admit(self, secret: str) -> Shown:
        """Let in who comes with a secret; `Stranger` if nobody with it is."""
        key = digest(secret)
        snapshot = self._known() or await fresh(self._batcher)
        found = _pass(snapshot, key)
        if found is None:
            snapshot = await self._ask(snapshot)
            found = _pass(snapshot, key)
        if found is None:
            raise Stranger(needs_secret=snapshot.passes.keys() != {PLAIN})
        return Shown(key, snapshot, found.group, found.is_counted)

    def holds(self, shown: Shown) -> bool:
        """Whether what let somebody in does so still, as far as this process has heard."""
        now = self._known()
        return now is None or now is shown.snapshot or _pass(now, shown.digest) is not None

    def group(self, request: Request, app: App) -> Group | None:
        """The group that somebody asks for."""
        snapshot = self._known()
        application = snapshot and snapshot.applications.get(protocol.canonical_appid(app.appid))
        if not snapshot or not application:
            return None
        track = app.attributes.get("track", "")
        return snapshot.group(application, protocol.architecture(request, app), track)

    def note(self, shown: Shown, address: str | None) -> None:
        """Remember that a secret was used."""
        if shown.is_counted:
            self._used[shown.digest] = (time.time(), address or "")

    async def flush(self) -> None:
        """Write down which secrets were used since the last time; a failure loses just that."""
        used, self._used = self._used, {}
        if not used:
            return
        uses = [Used(key, datetime.fromtimestamp(at, UTC), who) for key, (at, who) in used.items()]
        try:
            await asyncio.to_thread(_note_in_thread, uses)
        except Exception:
            logger.exception("The last uses of %d secrets not written", len(uses))

    def _known(self) -> Snapshot | None:
        """The configuration that this process knows; the batcher forgets one that is stale."""
        self._last = self._batcher.snapshot or self._last
        return self._last

    async def _ask(self, snapshot: Snapshot) -> Snapshot:
        """Look for a newer configuration, unless that was done a moment ago."""
        if self._asking is None and time.monotonic() - self._asked_at >= ASK_SECONDS:
            self._asking = asyncio.create_task(self._renew(snapshot.epoch))
        if self._asking is not None:
            await asyncio.shield(self._asking)
        return self._known() or snapshot

    async def _renew(self, epoch: int) -> None:
        try:
            if await asyncio.to_thread(_epoch_in_thread) != epoch:
                await self._batcher.fresh_snapshot()
        except Exception:
            logger.exception("Cannot look for new secrets")
        finally:
            self._asked_at = time.monotonic()
            self._asking = None

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await self.flush()


def _pass(snapshot: Snapshot, key: str) -> Pass | None:
    found = snapshot.passes.get(key)
    if found is not None and found.ends_at is not None and found.ends_at <= datetime.now(UTC):
        return None
    return found


def _epoch_in_thread() -> int:
    """Read the epoch in a thread that does not keep its connection."""
    try:
        return current_epoch()
    finally:
        connection.close()


def _note_in_thread(uses: list[Used]) -> None:
    """Write uses in such a thread."""
    try:
        note(uses)
    finally:
        connection.close()
