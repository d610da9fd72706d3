from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from oemupdates.models import Configuration, Operator, UpdateSecret
from oemupdates.services.access import update_secrets
from oemupdates.services.checkins import passes
from oemupdates.services.checkins.passes import PLAIN, Used, digest
from tests.services.makers import NOW, last_activity, make_operator, seeded_group

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann() -> Operator:
    return make_operator()


def made(by: Operator, name: str = "all nodes", **given: Any) -> update_secrets.Made:
    return update_secrets.create(name, by=by, **given)


def plain() -> UpdateSecret:
    return UpdateSecret.objects.get(digest=PLAIN)


class TestCreate:
    def test_seals_what_nodes_are_told(self, ann: Operator) -> None:
        secret, value = made(ann)
        assert value not in secret.sealed
        assert secret.digest == digest(value) == digest(f"/{value}/")
        assert passes.for_new_nodes() == value

    def test_cuts_nobody_off(self, ann: Operator) -> None:
        assert set(passes.passes()) == {PLAIN}
        _, value = made(ann)
        assert set(passes.passes()) == {PLAIN, digest(value)}

    def test_opens_nothing_where_settings_have_secrets(self, ann: Operator, settings: Any) -> None:
        settings.UPDATE_SECRETS = ["old", "/", ""]
        _, value = made(ann)
        assert set(passes.passes()) == {digest("old"), digest(value)}

    def test_makes_check_ins_see_it_at_once(self, ann: Operator) -> None:
        before = Configuration.objects.get().epoch
        made(ann)
        assert Configuration.objects.get().epoch == before + 1

    def test_needs_a_name(self, ann: Operator) -> None:
        with pytest.raises(update_secrets.CannotMakeSecret):
            made(ann, " ")

    def test_writes_down_who_and_never_what(self, ann: Operator) -> None:
        _, value = made(ann, group=seeded_group())
        row = last_activity()
        assert (row.verb, row.actor, row.after) == (
            "secret.created",
            ann,
            {"group": "stable (amd64)"},
        )
        assert value not in f"{row.before}{row.after}{row.subject}{row.why}"


class TestRotate:
    def test_lets_both_in_for_a_while(self, ann: Operator) -> None:
        secret, value = made(ann)
        successor, another = update_secrets.rotate(secret, by=ann, days=7)
        secret.refresh_from_db()
        assert secret.ends_at is not None
        assert timedelta(6) < secret.ends_at - timezone.now() <= timedelta(7)
        found = passes.passes()
        assert found[digest(value)].ends_at == secret.ends_at
        assert found[digest(another)].ends_at is None
        assert (successor.name, passes.for_new_nodes()) == (secret.name, another)

    def test_stays_with_its_group(self, ann: Operator) -> None:
        group = seeded_group()
        successor, _ = update_secrets.rotate(made(ann, group=group).secret, by=ann)
        assert (successor.is_limited_to_group, successor.group) == (True, group)

    def test_of_a_group_that_is_gone_opens_nothing_wider(self, ann: Operator) -> None:
        secret, _ = made(ann, group=seeded_group())
        UpdateSecret.objects.filter(pk=secret.pk).update(group=None)
        _, value = update_secrets.rotate(secret, by=ann)
        assert passes.passes()[digest(value)].group == passes.NO_GROUP

    def test_is_done_once(self, ann: Operator) -> None:
        secret, _ = made(ann)
        update_secrets.rotate(secret, by=ann)
        with pytest.raises(update_secrets.CannotChangeSecret):
            update_secrets.rotate(secret, by=ann)
        with pytest.raises(update_secrets.CannotChangeSecret):
            update_secrets.rotate(plain(), by=ann)

    @pytest.mark.parametrize("days", [-1, 367])
    def test_overlaps_within_reason(self, ann: Operator, days: int) -> None:
        with pytest.raises(update_secrets.CannotChangeSecret):
            update_secrets.rotate(made(ann).secret, by=ann, days=days)


