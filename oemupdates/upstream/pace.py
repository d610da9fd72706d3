"""Bytes that come or go no faster than they may."""

import time


class Pace:
    """Waits where bytes go by faster than so many a second; never, if that is 0."""

    def __init__(self, bytes_a_second: int) -> None:
        self._rate = bytes_a_second
        self._due = time.monotonic()

    def wait(self, size: int) -> None:
        """Wait until so many bytes more may have gone by."""
        if not self._rate:
            return
        now = time.monotonic()
        # What a slow line left unused is no credit for later.
        self._due = max(self._due + size / self._rate, now)
        time.sleep(self._due - now)
