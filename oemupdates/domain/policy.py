"""What operators decided, as plain values: the side of a decision that no node can change."""

from dataclasses import dataclass, field
from enum import StrEnum

from oemupdates.domain.oem import Catalogue
from oemupdates.domain.shipped import SHIPPED
from oemupdates.domain.sysupdate import Wanted
from oemupdates.domain.version import Version

OS_PAYLOAD = "flatcar_production_update.gz"
# What the payloads of OEMs begin with; any node may need all others.
OEM_PREFIX = "oem-"

# The client keeps a server-set interval between these, and takes the lower one as its own.
MIN_POLL_SECONDS, MAX_POLL_SECONDS = 2700, 14400


class PayloadSource(StrEnum):
    """From where a group's nodes get payloads: this server, where a sync got them, or both."""

    MIRROR = "mirror"
    MIRROR_FIRST = "mirror_first"
    ORIGIN = "origin"
    ORIGIN_FIRST = "origin_first"

    @property
    def begins_here(self) -> bool:
        """Whether this server comes first: the only place from which OEM payloads come."""
        return self in {PayloadSource.MIRROR, PayloadSource.MIRROR_FIRST}


@dataclass(frozen=True, slots=True)
class Payload:
    """One file of a release. `sha1` and `sha256` are lower-case hex, `size` is in bytes.

    `own_version` is the build of an OEM's sysext, as it says or as its list of packages does.
    """

    name: str
    size: int
    sha1: str
    sha256: str
    is_verified: bool = True
    own_version: str = ""


@dataclass(frozen=True, slots=True)
class Release:
    """An OS version as published for one architecture; the OS payload stands first.

    `codebase` is the URL below which every payload is found; it ends with a slash, and with
    `folder` if this server hosts them. `origins` are the URLs of where a sync found them.
    """

    id: int
    version: str
    order: Version
    architecture: str
    codebase: str
    payloads: tuple[Payload, ...]
    blocked_because: str = ""
    folder: str = ""
    origins: tuple[str, ...] = ()

    def payload(self, name: str) -> Payload | None:
        """The payload of that file name, or None."""
        return next((payload for payload in self.payloads if payload.name == name), None)


@dataclass(frozen=True, slots=True)
class Floor:
    """A release that must be passed on the way to any newer one, and why."""

    release: Release
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Channel:
    """A stream of releases for one architecture. `floors` are in ascending order of version.

    `dead_ends` maps a version with no way on to the reason.
    """

    name: str
    architecture: str
    target: Release | None = None
    floors: tuple[Floor, ...] = ()
    dead_ends: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Group:
    """A group's policy. Failure limits count full attempts at one target.

    `max_under_way` is how many nodes may be between offer and reboot at once; None is no limit.
    `needs_oem_payload` withholds a release that lacks the payload of a node's OEM;
    `offers_own_oem_only` leaves the payloads of other OEMs out of an offer. `oems` says which OEMs
    need one. With `has_node_urls` each node is offered URLs of its own here. `wants` are the
    components that its nodes should have.
    """

    id: int
    name: str
    architecture: str
    channel: Channel | None = None
    updates_enabled: bool = True
    needs_oem_payload: bool = True
    offers_own_oem_only: bool = False
    poll_interval_seconds: int = MIN_POLL_SECONDS
    max_postinst_failures: int = 3
    max_download_failures: int = 10
    max_under_way: int | None = None
    payload_source: PayloadSource = PayloadSource.MIRROR
    has_node_urls: bool = False
    wants: tuple[Wanted, ...] = ()
    oems: Catalogue = field(default=SHIPPED, compare=False, repr=False)
