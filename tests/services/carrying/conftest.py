"""Two releases on this side, and a server on the other that has nothing yet."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from oemupdates.models import PackageList, Payload, Release
from oemupdates.services.carrying import bundle_keys, bundles
from oemupdates.services.carrying.bundles import Choice, Planned
from tests.services.bundle_maker import NEW, OLD, host, whole


@pytest.fixture(autouse=True)
def key(tmp_path: Path, settings: Any) -> Ed25519PrivateKey:
    settings.PAYLOAD_DIR = tmp_path / "hosted"
    settings.BUNDLE_KEY = tmp_path / "keys" / "bundle-key.pem"
    return bundle_keys.make()


@pytest.fixture
def planned(tmp_path: Path) -> Planned:
    host(tmp_path, OLD)
    return bundles.plan(Choice([host(tmp_path, NEW)], frozenset({"azure"}), running=[OLD]))


@pytest.fixture
def other_side(planned: Planned, tmp_path: Path, settings: Any) -> Callable[[bytes], Path]:
    """A server that has nothing yet, to which a bundle is carried."""
    planned_bytes = whole(planned)

    def carried(content: bytes = planned_bytes) -> Path:
        Payload.objects.all().delete()
        PackageList.objects.all().delete()
        Release.objects.all().delete()
        settings.PAYLOAD_DIR = tmp_path / "there"
        (tmp_path / "carried.tar").write_bytes(content)
        return tmp_path / "carried.tar"

    return carried
