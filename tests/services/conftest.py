"""What tests of verbs ask of the configuration."""

from collections.abc import Callable

import pytest

from oemupdates.models import Configuration


@pytest.fixture
def epoch(db: None) -> Callable[[], int]:
    """How often the configuration changed since the test began."""
    before = Configuration.objects.get().epoch
    return lambda: Configuration.objects.get().epoch - before
