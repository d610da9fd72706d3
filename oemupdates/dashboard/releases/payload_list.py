"""The checklist of a release: every payload that it has or should have, and who needs it."""

from collections.abc import Iterable
from typing import NamedTuple

from oemupdates.dashboard.frame.words import Word
from oemupdates.domain.oem import payload_name
from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.models import Payload, Release
from oemupdates.services.checkins.snapshot import codebase
from oemupdates.services.oem.oem_gaps import Carriers, Gap

OEM_PREFIX = "oem-"


class Item(NamedTuple):
    """One line: a payload, whether it is there, and who needs it.

    `nodes` carry its `oem`; `waiting` of them could not update to the release.
    """

    name: str
    payload: Payload | None
    needed_by: str
    oem: str = ""
    nodes: int = 0
    waiting: int = 0
    url: str = ""

    @property
    def word(self) -> Word:
        """Whether it is there, and on what that it is whole is based."""
        if self.payload is None:
            if self.waiting:
                return Word("Missing", "circle-x", "bad", "Nodes that need it wait.")
            return Word("Missing", "circle-x", "wait", "No node waits for it now.")
        return self._read(self.payload)

    def _read(self, payload: Payload) -> Word:
        """How far a payload that is there was read."""
        unread, signer = payload.unread_because, payload.signed_by
        if damaged := payload.damaged_because:
            meaning = f"Nodes that need it wait: {damaged}. Sync or import it again."
            return Word("Damaged", "circle-x", "bad", meaning)
        if not payload.is_verified:
            why = (
                f"Nobody could look into it, as {unread}"
                if unread
                else "Nobody has read its bytes"
            )
            return Word(
                "Not verified", "alert-triangle", "wait", f"{why}, so nodes that need it wait."
            )
        signed = (
            f"Its bytes were read here, and the key {signer} signed them."
            if signer
            else "Its bytes were read here as a node reads them; no key was asked about its"
            " signature."
        )
        if unread:
            inside = f"{signed} Nobody could look into it, as {unread}."
            return Word("Contents not checked", "alert-triangle", "wait", inside)
        return Word("Verified", "certificate" if signer else "circle-check", "good", signed)

    @property
    def basis(self) -> str:
        """On what it is based that it is verified, in a few words."""
        if self.payload is None:
            return ""
        if not self.payload.is_verified:
            return self.payload.damaged_because or self.payload.unread_because
        signer, unread = self.payload.signed_by, self.payload.unread_because
        signed = f"signed by {signer}" if signer else "hashes only, signature not checked"
        return f"{signed}; {unread}" if unread else signed


def payload_list(
    release: Release, payloads: Iterable[Payload], carriers: Carriers, gaps: Iterable[Gap]
) -> list[Item]:
    """The lines of a release: the OS, what is missing, the OEMs that nodes carry, the others."""
    left = {payload.name: payload for payload in payloads}
    folder = codebase(release)
    found = [_item(OS_PAYLOAD, left.pop(OS_PAYLOAD, None), "every node", folder)]
    waiting = {gap.oem: gap for gap in gaps}
    nodes = carriers.nodes(release.architecture)
    carried = sorted(nodes, key=lambda oem: (oem not in waiting, -nodes[oem], oem))
    for oem in carried:
        name = payload_name(oem)
        if name in left or oem in waiting or carriers.ships(oem, release):
            item = _item(name, left.pop(name, None), "", folder)
            gap = waiting.get(oem)
            found.append(item._replace(oem=oem, nodes=nodes[oem], waiting=gap.nodes if gap else 0))
    return found + [_item(name, left[name], _wanted(name), folder) for name in sorted(left)]


def _item(name: str, payload: Payload | None, needed_by: str, folder: str) -> Item:
    return Item(name, payload, needed_by, url=f"{folder}{name}" if payload else "")


def _wanted(name: str) -> str:
    """Who wants a payload that no node's OEM names."""
    if name.startswith(OEM_PREFIX):
        return "no node of yours"
    return "nodes that enabled it; they do not tell"
