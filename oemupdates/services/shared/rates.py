"""How often somebody may ask: a bucket that fills steadily, one a caller.

It is kept in Redis where there is one, for all processes; else, and while Redis is away, each
process keeps its own.
"""

import logging
import math
import threading
import time
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from django.conf import settings
from redis import Redis
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)
MINUTE = 60.0
_SECONDS = 0.25  # more than that and the process's own bucket serves
_MOST_BUCKETS = 10_000
_PAUSE_SECONDS = 10.0
# Fill the bucket for the time that went by, take one if there is one, and say what is left.
_TAKE = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local size, filling = tonumber(ARGV[1]), tonumber(ARGV[2])
local kept = redis.call('HMGET', KEYS[1], 'left', 'at')
local left, at = tonumber(kept[1]) or size, tonumber(kept[2]) or now
left = math.min(size, left + math.max(0, now - at) * filling)
local taken = 0
if left >= 1 then left = left - 1; taken = 1 end
redis.call('HSET', KEYS[1], 'left', tostring(left), 'at', tostring(now))
redis.call('EXPIRE', KEYS[1], math.ceil(size / filling) + 1)
return {taken, tostring(left)}
"""


class Taken(NamedTuple):
    """What became of one request's wish: whether it is let in, and what is left of how many."""

    is_let_in: bool
    left: float
    size: int

    @property
    def filling(self) -> float:
        """How many come back a second."""
        return self.size / MINUTE

    @property
    def reset_seconds(self) -> int:
        """In how many seconds the bucket is full."""
        return math.ceil((self.size - self.left) / self.filling)

    @property
    def wait_seconds(self) -> int:
        """In how many seconds there is one again."""
        return max(1, math.ceil((1 - self.left) / self.filling))


class Own:
    """The buckets of one process."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def take(self, who: str, size: int, now: float) -> Taken:
        """Take one of what is left to somebody."""
        with self._lock:
            if len(self._kept) >= _MOST_BUCKETS:
                # Whoever was quiet for a minute has a full bucket, and needs none.
                fresh = {one: kept for one, kept in self._kept.items() if now - kept[1] < MINUTE}
                self._kept = fresh if len(fresh) < _MOST_BUCKETS else {}
            left, at = self._kept.get(who, (float(size), now))
            left = min(float(size), left + (now - at) * size / MINUTE)
            is_let_in = left >= 1
            left -= is_let_in
            self._kept[who] = (left, now)
        return Taken(is_let_in, left, size)


_own = Own()
_away_until = 0.0


def take(who: str, size: int) -> Taken:
    """Take one of what is left to somebody; `size` is how many a minute brings."""
    global _away_until  # noqa: PLW0603 - one for the process, and a race costs one more attempt
    now = time.monotonic()
    if settings.REDIS_URL and now >= _away_until:
        try:
            is_let_in, left = _script()(keys=[f"fleet:rate:{who}"], args=[size, size / MINUTE])
        except (RedisError, OSError) as error:
            _away_until = now + _PAUSE_SECONDS
            logger.warning("Redis keeps no rates (%s): each process does", type(error).__name__)
        else:
            return Taken(bool(is_let_in), float(left), size)
    return _own.take(who, size, now)


@cache
def _script() -> Callable[..., Any]:
    client = Redis.from_url(
        settings.REDIS_URL, socket_connect_timeout=_SECONDS, socket_timeout=_SECONDS
    )
    return client.register_script(_TAKE)
