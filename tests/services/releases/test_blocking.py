import pytest

from oemupdates.models import Release
from oemupdates.services.groups import channels
from oemupdates.services.releases import releases
from oemupdates.services.shared.activity import BadWords
from tests.services.makers import last_activity, make_operator, make_release, seeded_channel

pytestmark = pytest.mark.django_db


class TestBlock:
    def test_keeps_when_and_why(self, epoch):
        release = releases.block(make_release(), by=make_operator(), because="breaks disks")
        row = Release.objects.get(pk=release.pk)
        assert row.blocked_because == "breaks disks"
        assert row.blocked_at is not None
        assert epoch() == 1

    def test_says_what_the_release_was_to_whom(self):
        release = make_release()
        channels.set_target(seeded_channel(), release, by=None)
        channels.add_floor(seeded_channel("beta"), release, by=None, because="new updater")
        releases.block(release, by=make_operator(), because="breaks disks")
        written = last_activity()
        assert (written.verb, written.why) == ("release.blocked", "breaks disks")
        assert written.after == {
            "is_blocked": True,
            "target_of": ["stable (amd64)"],
            "floor_of": ["beta (amd64)"],
        }

    def test_needs_a_reason(self):
        with pytest.raises(BadWords):
            releases.block(make_release(), by=None, because="")

    def test_lets_only_one_of_two_hands_win(self):
        release = make_release()
        releases.block(release, by=None, because="breaks disks")
        with pytest.raises(releases.CannotBlock):
            releases.block(release, by=None, because="breaks the network")
        assert Release.objects.get().blocked_because == "breaks disks"


class TestUnblock:
    def test_takes_the_block_away_and_writes_down_what_it_was(self):
        release = releases.block(make_release(), by=None, because="breaks disks")
        releases.unblock(release, by=None, why="was the cable")
        row = Release.objects.get()
        assert (row.blocked_at, row.blocked_because) == (None, "")
        assert last_activity().before == {"blocked_because": "breaks disks"}

    def test_refuses_a_release_that_is_not_blocked(self):
        with pytest.raises(releases.CannotUnblock):
            releases.unblock(make_release(), by=None)
