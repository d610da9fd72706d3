from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from oemupdates.domain import bundle
from oemupdates.services.carrying import bundle_keys

pytestmark = pytest.mark.django_db


class TestKeys:
    def test_are_made_once_and_for_their_owner_alone(
        self, key: Ed25519PrivateKey, settings: Any
    ) -> None:
        assert bundle_keys.make().private_bytes_raw() == key.private_bytes_raw()
        assert settings.BUNDLE_KEY.stat().st_mode & 0o777 == 0o600

    def test_a_new_one_sets_the_former_aside(self, key: Ed25519PrivateKey, settings: Any) -> None:
        new = bundle_keys.make(replaces=True)
        assert new.private_bytes_raw() != key.private_bytes_raw()
        name = bundle.fingerprint(key.public_key())[:16]
        assert (settings.BUNDLE_KEY.parent / f"bundle-key-{name}.pem").is_file()

    @pytest.mark.parametrize("content", [b"", b"-----BEGIN PUBLIC KEY-----\nx\n"])
    def test_that_are_none_are_named(self, tmp_path: Path, settings: Any, content: bytes) -> None:
        (tmp_path / "bad.pem").write_bytes(content)
        settings.BUNDLE_KEYS = [tmp_path / "bad.pem"]
        with pytest.raises(bundle_keys.NoKey, match=r"bad\.pem"):
            bundle_keys.trusted()
