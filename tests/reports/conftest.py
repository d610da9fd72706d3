"""The door of every test here: a whole server, and buckets that are full."""

from collections.abc import Iterator

import pytest

from oemupdates.services.shared import rates
from tests.omaha.door import Door, serving


@pytest.fixture
def door(transactional_db: None) -> Iterator[Door]:
    with serving() as opened:
        yield opened


@pytest.fixture(autouse=True)
def _fresh_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "_own", rates.Own())
    monkeypatch.setattr(rates, "_away_until", 0.0)
    rates._script.cache_clear()
