from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from oemupdates.domain.access import EVERYWHERE, Reach
from oemupdates.models import Group, ShareLink
from oemupdates.services.access import share_links
from oemupdates.services.shared import activity
from tests.services.makers import NOW, last_activity, make_operator, seeded_group

pytestmark = pytest.mark.django_db
BADGE, WALLBOARD = ShareLink.Kind.BADGE, ShareLink.Kind.WALLBOARD


@pytest.fixture
def group() -> Group:
    return seeded_group()


def wallboard(group: Group | None = None, name: str = "Kitchen") -> ShareLink:
    return share_links.make_wallboard(name, group=group, by=None, now=NOW)


class TestMakeBadge:
    def test_gives_a_group_an_address_that_cannot_be_guessed(self, group: Group) -> None:
        secret = share_links.secret_of(share_links.make_badge(group, by=None, now=NOW))
        assert len(secret) == share_links.SECRET_LENGTH
        found = share_links.let_in(BADGE, secret)
        assert found is not None
        assert found.group == group

    def test_keeps_no_secret_that_can_be_read(self, group: Group) -> None:
        secret = share_links.secret_of(share_links.make_badge(group, by=None, now=NOW))
        row = ShareLink.objects.values().get()
        assert secret not in str(row)

    def test_writes_it_down_without_the_secret(self, group: Group) -> None:
        operator = make_operator()
        secret = share_links.secret_of(share_links.make_badge(group, by=operator, now=NOW))
        row = last_activity()
        assert (row.verb, row.subject_id, row.actor) == ("group.badge_made", group.pk, operator)
        assert secret not in f"{row.before}{row.after}{row.why}"

    def test_gives_a_second_address_in_place_of_the_first(self, group: Group) -> None:
        old = share_links.secret_of(share_links.make_badge(group, by=None, now=NOW))
        new = share_links.secret_of(share_links.make_badge(group, by=None, now=NOW))
        assert share_links.let_in(BADGE, old) is None
        assert share_links.let_in(BADGE, new) is not None
        assert ShareLink.objects.count() == 1
        assert last_activity().verb == "group.badge_renewed"


class TestRevokeBadge:
    def test_ends_it(self, group: Group) -> None:
        secret = share_links.secret_of(share_links.make_badge(group, by=None, now=NOW))
        share_links.revoke_badge(group, by=None, why="leaked")
        assert share_links.let_in(BADGE, secret) is None
        assert (last_activity().verb, last_activity().why) == ("group.badge_revoked", "leaked")

    def test_refuses_where_there_is_none(self, group: Group) -> None:
        wallboard(group)
        with pytest.raises(share_links.NoLink, match="has no badge"):
            share_links.revoke_badge(group, by=None)


class TestMakeWallboard:
    def test_shows_the_fleet_or_a_group(self, group: Group) -> None:
        assert wallboard().reach == EVERYWHERE
        assert wallboard(group).reach == Reach(is_everywhere=False, groups=frozenset({group.pk}))
        assert last_activity().after == {"of": str(group)}

    def test_needs_a_name(self) -> None:
        with pytest.raises(share_links.CannotMakeLink, match="needs a name"):
            wallboard(name="  ")
        with pytest.raises(activity.BadWords):
            wallboard(name="x" * 101)
        assert not ShareLink.objects.exists()

    def test_has_an_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(share_links, "MOST_WALLBOARDS", 1)
        wallboard()
        with pytest.raises(share_links.CannotMakeLink, match="revoke"):
            wallboard()


class TestRevokeWallboard:
    def test_ends_it_once(self, group: Group) -> None:
        link = wallboard()
        secret = share_links.secret_of(link)
        share_links.revoke_wallboard(link, by=None)
        assert share_links.let_in(WALLBOARD, secret) is None
        assert last_activity().subject == "Kitchen"
        with pytest.raises(share_links.NoLink):
            share_links.revoke_wallboard(link, by=None)

    def test_leaves_badges_alone(self, group: Group) -> None:
        badge = share_links.make_badge(group, by=None, now=NOW)
        with pytest.raises(share_links.NoLink):
            share_links.revoke_wallboard(badge, by=None)


class TestLetIn:
    @pytest.mark.parametrize("secret", ["", "x" * 43, "\ud800", "\x00"])
    def test_lets_no_stranger_in(self, group: Group, secret: str) -> None:
        wallboard()
        assert share_links.let_in(WALLBOARD, secret) is None

    def test_opens_nothing_of_another_kind(self, group: Group) -> None:
        secret = share_links.secret_of(share_links.make_badge(group, by=None, now=NOW))
        assert share_links.let_in(WALLBOARD, secret) is None

    def test_asks_once(self, group: Group, django_assert_num_queries) -> None:
        secret = share_links.secret_of(share_links.make_badge(group, by=None, now=NOW))
        with django_assert_num_queries(1):
            found = share_links.let_in(BADGE, secret)
            assert found is not None
            assert found.group is not None
            assert found.group.target_version == ""


class TestMarkUsed:
    def test_is_written_once_an_hour(self, django_assert_num_queries) -> None:
        link = wallboard()
        share_links.mark_used(link, NOW)
        link.refresh_from_db()
        assert link.last_used_at == NOW
        with django_assert_num_queries(0):
            share_links.mark_used(link, NOW + timedelta(minutes=59))
        share_links.mark_used(link, NOW + timedelta(hours=1))
        link.refresh_from_db()
        assert link.last_used_at == NOW + timedelta(hours=1)


class TestLinks:
    def test_go_with_their_group(self, group: Group) -> None:
        share_links.make_badge(group, by=None, now=NOW)
        wallboard(group)
        group.delete()
        assert not ShareLink.objects.exists()

    def test_are_narrowed_to_a_reach(self, group: Group) -> None:
        link = wallboard(group)
        wallboard()
        here = Reach(is_everywhere=False, groups=frozenset({group.pk}))
        assert list(ShareLink.objects.wallboards().within(here)) == [link]
        assert ShareLink.objects.wallboards().within(EVERYWHERE).count() == 2

    @pytest.mark.parametrize(
        "values", [{"kind": "badge"}, {"kind": "wallboard", "name": ""}, {"kind": "poster"}]
    )
    def test_are_what_they_must_be(self, values: dict[str, str]) -> None:
        with pytest.raises(IntegrityError), transaction.atomic():
            ShareLink.objects.create(
                secret_hash="0" * 64, sealed_secret="x", made_at=NOW, **values
            )
