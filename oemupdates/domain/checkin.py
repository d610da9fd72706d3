"""What a node says when it checks in."""

import re
from functools import lru_cache
from typing import NamedTuple

from oemupdates.domain.event import Event

NO_BASIS, REPORTED, DERIVED, OBSERVED = "", "reported", "derived", "observed"

# Bounds of what is stored. A stock node stays far below each of them.
MAX_LENGTHS = {
    "machine_id": 64,
    "version": 64,
    "track": 256,
    "oem": 64,
    "oem_version": 128,
    "aleph_version": 64,
    "alias": 256,
    "boot_id": 64,
    "updater": 64,
    "board": 32,
}
_MACHINE_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z._:-]{0,63}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")
_BEACON = re.compile(r"sysext/(none|[^/]+)(?:/([^/]*))?")
_UNKNOWN_BUILD = "-"
# What stands for the version of an image that is bound to none.
LEVEL, ANY = "level-", "_any"


class BadCheckIn(ValueError):
    """A check-in whose values cannot be a node's: too long, or with characters that hurt."""


class CheckIn(NamedTuple):
    """One `<app>` of a request, with the wire's spelling taken off.

    `application` is the canonical appid (lower case, no braces); `architecture` is `amd64`,
    `arm64`, or empty when nothing in the request tells. `asks` is the update check, `pings` the
    sign of life. `address` is where the request came from.
    """

    machine_id: str
    application: str
    version: str
    track: str
    architecture: str
    boot_id: str = ""
    oem: str = ""
    oem_version: str = ""
    aleph_version: str = ""
    alias: str = ""
    updater: str = ""
    asks: bool = False
    pings: bool = False
    events: tuple[Event, ...] = ()
    address: str | None = None
    is_pxe: bool = False


def check(values: dict[str, str]) -> None:
    """Refuse values that are too long or hold control characters; `BadCheckIn` says which."""
    for name, value in values.items():
        if len(value) > MAX_LENGTHS.get(name, 64):
            raise BadCheckIn(f"{name} is longer than {MAX_LENGTHS.get(name, 64)} characters")
        if not value.isprintable() and _CONTROL.search(value):
            raise BadCheckIn(f"{name} holds control characters")
    if not _MACHINE_ID.fullmatch(values["machine_id"]):
        raise BadCheckIn("machineid is empty, or no machine id")


class OemClaim(NamedTuple):
    """What is said of an OEM's sysext: a live reading, or a birth version."""

    basis: str
    version: str = ""
    build: str = ""


@lru_cache(maxsize=4096)
def read_oem_version(text: str) -> OemClaim:
    """Tell the beacon's form from a birth version.

    The beacon writes `sysext/<VERSION_ID>/<SYSEXT_VERSION_ID or ->` from the merged image, and
    `sysext/none` when no OEM image is merged: both are observed. Anything else was written when
    the disk image was made, and says nothing about today.
    """
    match = _BEACON.fullmatch(text)
    if match is None:
        return OemClaim(REPORTED if text else NO_BASIS, build=text)
    if match[1] == "none":
        return OemClaim(OBSERVED)
    build = match[2] or ""
    return OemClaim(OBSERVED, match[1], "" if build == _UNKNOWN_BUILD else build)
