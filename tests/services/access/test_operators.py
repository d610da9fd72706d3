import re

import pytest

from oemupdates.models import Activity, Operator
from oemupdates.services.access import operators
from oemupdates.services.access.operators import create_first
from tests.services.makers import make_operator

pytestmark = pytest.mark.django_db


class TestCreateFirst:
    def test_gives_a_name_and_a_password_that_must_be_changed(self):
        first = create_first()
        assert first is not None
        operator = Operator.objects.get()
        assert operator.username == first[0] == "admin"
        assert operator.check_password(first[1])
        assert operator.must_change_password
        assert operator.is_superuser

    def test_makes_passwords_that_are_read_off_a_screen_without_doubt(self):
        first = create_first()
        assert first is not None
        assert re.fullmatch(r"([a-hj-km-np-z2-9]{5}-){3}[a-hj-km-np-z2-9]{5}", first[1])

    def test_writes_it_down(self):
        create_first()
        written = Activity.objects.get()
        assert (written.verb, written.subject, written.actor) == (
            "operator.created",
            "admin",
            None,
        )

    def test_leaves_a_fleet_alone_that_has_an_operator(self):
        Operator.objects.create_user("ada", password="somebody's own")
        assert create_first() is None
        assert [operator.username for operator in Operator.objects.all()] == ["ada"]
        assert not Activity.objects.exists()


class TestPrefer:
    def test_keeps_what_is_not_named(self):
        operator = make_operator()
        operators.prefer(operator, {"theme": "dark"})
        stale = Operator.objects.get(pk=operator.pk)
        operators.prefer(operator, {"density": "compact"})
        operators.prefer(stale, {"theme": "light"})
        assert Operator.objects.get().preferences == {"theme": "light", "density": "compact"}

    def test_has_an_end(self):
        operator = make_operator()
        with pytest.raises(operators.TooManyPreferences):
            operators.prefer(operator, {str(number): "x" for number in range(51)})
        assert Operator.objects.get().preferences == {}
