"""Which part of a file a client asks for: one range or everything."""

import re

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


class OutOfRange(Exception):
    """A range that begins behind the end."""


def bounds(wanted: str, size: int) -> tuple[int, int]:
    """The first byte of a range and the one behind its last; everything if there is none.

    Of several ranges none is answered apart, which clients must take too.
    """
    match = _RANGE.fullmatch(wanted)
    if match is None or not (match[1] or match[2]):
        return 0, size
    if not match[1]:
        start, stop = max(size - int(match[2]), 0), size
    else:
        start, stop = int(match[1]), min(int(match[2] or size) + 1, size)
    if start >= size:
        raise OutOfRange
    return (start, stop) if start < stop else (0, size)
