"""How often a password may be tried at the log-in page."""

from typing import Any

import pytest
from django.test import Client

from oemupdates.models import Activity, Operator
from oemupdates.services.shared import rates
from tests.dashboard.conftest import PASSWORD

HERE, THERE = "192.0.2.1", "192.0.2.2"


@pytest.fixture(autouse=True)
def _limited(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.LOG_INS_A_MINUTE = 8
    monkeypatch.setattr(rates, "_own", rates.Own())


def knock(password: str, address: str = HERE, name: str = "admin") -> Any:
    client = Client(REMOTE_ADDR=address)
    return client.post("/login/", {"username": name, "password": password})


def test_too_many_tries_of_a_name_wait_even_with_the_right_password(admin: Operator) -> None:
    assert [knock("guess").status_code for _ in range(5)] == [200] * 5
    answer = knock(PASSWORD)
    assert answer.status_code == 429
    assert 1 <= int(answer["Retry-After"]) <= 12
    assert "Too many tries: wait" in answer.content.decode()
    assert "sessionid" not in answer.cookies


def test_the_owner_comes_in_from_elsewhere_meanwhile(admin: Operator) -> None:
    for _ in range(9):
        knock("guess")
    assert knock(PASSWORD, THERE).status_code == 302


def test_too_many_names_from_an_address_wait(admin: Operator) -> None:
    codes = [knock("guess", name=f"somebody{n}").status_code for n in range(9)]
    assert codes == [200] * 8 + [429]
    assert knock(PASSWORD).status_code == 429


def test_a_network_of_ipv6_is_one_address(admin: Operator) -> None:
    codes = [knock("guess", f"2001:db8::{n}", f"somebody{n}").status_code for n in range(1, 10)]
    assert codes[-1] == 429
    assert knock(PASSWORD, "2001:db8:0:1::1").status_code == 302


def test_what_was_not_looked_at_is_no_activity(admin: Operator) -> None:
    for _ in range(20):
        knock("guess")
    assert Activity.objects.filter(verb="operator.log_in_failed").count() == 5


def test_a_limit_of_none_lets_anybody_try(admin: Operator, settings: Any) -> None:
    settings.LOG_INS_A_MINUTE = 0
    assert {knock("guess").status_code for _ in range(30)} == {200}


def test_who_is_logged_in_may_not_guess_the_present_password(page: Client) -> None:
    form = {
        "new_password1": "a longer one than before",
        "new_password2": "a longer one than before",
    }
    for _ in range(5):
        page.post("/password/", form | {"old_password": "guess"})
    answer = page.post("/password/", form | {"old_password": PASSWORD})
    assert "Too many tries" in answer.content.decode()
    assert Operator.objects.get().check_password(PASSWORD)
