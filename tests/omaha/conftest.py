"""The door of every test here: a whole server on the test's own database."""

from collections.abc import Iterator

import pytest

from tests.omaha.door import Door, serving


@pytest.fixture
def door(transactional_db: None) -> Iterator[Door]:
    """A running server; rows are committed, as other connections must see them."""
    with serving() as opened:
        yield opened
