"""Sealed secrets."""

import pytest
from pytest_django.fixtures import Settings

from oemupdates.services.shared.sealing import Unreadable, seal, unseal

OLD, NEW = "the former key " * 4, "the present key " * 4


class TestSeal:
    def test_is_opened_by_the_same_key_and_purpose(self) -> None:
        sealed = seal("whsec_ä", purpose="webhook")
        assert "whsec" not in sealed
        assert unseal(sealed, purpose="webhook") == "whsec_ä"

    def test_is_never_the_same_twice(self) -> None:
        assert seal("one", purpose="webhook") != seal("one", purpose="webhook")

    def test_is_closed_to_another_purpose(self) -> None:
        with pytest.raises(Unreadable):
            unseal(seal("one", purpose="webhook"), purpose="update endpoint")

    def test_outlives_the_rotation_of_the_key(self, settings: Settings) -> None:
        settings.SECRET_KEY = OLD
        sealed = seal("one", purpose="webhook")
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = NEW, [OLD]
        assert unseal(sealed, purpose="webhook") == "one"
        renewed = seal("one", purpose="webhook")
        settings.SECRET_KEY_FALLBACKS = []
        assert unseal(renewed, purpose="webhook") == "one"
        with pytest.raises(Unreadable, match="FLEET_SECRET_KEY"):
            unseal(sealed, purpose="webhook")

    @pytest.mark.parametrize("damaged", ["", "x", "gAAAAA==", "\u00e4"])
    def test_says_when_it_was_damaged(self, damaged: str) -> None:
        with pytest.raises(Unreadable):
            unseal(damaged, purpose="webhook")

    def test_notices_a_changed_character(self) -> None:
        sealed = seal("one", purpose="webhook")
        with pytest.raises(Unreadable):
            unseal(
                sealed[:20] + ("A" if sealed[20] != "A" else "B") + sealed[21:], purpose="webhook"
            )
