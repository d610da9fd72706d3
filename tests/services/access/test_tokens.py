"""API tokens: made, let in, revoked."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta

import pytest
from django.utils import timezone

from oemupdates.domain.access import EVERYWHERE, Permission, Reach, Role
from oemupdates.models import Activity, ApiToken, Group, Operator, RoleGrant
from oemupdates.services.access import access, tokens
from oemupdates.services.access.tokens import Terms
from oemupdates.services.shared import activity
from tests.services.makers import last_activity, make_operator, seeded_group

pytestmark = pytest.mark.django_db

READ = Terms({Permission.READ_FLEET})
HERE = "192.0.2.7"


@pytest.fixture
def ann() -> Operator:
    operator = make_operator("ann")
    RoleGrant.objects.create(operator=operator, role=Role.OPERATOR)
    return operator


@pytest.fixture
def admin() -> Operator:
    return Operator.objects.create_superuser("admin")


@pytest.fixture
def made(ann: Operator) -> tokens.Made:
    return tokens.create(owner=ann, by=ann, name="nightly", terms=READ)


class TestCreate:
    def test_keeps_no_secret(self, made: tokens.Made) -> None:
        row = ApiToken.objects.get()
        assert made.secret.startswith("flt_")
        assert len(made.secret) == len("flt_") + 43
        assert made.secret not in str(row.__dict__)
        assert made.secret.startswith(row.prefix)
        assert len(row.prefix) < 12

    def test_is_written_down_without_the_secret(self, made: tokens.Made, ann: Operator) -> None:
        row = last_activity()
        assert (row.verb, row.actor, row.subject_id) == ("token.created", ann, made.token.pk)
        assert made.secret not in str(row.__dict__)
        assert row.after["scopes"] == ["fleet.read"]

    def test_is_for_ninety_days_unless_said(self, made: tokens.Made) -> None:
        assert made.token.expires_at - made.token.created_at == timedelta(days=90)

    @pytest.mark.parametrize("days", [0, -1, 367])
    def test_is_never_endless(self, ann: Operator, days: int) -> None:
        with pytest.raises(tokens.CannotMakeToken, match="1 to 366 days"):
            tokens.create(owner=ann, by=ann, name="x", terms=READ._replace(days=days))

    @pytest.mark.parametrize(
        ("name", "terms", "says"),
        [
            ("", READ, "needs a name"),
            ("x", Terms(()), "needs a scope"),
            ("x", READ._replace(groups=()), "needs one"),
            ("x", READ._replace(networks=["10.0.0.1/8"]), "host bits"),
            ("x", READ._replace(networks=["10.0.0.0/24"] * 51), "at most 50"),
            ("x", Terms({Permission.ADMINISTER}), "no token of theirs"),
        ],
    )
    def test_refuses_in_words(self, ann: Operator, name: str, terms: Terms, says: str) -> None:
        with pytest.raises(tokens.CannotMakeToken, match=says):
            tokens.create(owner=ann, by=ann, name=name, terms=terms)
        assert not ApiToken.objects.exists()

    def test_is_for_nobody_else(self, ann: Operator, admin: Operator) -> None:
        with pytest.raises(tokens.CannotMakeToken, match="makes no tokens for"):
            tokens.create(owner=ann, by=admin, name="x", terms=READ)

    def test_for_a_service_account_is_an_administrators(
        self, ann: Operator, admin: Operator
    ) -> None:
        robot = Operator.objects.create(username="robot", is_service_account=True)
        RoleGrant.objects.create(operator=robot, role=Role.VIEWER)
        with pytest.raises(tokens.CannotMakeToken, match="makes no tokens for"):
            tokens.create(owner=robot, by=ann, name="x", terms=READ)
        assert tokens.create(owner=robot, by=admin, name="x", terms=READ).token.operator == robot

    def test_a_token_makes_no_tokens(self, ann: Operator) -> None:
        within = access.limits.set(access.Limits(frozenset({Permission.READ_FLEET})))
        try:
            with pytest.raises(tokens.CannotMakeToken, match="makes no tokens"):
                tokens.create(owner=ann, by=ann, name="x", terms=READ)
        finally:
            access.limits.reset(within)


class TestAuthenticate:
    def test_lets_in_its_owner_within_its_scopes(self, made: tokens.Made, ann: Operator) -> None:
        who, limits, token = tokens.authenticate(made.secret, HERE)
        assert (who, token) == (ann, made.token)
        assert limits == access.Limits(frozenset({Permission.READ_FLEET}), EVERYWHERE)

    @pytest.mark.parametrize("secret", ["", "flt_", "flt_" + "A" * 43, "\udc80", "x" * 10_000])
    def test_knows_no_other_secret(self, made: tokens.Made, secret: str) -> None:
        with pytest.raises(tokens.UnknownToken):
            tokens.authenticate(secret, HERE)
        assert last_activity().verb == "token.created"

    def test_refuses_what_was_revoked(self, made: tokens.Made, ann: Operator) -> None:
        tokens.revoke(made.token, by=ann)
        with pytest.raises(tokens.RevokedToken):
            tokens.authenticate(made.secret, HERE)

    def test_refuses_from_the_moment_of_its_end(self, made: tokens.Made) -> None:
        now = timezone.now()
        ApiToken.objects.update(created_at=now - timedelta(days=1), expires_at=now)
        with pytest.raises(tokens.ExpiredToken, match="expired at"):
            tokens.authenticate(made.secret, HERE)

    def test_refuses_with_its_owner(self, made: tokens.Made) -> None:
        Operator.objects.update(is_active=False)
        with pytest.raises(tokens.OwnerSwitchedOff):
            tokens.authenticate(made.secret, HERE)

    @pytest.mark.parametrize(
        ("address", "is_let_in"),
        [
            ("10.1.2.3", True),
            ("::ffff:10.1.2.3", True),
            ("2001:db8::1", True),
            ("11.0.0.1", False),
            ("2001:db9::1", False),
            ("", False),
            ("a proxy", False),
        ],
    )
    def test_asks_for_its_networks(self, ann: Operator, address: str, is_let_in: bool) -> None:  # noqa: FBT001
        terms = READ._replace(networks=["10.0.0.0/8", "2001:db8::/32"])
        made = tokens.create(owner=ann, by=ann, name="x", terms=terms)
        if is_let_in:
            tokens.authenticate(made.secret, address)
            return
        with pytest.raises(tokens.WrongNetwork):
            tokens.authenticate(made.secret, address)

    def test_follows_its_owners_roles(self, ann: Operator) -> None:
        terms = Terms({Permission.READ_FLEET, Permission.OPERATE_NODES})
        made = tokens.create(owner=ann, by=ann, name="x", terms=terms)
        RoleGrant.objects.update(role=Role.VIEWER)
        who, limits, _ = tokens.authenticate(made.secret, HERE)
        within = access.limits.set(limits)
        try:
            assert access.can(who, Permission.READ_FLEET)
            assert not access.can(who, Permission.OPERATE_NODES)
        finally:
            access.limits.reset(within)

    def test_stays_in_its_groups_even_when_they_are_gone(self, ann: Operator) -> None:
        group = Group.objects.create(
            application=seeded_group().application, name="b", track="b", architecture="amd64"
        )
        terms = READ._replace(groups=[group])
        made = tokens.create(owner=ann, by=ann, name="x", terms=terms)
        reach = tokens.authenticate(made.secret, HERE).limits.reach
        assert reach == Reach(is_everywhere=False, groups=frozenset({group.pk}))
        group.delete()
        assert not tokens.authenticate(made.secret, HERE).limits.reach

    def test_writes_its_last_use_once_a_minute(
        self,
        made: tokens.Made,
        django_assert_num_queries: Callable[[int], AbstractContextManager[object]],
    ) -> None:
        tokens.authenticate(made.secret, HERE)
        first = ApiToken.objects.get()
        assert first.last_used_from == HERE
        assert first.last_used_at is not None
        with django_assert_num_queries(1):
            tokens.authenticate(made.secret, "192.0.2.8")
        assert ApiToken.objects.get().last_used_at == first.last_used_at
        ApiToken.objects.update(last_used_at=first.last_used_at - timedelta(seconds=61))
        tokens.authenticate(made.secret, "192.0.2.8")
        assert ApiToken.objects.get().last_used_from == "192.0.2.8"

    def test_writes_a_refusal_once_a_minute(self, made: tokens.Made, ann: Operator) -> None:
        tokens.revoke(made.token, by=ann)
        with activity.coming_from():
            for _ in range(3):
                with pytest.raises(tokens.RevokedToken):
                    tokens.authenticate(made.secret, HERE)
        row = Activity.objects.get(verb="token.refused")
        assert (row.token, row.actor, row.after) == (made.token, ann, {"address": HERE})


class TestRevoke:
    def test_happens_once(self, made: tokens.Made, ann: Operator) -> None:
        tokens.revoke(made.token, by=ann, why="left behind")
        assert made.token.revoked_at is not None
        assert (last_activity().verb, last_activity().why) == ("token.revoked", "left behind")
        with pytest.raises(tokens.CannotRevokeToken, match="already"):
            tokens.revoke(made.token, by=ann)


def test_the_valid_are_those_that_would_be_let_in(made: tokens.Made, ann: Operator) -> None:
    now = timezone.now()
    assert list(ApiToken.objects.valid(now)) == [made.token]
    assert not ApiToken.objects.valid(made.token.expires_at)
    Operator.objects.update(is_active=False)
    assert not ApiToken.objects.valid(now)
