"""The server's HTTP protocol: a response leaves in one piece, however it was written."""

import asyncio
from typing import Any

from fleet.http import Joining


class Wire:
    """A transport that remembers what was sent, piece by piece."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.is_closed = False

    def write(self, data: bytes) -> None:
        self.sent.append(data)

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed

    def get_extra_info(self, name: str) -> str:
        return f"its {name}"


def tell(*said: bytes, closes: bool = False, pauses: bool = False) -> Wire:
    async def story() -> Wire:
        wire: Any = Wire()
        joining = Joining(wire, asyncio.get_running_loop())
        for data in said:
            joining.write(data)
            if pauses:
                await asyncio.sleep(0)
        if closes:
            joining.close()
        await asyncio.sleep(0)
        return wire

    return asyncio.run(story())


def test_a_head_and_its_body_are_one_write() -> None:
    assert tell(b"head ", b"body").sent == [b"head body"]


def test_what_nothing_follows_leaves_at_once() -> None:
    assert tell(b"head ").sent == [b"head "]
    assert tell(b"head ", b"body", pauses=True).sent == [b"head ", b"body"]


def test_nothing_is_lost_or_changes_its_order() -> None:
    assert b"".join(tell(*(b"%d" % number for number in range(9))).sent) == b"012345678"


def test_closing_sends_what_was_kept() -> None:
    wire = tell(b"last words", closes=True)
    assert (wire.sent, wire.is_closed) == ([b"last words"], True)


def test_everything_else_is_the_transports_own() -> None:
    async def story() -> str:
        wire: Any = Wire()
        return str(Joining(wire, asyncio.get_running_loop()).get_extra_info("peername"))

    assert asyncio.run(story()) == "its peername"
