import pytest

from tests.services.release_maker import make_folder


@pytest.fixture
def hosted(tmp_path, settings):
    """Where the payloads of amd64 are hosted in this test."""
    settings.PAYLOAD_DIR = tmp_path / "hosted"
    return settings.PAYLOAD_DIR / "amd64-usr"


@pytest.fixture
def folder(tmp_path):
    return make_folder(tmp_path / "folder")
