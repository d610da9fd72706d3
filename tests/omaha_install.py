"""What Flatcar's two clients do with an offer: download, compare, give up.

Bytes come from `fetch`, which maps a URL to what its host answers, None for an error. Nothing of
the product is used, as in `tests.omaha_reader`.
"""

import base64
import hashlib
from collections.abc import Callable
from fnmatch import fnmatchcase
from urllib.parse import urljoin

from tests.omaha_reader import Document, Offer, Package

SUCCESS, TRANSFER_ERROR, HASH_MISMATCH, SIZE_MISMATCH = 0, 9, 10, 11
UE_RS_TRIES = 20

Fetch = Callable[[str], bytes | None]


class NotExtracted(Exception):
    """ue-rs gave up after its last try: the post-install step fails, which is error code 5."""


def install(offer: Offer, fetch: Fetch) -> int:
    """One attempt of update_engine at the OS payload: its error code, 0 when it is applied.

    An attempt stays on the first URL; the next one has its turn after ten failed checks.
    """
    url = offer.urls[0]
    found = None if url != url.strip() else fetch(url + offer.name)
    if found is None:
        return TRANSFER_ERROR
    if len(found) != offer.size:
        return SIZE_MISMATCH
    digest = base64.b64encode(hashlib.sha256(found).digest()).decode()
    return SUCCESS if digest == offer.sha256 else HASH_MISMATCH


def extract(document: Document, payload: str, fetch: Fetch) -> bytes | None:
    """What ue-rs downloads for `payload`, such as `oem-azure`; None when nothing matches.

    The first package whose name ends so is taken, even when it is another's. A package without
    any hash is passed over in silence. `NotExtracted` after twenty whole downloads.
    """
    wanted = f"*{payload}.gz"
    package = next((each for each in document.packages if fnmatchcase(each.name, wanted)), None)
    if package is None or (package.sha1 is None and package.sha256 is None):
        return None
    url = urljoin(document.url, package.name)
    for _ in range(UE_RS_TRIES):
        found = fetch(url)
        # Its size is not compared. A name in a folder has nowhere to be written to.
        if found is not None and _matches(package, found) and "/" not in package.name:
            return found
    raise NotExtracted(f"{url}: {UE_RS_TRIES} tries")


def _matches(package: Package, found: bytes) -> bool:
    sha1 = hashlib.sha1(found, usedforsecurity=False).digest()
    return package.sha1 in {None, sha1} and package.sha256 in {
        None,
        hashlib.sha256(found).digest(),
    }
