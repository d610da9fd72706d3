"""Spans of time in words."""

_UNITS = (("d", 86400), ("h", 3600), ("min", 60))


def words(seconds: float) -> str:
    """A span in its largest fitting unit, two of them where it is not even."""
    left, parts = int(abs(seconds)), []
    for unit, size in _UNITS:
        if left >= size:
            parts.append(f"{left // size} {unit}")
            left %= size
    return " ".join(parts[:2]) or f"{left} s"
