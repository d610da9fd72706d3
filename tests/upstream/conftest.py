"""A server to ask, and no long waits before it is asked again."""

from collections.abc import Iterator

import pytest

from oemupdates.upstream import session
from tests.upstream.public_server import PublicServer


@pytest.fixture
def public(monkeypatch: pytest.MonkeyPatch) -> Iterator[PublicServer]:
    """A public server, which has nothing yet."""
    monkeypatch.setattr(session, "PAUSE_SECONDS", 0.001)
    server = PublicServer()
    yield server
    server.close()
