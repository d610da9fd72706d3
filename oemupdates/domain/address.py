"""Addresses of other servers, as operators, scripts and those servers themselves say them."""

from urllib.parse import SplitResult, urlsplit


class BadAddress(ValueError):
    """It is no address, or none that may be kept; the text is a sentence."""


def read(url: str) -> SplitResult:
    """The parts of an http or https address that everybody may read; raises `BadAddress`."""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError as error:
        raise BadAddress(f"This is no address: {error}") from error
    if holds_secret(parts):
        # Before anything is quoted.
        raise BadAddress(
            "The address holds a user name or a password, which everybody could read here."
        )
    if parts.scheme not in {"http", "https"} or not host or not url.isprintable() or " " in url:
        raise BadAddress(f"{url[:100]!r} is no http or https address.")
    return parts


def holds_secret(parts: SplitResult) -> bool:
    """Whether an address names somebody: viewers read addresses, and nodes are sent there."""
    return parts.username is not None or parts.password is not None
