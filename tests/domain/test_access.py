from itertools import pairwise

import pytest

from oemupdates.domain.access import (
    EVERYWHERE,
    EVERYWHERE_ONLY,
    NOWHERE,
    PERMISSIONS,
    ROLES,
    Grant,
    Permission,
    Reach,
    Role,
    reach,
)

SOME = frozenset({1, 2})
IN_SOME = Reach(is_everywhere=False, groups=SOME)


def test_every_permission_is_said_in_words() -> None:
    assert set(PERMISSIONS) == set(Permission)


def test_each_role_may_all_that_the_one_before_may() -> None:
    ladder = [Role.VIEWER, Role.OPERATOR, Role.APPROVER, Role.ADMIN]
    for lower, higher in pairwise(ladder):
        assert ROLES[lower] < ROLES[higher]


def test_an_auditor_sees_everything_and_does_nothing() -> None:
    assert ROLES[Role.AUDITOR] == {
        Permission.READ_FLEET,
        Permission.READ_RAW,
        Permission.READ_SECURITY,
    }


@pytest.mark.parametrize("permission", Permission)
def test_nobody_may_anything_without_a_role(permission: Permission) -> None:
    assert reach([], permission) == NOWHERE
    assert not reach([], permission)


def test_a_role_in_groups_holds_there_and_nowhere_else() -> None:
    found = reach([Grant(Role.OPERATOR, SOME)], Permission.OPERATE_NODES)
    assert found == IN_SOME
    assert found.covers(1)
    assert not found.covers(3)
    assert not found.covers(None), "an unassigned node is in no group"


def test_a_role_everywhere_holds_for_what_is_in_no_group_too() -> None:
    assert reach([Grant(Role.VIEWER)], Permission.READ_FLEET).covers(None)


def test_several_roles_add_up() -> None:
    grants = [Grant(Role.OPERATOR, frozenset({1})), Grant(Role.OPERATOR, frozenset({2}))]
    assert reach(grants, Permission.OPERATE_NODES) == IN_SOME
    assert reach([*grants, Grant(Role.VIEWER)], Permission.READ_FLEET) == EVERYWHERE
    assert reach([*grants, Grant(Role.VIEWER)], Permission.OPERATE_NODES) == IN_SOME


@pytest.mark.parametrize("permission", sorted(EVERYWHERE_ONLY))
def test_what_concerns_no_single_group_is_not_had_in_groups(permission: Permission) -> None:
    assert reach([Grant(Role.ADMIN, SOME)], permission) == NOWHERE
    assert reach([Grant(Role.ADMIN)], permission) == EVERYWHERE


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        (EVERYWHERE, EVERYWHERE, EVERYWHERE),
        (EVERYWHERE, IN_SOME, IN_SOME),
        (IN_SOME, EVERYWHERE, IN_SOME),
        (
            IN_SOME,
            Reach(is_everywhere=False, groups=frozenset({2, 3})),
            Reach(is_everywhere=False, groups=frozenset({2})),
        ),
        (IN_SOME, NOWHERE, NOWHERE),
    ],
)
def test_within_is_where_both_hold(one: Reach, other: Reach, both: Reach) -> None:
    assert one.within(other) == both