class TestEnding:
    def test_the_plain_address_closes_the_door(self, ann: Operator) -> None:
        made(ann)
        update_secrets.revoke(plain(), by=ann, why="all are moved")
        assert PLAIN not in passes.passes()
        assert last_activity().why == "all are moved"

    def test_the_last_lasting_one_is_refused(self, ann: Operator) -> None:
        secret, _ = made(ann)
        update_secrets.revoke(plain(), by=ann)
        made(ann, group=seeded_group())  # does not let every node in
        with pytest.raises(update_secrets.LastSecret):
            update_secrets.revoke(secret, by=ann)
        with pytest.raises(update_secrets.LastSecret):
            update_secrets.set_end(secret, days=30, by=ann)
        secret.refresh_from_db()
        assert (secret.revoked_at, secret.ends_at) == (None, None)

    def test_the_last_one_is_well_with_one_in_settings(self, ann: Operator, settings: Any) -> None:
        settings.UPDATE_SECRETS = ["old"]
        update_secrets.revoke(made(ann).secret, by=ann)
        assert set(passes.passes()) == {digest("old")}

    def test_is_put_off_and_taken_back(self, ann: Operator) -> None:
        secret, _ = made(ann)
        update_secrets.rotate(secret, by=ann, days=1)
        later = update_secrets.set_end(secret, days=60, by=ann)
        assert later.ends_at
        assert later.ends_at > timezone.now() + timedelta(59)
        assert update_secrets.set_end(secret, days=None, by=ann).ends_at is None

    def test_is_for_ever_once_revoked(self, ann: Operator) -> None:
        secret, _ = made(ann)
        update_secrets.revoke(secret, by=ann)
        for verb in (
            lambda: update_secrets.revoke(secret, by=ann),
            lambda: update_secrets.set_end(secret, days=3, by=ann),
            lambda: update_secrets.rotate(secret, by=ann),
        ):
            with pytest.raises(update_secrets.CannotChangeSecret):
                verb()

    def test_everything_never_opens_the_plain_address_again(self, ann: Operator) -> None:
        made(ann)
        UpdateSecret.objects.update(revoked_at=NOW)
        assert passes.passes() == {}


class TestOpenPlain:
    def test_lets_nodes_without_one_in_again(self, ann: Operator) -> None:
        made(ann)
        update_secrets.revoke(plain(), by=ann)
        update_secrets.open_plain(days=3, by=ann)
        assert passes.passes()[PLAIN].ends_at
        assert UpdateSecret.objects.filter(digest=PLAIN).count() == 1

    def test_is_refused_where_it_is_open(self, ann: Operator) -> None:
        with pytest.raises(update_secrets.CannotMakeSecret):
            update_secrets.open_plain(by=ann)
        made(ann)
        with pytest.raises(update_secrets.CannotMakeSecret):
            update_secrets.open_plain(by=ann)


class TestWhatNewNodesAreTold:
    def test_is_their_groups_own(self, ann: Operator) -> None:
        group = seeded_group()
        _, general = made(ann)
        _, own = made(ann, group=group)
        made(ann, group=seeded_group("beta"))
        assert passes.for_new_nodes(group.pk) == own
        assert passes.for_new_nodes(seeded_group("alpha").pk) == general
        assert passes.for_new_nodes() == general

    def test_is_the_newest_that_lasts(self, ann: Operator) -> None:
        _, first = made(ann)
        second, _ = made(ann)
        update_secrets.set_end(second, days=3, by=ann)
        assert passes.for_new_nodes() == first

    def test_is_the_setting_where_there_is_no_row(self, settings: Any) -> None:
        settings.UPDATE_SECRETS = ["/", "s3cret", "old"]
        assert passes.for_new_nodes() == "s3cret"

    def test_is_nothing_that_cannot_be_read(self, ann: Operator, settings: Any) -> None:
        made(ann)
        settings.SECRET_KEY = "another" * 10
        assert passes.for_new_nodes() is None


class TestUse:
    def test_is_kept_the_newest(self, ann: Operator) -> None:
        secret, _ = made(ann)
        passes.note([Used(secret.digest, NOW, "192.0.2.1")])
        passes.note([Used(secret.digest, NOW - timedelta(1), "192.0.2.2")])
        secret.refresh_from_db()
        assert (secret.last_used_at, secret.last_used_from) == (NOW, "192.0.2.1")

    def test_of_a_setting_is_kept_in_a_row_that_lets_nobody_in(self, settings: Any) -> None:
        settings.UPDATE_SECRETS = ["one", "two"]
        passes.note([Used(digest("two"), NOW, "192.0.2.1")])
        passes.note([Used(digest("two"), NOW + timedelta(1), "192.0.2.1")])
        row = UpdateSecret.objects.get()
        assert (row.name, row.kind, row.last_used_at) == (
            "Setting 2",
            "setting",
            NOW + timedelta(1),
        )
        settings.UPDATE_SECRETS = []
        assert set(passes.passes()) == {PLAIN}

    def test_of_what_is_unknown_is_nothing(self) -> None:
        passes.note([Used("0" * 64, NOW, "")])
        assert not UpdateSecret.objects.exists()
