"""The door for systemd-sysupdate: the list of a component that a node may have, and its images.

A transfer file names it as `Path=<server>/sysupdate/v1/<track>/%m/%b/%w/<component>/`, of which
the track may be left out: so each request says which node asks, in which boot, on which OS.
"""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar
from uuid import UUID

import anyio
from django.db import DatabaseError
from starlette.responses import PlainTextResponse, Response

from oemupdates.domain.sysupdate import NOTHING, SIGNATURE, SUMS, sums
from oemupdates.payloads.buffer import Buffer
from oemupdates.payloads.counting import counted
from oemupdates.payloads.sending import Receive, Scope, Send, find, send_file
from oemupdates.payloads.together import Together, TooMany
from oemupdates.services.components import component_lists, component_polls, components, list_keys
from oemupdates.services.components.component_lists import Asked, Listing
from oemupdates.services.components.component_polls import Poll
from oemupdates.services.shared import connections

PATH = "/sysupdate"
# Each part begins with a letter or a digit: no path leads out.
_PATH = re.compile(
    PATH + r"/v1/(?:(?P<track>[0-9A-Za-z][0-9A-Za-z._:/@+-]{0,255})/)?"
    r"(?P<machine>[0-9A-Za-z][0-9A-Za-z._:-]{0,63})/(?P<boot>[0-9a-f]{32})"
    r"/(?P<os>[0-9][0-9A-Za-z.+-]{0,63})/(?P<component>[a-z0-9][a-z0-9._-]{0,63})"
    r"/(?P<file>[0-9A-Za-z][0-9A-Za-z.,_+-]{0,255})",
    re.ASCII,
)
_RETRY_AFTER_SECONDS = 60
# Polls that wait to be written; more of them are not remembered, and answered all the same.
_POLLS_MAX = 5000
# Those who wait for a list; more hear that they may come again.
_ASKED_MAX = 500
T = TypeVar("T")


class Polls(Buffer[Poll]):
    """What one process heard of nodes since it was last written."""

    def __init__(self) -> None:
        super().__init__(component_polls.record, most=_POLLS_MAX)

    def add(self, one: Poll) -> None:
        """Remember a poll, while there is room."""
        if self.has_room(one):
            super().add(one)


class SysupdateEndpoint:
    """Answers GET and HEAD below `/sysupdate/`, and remembers who asked for what."""

    def __init__(self) -> None:
        self.polls = Polls()
        self.lists: Together[Asked, Listing | None] = Together(_listings, most=_ASKED_MAX)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        answer = counted(send)
        if scope["method"] not in {"GET", "HEAD"}:
            refusal = PlainTextResponse("GET or HEAD\n", 405, headers={"allow": "GET, HEAD"})
            await refusal(scope, receive, answer)
            return
        match = _PATH.fullmatch(scope["path"])
        if match is None:
            await PlainTextResponse("not found\n", 404)(scope, receive, answer)
            return
        asked = Asked(
            match["component"],
            match["machine"],
            str(UUID(match["boot"])),
            match["os"],
            match["track"] or "",
        )
        try:
            if match["file"] in {SUMS, SIGNATURE, NOTHING}:
                response = await self._list(asked, match["file"], scope["method"])
                await response(scope, receive, answer)
            else:
                await self._image(asked, match["file"], scope, receive, answer)
        except (DatabaseError, TooMany):
            headers = {"retry-after": str(_RETRY_AFTER_SECONDS)}
            busy = PlainTextResponse("busy; come again later\n", 503, headers=headers)
            await busy(scope, receive, answer)

    async def _list(self, asked: Asked, file: str, method: str) -> Response:
        now = datetime.now(UTC)
        found = await self.lists.ask(asked)
        if found is None:
            return PlainTextResponse("there is no such component here\n", 404)
        if file == NOTHING:
            return Response(b"", media_type="application/octet-stream")
        content = sums(found.images)
        if file == SUMS:
            if method == "GET":
                self._remember(asked, found, now)
            return _text(content)
        try:
            signature = await anyio.to_thread.run_sync(list_keys.sign, content)
        except list_keys.NoListKey as problem:
            return PlainTextResponse(f"{problem}\n", 404)
        return Response(
            signature,
            media_type="application/pgp-signature",
            headers={"cache-control": "no-store"},
        )

    def _remember(self, asked: Asked, found: Listing, now: datetime) -> None:
        if found.node is not None:
            poll = Poll(
                found.node,
                asked.component,
                asked.boot_id,
                asked.os_version,
                now,
                has_asked=True,
                newest=found.images[0].version if found.images else "",
                withheld=found.withheld or "",
            )
            self.polls.add(poll)

    async def _image(
        self, asked: Asked, file: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Send an image: any that is hosted, as nothing about it is secret."""
        look = partial(component_lists.image, asked.component, file)
        image = await _in_thread(look)
        place = f"{components.place(asked.component)}/{file}"
        hosted = await anyio.to_thread.run_sync(find, place) if image else None
        if image is None or hosted is None:
            await PlainTextResponse("not found\n", 404)(scope, receive, send)
            return
        sent = await send_file(hosted, scope, receive, send)
        if not sent.reached_end:
            return
        node = await _in_thread(partial(component_lists.node_of, asked.machine_id))
        if node is not None:
            now = datetime.now(UTC)
            said = (node, asked.component, asked.boot_id, asked.os_version, now)
            self.polls.add(Poll(*said, took=image.version, took_at=now))


def _listings(asked: Sequence[Asked]) -> list[Listing | None]:
    return component_lists.listings(asked, datetime.now(UTC))


def _text(content: bytes) -> Response:
    return Response(content, media_type="text/plain", headers={"cache-control": "no-store"})


async def _in_thread(look: Callable[[], T]) -> T:
    """Look something up in a thread, whose connection is given back."""

    def looked() -> T:
        try:
            return look()
        finally:
            connections.give_back()

    return await anyio.to_thread.run_sync(looked)
