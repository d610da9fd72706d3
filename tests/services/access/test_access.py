"""Who may do what."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from oemupdates.domain.access import EVERYWHERE, Permission, Reach, Role
from oemupdates.models import Group, Operator, RoleGrant
from oemupdates.services.access import access, roles
from tests.services.access.test_identities import CORP

pytestmark = pytest.mark.django_db


@pytest.fixture
def berlin() -> Group:
    return Group.objects.get(track="stable", architecture="amd64")


@pytest.fixture
def somebody(berlin: Group) -> Operator:
    operator = Operator.objects.create_user("somebody")
    RoleGrant.objects.create(operator=operator, role=Role.VIEWER)
    RoleGrant.objects.create(operator=operator, role=Role.OPERATOR, group=berlin)
    return operator


class TestCan:
    def test_follows_the_roles(self, somebody: Operator, berlin: Group) -> None:
        assert access.can(somebody, Permission.READ_FLEET)
        assert access.can(somebody, Permission.OPERATE_NODES, group=berlin.pk)
        assert not access.can(somebody, Permission.OPERATE_NODES)
        assert not access.can(somebody, Permission.OPERATE_NODES, group=berlin.pk + 1)

    def test_is_nothing_for_somebody_who_was_switched_off(self, somebody: Operator) -> None:
        somebody.is_active = False
        assert not access.can(somebody, Permission.READ_FLEET)

    @pytest.mark.parametrize(("days", "may"), [(1, True), (-1, False)])
    def test_of_a_provider_is_for_a_time(self, settings: Any, days: int, *, may: bool) -> None:
        settings.LOGIN_PROVIDERS = (CORP,)
        ann = Operator.objects.create_user("ann")
        until = timezone.now() + timedelta(days=days)
        RoleGrant.objects.create(operator=ann, role=Role.ADMIN, provider="corp", holds_until=until)
        assert access.can(ann, Permission.READ_FLEET) is may
        assert (ann in roles.administrators()) is may

    def test_is_everything_for_the_first_operator(self) -> None:
        first = Operator.objects.create_superuser("first")
        assert all(access.can(first, permission) for permission in Permission)

    def test_asks_the_database_once(
        self, somebody: Operator, django_assert_num_queries: object
    ) -> None:
        with django_assert_num_queries(1):  # type: ignore[operator]
            for permission in Permission:
                access.can(somebody, permission)


class TestLimits:
    def test_leave_what_both_the_roles_and_the_token_allow(
        self, somebody: Operator, berlin: Group
    ) -> None:
        only_berlin = Reach(is_everywhere=False, groups=frozenset({berlin.pk}))
        token = access.limits.set(
            access.Limits(frozenset({Permission.READ_FLEET}), reach=only_berlin)
        )
        try:
            assert access.where(somebody, Permission.READ_FLEET) == only_berlin
            assert not access.where(somebody, Permission.OPERATE_NODES)
        finally:
            access.limits.reset(token)
        assert access.where(somebody, Permission.READ_FLEET) == EVERYWHERE


def test_require_says_what_is_missing(somebody: Operator) -> None:
    access.require(somebody, Permission.READ_FLEET)
    with pytest.raises(access.NotAllowed, match=r"somebody may not do this.*nodes\.operate"):
        access.require(somebody, Permission.OPERATE_NODES)
