"""What a bundle says of the way to its releases: floors and dead ends of channels."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from oemupdates.domain.version import BadVersion, parse

FLOOR, DEAD_END = "floor", "dead end"
_MAX_CHANNEL, _MAX_REASON = 64, 500


@dataclass(frozen=True, slots=True, order=True)
class Way:
    """A floor or a dead end of a channel, and why it is one."""

    application: str
    architecture: str
    channel: str
    kind: str
    version: str
    reason: str


def check_ways(ways: Sequence[Way], kinds: Collection[tuple[str, str]]) -> None:
    """Raise ValueError or TypeError if something in what a manifest says of the way may not be.

    `kinds` are the applications and architectures of its releases.
    """
    named = {
        (way.application, way.architecture, way.channel, way.kind, way.version) for way in ways
    }
    if list(ways) != sorted(ways) or len(named) < len(ways):
        raise ValueError("it says a floor or a dead end twice, or in another order")
    for way in ways:
        if (way.application, way.architecture) not in kinds or way.kind not in {FLOOR, DEAD_END}:
            raise ValueError(f"{way.kind!r} of {way.channel!r} belongs to none of its releases")
        for text, most in ((way.channel, _MAX_CHANNEL), (way.reason, _MAX_REASON)):
            if not text.strip() or len(text) > most or not text.isprintable():
                raise ValueError(f"{text[:80]!r} is no channel, or no reason")
        try:
            parse(way.version)
        except BadVersion as error:
            raise ValueError(str(error)) from error
