"""From where a node gets the payloads of a release: the codebases of its offer.

The token in a node's own codebase names the node and proves that this server made it, for this
node and this release alone. It is the same at every check: a client that is offered another URL
begins its download anew.
"""

import hmac
import re
from collections.abc import Iterable

from oemupdates.domain.policy import Group, PayloadSource, Release

# Below the place of all payloads; no board has such a name.
NODE_PATH = "n/"
# Where the token stands in a codebase that is rendered for all nodes; no URL can hold it.
NODE = "\N{NULL}"
TOKEN = re.compile(r"(?P<node>[1-9][0-9]{0,18})-(?P<mac>[0-9a-f]{24})", re.ASCII)
_MAC_DIGITS = 24


def codebases(release: Release, group: Group) -> tuple[str, ...]:
    """The URLs below which a group's nodes find a release, the first one first.

    For OEM payloads nodes take the first alone. Where no origin is known there is this server, or
    whoever hosts the release in its stead.
    """
    here = release.codebase
    if group.has_node_urls and release.folder:
        here = f"{here.removesuffix(f'{release.folder}/')}{NODE_PATH}{NODE}/{release.folder}/"
    match group.payload_source:
        case PayloadSource.MIRROR:
            found: Iterable[str] = (here,)
        case PayloadSource.MIRROR_FIRST:
            found = (here, *release.origins)
        case PayloadSource.ORIGIN:
            found = release.origins or (here,)
        case PayloadSource.ORIGIN_FIRST:
            found = (*release.origins, here)
    return tuple(dict.fromkeys(found))


def token(key: bytes, node: int, folder: str) -> str:
    """What stands for a node in the URLs of a release's folder."""
    mac = hmac.digest(key, b"%d/%s" % (node, folder.encode()), "sha256")
    return f"{node}-{mac.hex()[:_MAC_DIGITS]}"


def node_of(said: str, folder: str, keys: Iterable[bytes]) -> int | None:
    """The node that a token stands for in a folder; None if none of the keys made it."""
    match = TOKEN.fullmatch(said)
    if match is None:
        return None
    node = int(match["node"])
    made = (token(key, node, folder) for key in keys)
    return node if any(hmac.compare_digest(said, one) for one in made) else None
