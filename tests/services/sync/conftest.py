import pytest

from tests.services.sync_maker import KEY


@pytest.fixture(autouse=True)
def hosted(tmp_path, settings):
    settings.PAYLOAD_DIR = tmp_path / "hosted"
    settings.PAYLOAD_KEYS = [KEY]
    return settings.PAYLOAD_DIR
