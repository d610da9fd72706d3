"""Roles: given and taken by administrators, and by identity providers."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from oemupdates.domain.access import Role
from oemupdates.models import ApiToken, Operator, RoleGrant
from oemupdates.services.access import operators, roles
from tests.services.access.test_identities import CORP
from tests.services.makers import last_activity, make_operator, make_token, seeded_group

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin() -> Operator:
    return Operator.objects.create_superuser("admin")


class TestGive:
    def test_gives_once_and_writes_it_down(self, admin: Operator) -> None:
        ann = make_operator("ann")
        roles.give(ann, Role.OPERATOR, group=seeded_group(), by=admin)
        assert last_activity().after == {"roles": ["operator of stable (amd64)"]}
        with pytest.raises(roles.CannotGiveRole, match="already"):
            roles.give(ann, Role.OPERATOR, group=seeded_group(), by=admin)

    def test_an_admin_is_one_everywhere(self, admin: Operator) -> None:
        with pytest.raises(roles.CannotGiveRole, match="everywhere"):
            roles.give(admin, Role.ADMIN, group=seeded_group(), by=admin)


class TestTake:
    def test_leaves_what_a_provider_gave(self, admin: Operator, settings: Any) -> None:
        settings.LOGIN_PROVIDERS = (CORP,)
        grant = RoleGrant.objects.create(operator=admin, role=Role.VIEWER, provider="corp")
        with pytest.raises(roles.CannotTakeRole, match="comes from corp"):
            roles.take(grant, by=admin)
        settings.LOGIN_PROVIDERS = ()  # nobody would take it away any more
        roles.take(grant, by=admin)
        assert not RoleGrant.objects.exists()

    def test_counts_no_administrator_of_a_provider_that_is_gone(
        self, admin: Operator, settings: Any
    ) -> None:
        settings.LOGIN_PROVIDERS = (CORP,)
        RoleGrant.objects.create(operator=make_operator("ann"), role=Role.ADMIN, provider="corp")
        assert roles.administrators().count() == 2
        settings.LOGIN_PROVIDERS = ()
        with pytest.raises(roles.LastAdministrator):
            roles.make_ordinary(admin, by=admin)

    def test_leaves_the_last_administrator(self, admin: Operator) -> None:
        with pytest.raises(roles.LastAdministrator):
            roles.make_ordinary(admin, by=admin)
        assert Operator.objects.get().is_superuser
        roles.give(make_operator("ann"), Role.ADMIN, group=None, by=admin)
        roles.make_ordinary(admin, by=admin)
        assert list(roles.administrators().values_list("username", flat=True)) == ["ann"]


class TestFollowProvider:
    def follow(self, *entries: str) -> list[str]:
        ann = Operator.objects.get(username="ann")
        return [one.verb for one in roles.follow_provider(ann, "corp", entries, why="Told")]

    def test_gives_and_takes_what_the_groups_stand_for(self) -> None:
        RoleGrant.objects.create(operator=make_operator("ann"), role=Role.AUDITOR)
        assert self.follow("operator@stable", "viewer", "operator@nowhere") == ["role.given"]
        theirs = RoleGrant.objects.filter(provider="corp")
        assert set(theirs.values_list("role", "group__track")) == {
            ("viewer", None),
            ("operator", "stable"),
        }
        assert self.follow("viewer", "approver") == ["role.taken", "role.given"]
        assert set(theirs.values_list("role", flat=True)) == {"viewer", "approver"}
        assert self.follow("viewer", "approver") == []
        assert self.follow() == ["role.taken"]
        assert list(RoleGrant.objects.values_list("role", flat=True)) == ["auditor"]


class TestSwitchOff:
    def test_ends_tokens_and_the_way_in(self, admin: Operator) -> None:
        token = make_token()
        operators.switch_off(token.operator, by=admin, why="left")
        assert ApiToken.objects.get().revoked_at is not None
        assert not Operator.objects.get(pk=token.operator.pk).is_active
        with pytest.raises(operators.CannotSwitchOperator, match="already"):
            operators.switch_off(token.operator, by=admin)

    def test_is_not_for_oneself(self, admin: Operator) -> None:
        with pytest.raises(operators.CannotSwitchOperator, match="their own"):
            operators.switch_off(admin, by=admin)


@pytest.mark.parametrize("name", ["", "a b", "x" * 151, "<b>", "ADMIN"])
def test_makes_no_operator_with_a_name_that_cannot_be(admin: Operator, name: str) -> None:
    with pytest.raises(operators.CannotMakeOperator):
        operators.create(name, by=admin)


@pytest.mark.django_db(transaction=True)
def test_two_hands_cannot_take_the_last_two_administrators_away() -> None:
    pair = [Operator.objects.create_superuser(name) for name in ("ann", "bob")]

    def take(which: int) -> bool:
        try:
            roles.make_ordinary(pair[which], by=pair[1 - which])
        except roles.LastAdministrator:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(take, (0, 1))) == [False, True]
    assert roles.administrators().count() == 1
