"""Addresses from which too many tokens came that nobody has."""

from typing import Any

import pytest
from django.test import Client

from oemupdates.domain.access import Permission, Role
from oemupdates.services.access import strangers, tokens
from oemupdates.services.shared import rates
from tests.api.conftest import problem, somebody
from tests.services.makers import make_token

pytestmark = pytest.mark.django_db
HERE, THERE = "192.0.2.1", "192.0.2.2"


@pytest.fixture(autouse=True)
def _few(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.API_UNKNOWN_TOKENS_A_MINUTE = 3
    monkeypatch.setattr(rates, "_own", rates.Own())
    monkeypatch.setattr(strangers, "_waiting", {})


def good() -> str:
    owner = somebody("ann", Role.VIEWER)
    terms = tokens.Terms([Permission.READ_FLEET])
    return tokens.create(owner=owner, by=owner, name="ci", terms=terms).secret


def guess(address: str, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(tokens.UnknownToken):
            tokens.authenticate("flt_guess", address)


def test_wait_even_with_a_good_token() -> None:
    secret = good()
    guess(HERE, 4)
    with pytest.raises(tokens.TooManyUnknown) as refused:
        tokens.authenticate(secret, HERE)
    assert 1 <= refused.value.seconds <= 21
    assert tokens.authenticate(secret, THERE).operator.username == "ann"


def test_come_again_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = good()
    guess(HERE, 4)
    monkeypatch.setattr(strangers, "_waiting", {HERE: strangers.time.monotonic() - 1})
    assert tokens.authenticate(secret, HERE)


def test_are_not_those_of_a_token_that_is_over() -> None:
    old = make_token(secret_hash=tokens._digest("flt_old"), revoked_at="2026-01-01T00:00Z")
    for _ in range(10):
        with pytest.raises(tokens.RevokedToken):
            tokens.authenticate("flt_old", HERE)
    assert old.revoked_at
    assert strangers.seconds_to_wait(HERE) == 0


def test_are_not_counted_without_a_limit(settings: Any) -> None:
    settings.API_UNKNOWN_TOKENS_A_MINUTE = 0
    guess(HERE, 50)


def test_hear_so_from_the_api() -> None:
    client = Client(headers={"Authorization": "Bearer flt_guess"})
    for _ in range(4):
        assert problem(client.get("/api/v1/me")) == (401, "not-authenticated")
    answer = client.get("/api/v1/me")
    assert problem(answer) == (429, "too-many-requests")
    assert 1 <= int(answer.headers["Retry-After"]) <= 21
    assert Client().get("/api/v1/me").status_code == 401  # a browser is none of these
