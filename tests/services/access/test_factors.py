"""A code is taken once, also when it is said twice at the same moment."""

import threading

import pytest
from django.db import connection
from django.utils import timezone

from oemupdates.models import Operator
from oemupdates.services.access import factors
from tests.dashboard.test_factors import code_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("kind", ["recovery", "app"])
def test_two_hands_with_one_code_open_once(kind: str) -> None:
    who = Operator.objects.create_user("ann", password="x")
    secret = factors.new_secret()
    codes = factors.add_app(who, secret, code_of(secret, -1), session={})
    code = codes[0] if kind == "recovery" else code_of(secret)
    ready, said = threading.Barrier(2), []

    def say() -> None:
        try:
            ready.wait(10)
            said.append(factors.accept(who, code, now=timezone.now()))
        finally:
            connection.close()

    hands = [threading.Thread(target=say) for _ in range(2)]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join(30)
    assert sorted(said) == [False, True]
