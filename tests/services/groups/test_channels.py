import pytest

from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.models import Activity, Channel, DeadEnd, Floor
from oemupdates.services.groups import channels
from oemupdates.services.releases import releases
from oemupdates.services.shared.activity import BadWords
from tests.services.makers import (
    flatcar,
    last_activity,
    make_application,
    make_operator,
    make_release,
    seeded_channel,
    seeded_group,
)

pytestmark = pytest.mark.django_db


class TestCreate:
    def test_makes_a_channel_without_a_target(self):
        channel = channels.create(flatcar(), name="canary", architecture="arm64", by=None)
        assert str(Channel.objects.get(pk=channel.pk)) == "canary (arm64)"
        assert last_activity().verb == "channel.created"

    @pytest.mark.parametrize(
        ("name", "architecture"), [("", "amd64"), ("canary", "riscv"), ("stable", "amd64")]
    )
    def test_refuses_what_is_no_channel_or_one_already(self, name, architecture):
        with pytest.raises(channels.CannotCreate):
            channels.create(flatcar(), name=name, architecture=architecture, by=None)


class TestSetTarget:
    def test_lets_the_channel_have_a_release(self):
        release = make_release("4593.2.1")
        channels.set_target(seeded_channel(), release, by=make_operator(), why="tested")
        assert seeded_channel().target == release
        written = last_activity()
        assert (written.verb, written.why) == ("channel.target_set", "tested")
        assert (written.before, written.after) == ({"target": None}, {"target": "4593.2.1"})

    def test_to_the_same_release_changes_nothing(self):
        release = make_release()
        channel = channels.set_target(seeded_channel(), release, by=None)
        channels.set_target(channel, release, by=None)
        assert Activity.objects.count() == 1

    def test_may_go_back_to_an_older_release(self):
        channel = channels.set_target(seeded_channel(), make_release("4593.2.1"), by=None)
        older = make_release("4459.2.4")
        assert channels.set_target(channel, older, by=None).target == older
        assert last_activity().before == {"target": "4593.2.1"}

    def test_refuses_a_release_for_other_machines(self):
        release = make_release(architecture="arm64")
        with pytest.raises(channels.CannotTarget, match="built for arm64"):
            channels.set_target(seeded_channel(), release, by=None)

    def test_refuses_a_release_of_another_application(self):
        release = make_release(application=make_application())
        with pytest.raises(channels.CannotTarget, match="another application"):
            channels.set_target(seeded_channel(), release, by=None)

    def test_refuses_a_release_that_was_blocked_since_it_was_read(self):
        release = make_release()
        releases.block(release, by=None, because="breaks the network")
        with pytest.raises(channels.CannotTarget, match="breaks the network"):
            channels.set_target(seeded_channel(), release, by=None)

    def test_refuses_a_release_without_an_os_payload(self):
        release = make_release(payloads=("oem-azure.gz",))
        with pytest.raises(channels.CannotTarget, match=r"flatcar_production_update\.gz"):
            channels.set_target(seeded_channel(), release, by=None)

    def test_refuses_a_release_with_a_payload_that_every_node_would_wait_for(self):
        release = make_release(payloads=[OS_PAYLOAD, "flatcar-zfs.gz", "oem-azure.gz"])
        release.payloads.exclude(name=OS_PAYLOAD).update(is_verified=False)
        with pytest.raises(channels.CannotTarget, match=r"nobody has read flatcar-zfs\.gz, so"):
            channels.set_target(seeded_channel(), release, by=None)
        release.payloads.filter(name="flatcar-zfs.gz").update(is_verified=True)
        assert channels.set_target(seeded_channel(), release, by=None).target == release

    def test_lets_only_one_of_two_hands_win(self):
        one, other = seeded_channel(), seeded_channel()
        first = make_release("4593.2.1")
        channels.set_target(one, first, by=None)
        with pytest.raises(channels.CannotTarget, match="someone else"):
            channels.set_target(other, make_release("4593.2.2"), by=None)
        assert seeded_channel().target == first


class TestClearTarget:
    def test_leaves_the_channel_without_a_target(self):
        channel = channels.set_target(seeded_channel(), make_release(), by=None)
        channels.clear_target(channel, by=None, why="wait for 4593.2.2")
        assert seeded_channel().target is None
        written = last_activity()
        assert (written.verb, written.before) == ("channel.target_cleared", {"target": "4593.2.1"})

    def test_of_a_channel_without_one_changes_nothing(self):
        channels.clear_target(seeded_channel(), by=None)
        assert not Activity.objects.exists()


class TestAddFloor:
    def test_keeps_the_release_and_the_reason(self):
        floor = channels.add_floor(
            seeded_channel(), make_release(), by=None, because="new updater"
        )
        floor = Floor.objects.get(pk=floor.pk)
        assert (floor.release.version, floor.reason) == ("4593.2.1", "new updater")
        written = last_activity()
        assert (written.verb, written.subject) == ("channel.floor_added", "stable (amd64)")
        assert (written.after, written.why) == ({"floor": "4593.2.1"}, "new updater")

    def test_needs_a_reason(self):
        with pytest.raises(BadWords):
            channels.add_floor(seeded_channel(), make_release(), by=None, because="")

    def test_refuses_a_release_for_other_machines(self):
        release = make_release(architecture="arm64")
        with pytest.raises(channels.CannotAddFloor, match="arm64"):
            channels.add_floor(seeded_channel(), release, by=None, because="new updater")

    def test_refuses_a_blocked_release(self):
        release = releases.block(make_release(), by=None, because="breaks the network")
        with pytest.raises(channels.CannotAddFloor, match="breaks the network"):
            channels.add_floor(seeded_channel(), release, by=None, because="new updater")

    def test_refuses_a_floor_that_is_one_already(self):
        release = make_release()
        channels.add_floor(seeded_channel(), release, by=None, because="new updater")
        with pytest.raises(channels.CannotAddFloor, match="already"):
            channels.add_floor(seeded_channel(), release, by=None, because="again")


class TestRemoveFloor:
    def test_takes_it_away_and_writes_down_what_it_was(self):
        floor = channels.add_floor(seeded_channel(), make_release(), by=None, because="updater")
        channels.remove_floor(floor, by=None, why="all have passed")
        assert not Floor.objects.exists()
        assert last_activity().before == {"floor": "4593.2.1", "reason": "updater"}

    def test_lets_only_one_of_two_hands_win(self):
        floor = channels.add_floor(seeded_channel(), make_release(), by=None, because="updater")
        other = Floor.objects.get(pk=floor.pk)
        channels.remove_floor(floor, by=None)
        with pytest.raises(channels.AlreadyGone):
            channels.remove_floor(other, by=None)


class TestAddDeadEnd:
    def test_keeps_the_version_and_the_reason(self):
        channels.add_dead_end(seeded_channel(), " 3033.2.0 ", by=None, because="lost its key")
        dead_end = DeadEnd.objects.get()
        assert (dead_end.version, dead_end.reason) == ("3033.2.0", "lost its key")
        assert last_activity().after == {"dead_end": "3033.2.0"}

    @pytest.mark.parametrize("version", ["", "latest", "3033.2", "3033.2.0\x00"])
    def test_refuses_what_is_no_version(self, version):
        with pytest.raises(channels.CannotAddDeadEnd):
            channels.add_dead_end(seeded_channel(), version, by=None, because="lost its key")

    def test_refuses_one_that_is_there_already(self):
        channels.add_dead_end(seeded_channel(), "3033.2.0", by=None, because="lost its key")
        with pytest.raises(channels.CannotAddDeadEnd, match="already"):
            channels.add_dead_end(seeded_channel(), "3033.2.0", by=None, because="again")


class TestRemoveDeadEnd:
    def test_takes_it_away_and_writes_down_what_it_was(self):
        dead_end = channels.add_dead_end(seeded_channel(), "3033.2.0", by=None, because="no key")
        channels.remove_dead_end(dead_end, by=None)
        assert not DeadEnd.objects.exists()
        assert last_activity().before == {"dead_end": "3033.2.0", "reason": "no key"}

    def test_lets_only_one_of_two_hands_win(self):
        dead_end = channels.add_dead_end(seeded_channel(), "3033.2.0", by=None, because="no key")
        other = DeadEnd.objects.get(pk=dead_end.pk)
        channels.remove_dead_end(dead_end, by=None)
        with pytest.raises(channels.AlreadyGone):
            channels.remove_dead_end(other, by=None)


class TestRename:
    def test_is_written_down_and_keeps_the_followers(self, epoch):
        channel = channels.rename(seeded_channel(), " main  line ", by=make_operator(), why="ours")
        assert Channel.objects.get(pk=channel.pk).name == "main line"
        assert seeded_group().channel == channel
        row = last_activity()
        assert (row.verb, row.subject, row.why) == ("channel.renamed", "main line (amd64)", "ours")
        assert (row.before, row.after) == ({"name": "stable"}, {"name": "main line"})
        assert epoch() == 1

    @pytest.mark.parametrize("name", ["", "  ", "beta"])
    def test_needs_a_name_of_its_own(self, name):
        with pytest.raises(channels.CannotRename):
            channels.rename(seeded_channel(), name, by=None)
        assert seeded_channel().name == "stable"

    def test_to_the_same_name_changes_nothing(self):
        channels.rename(seeded_channel(), "stable", by=None)
        assert not Activity.objects.filter(verb="channel.renamed").exists()


class TestDelete:
    def test_is_refused_while_groups_follow(self):
        with pytest.raises(channels.CannotDelete, match="followed by 1 group:"):
            channels.delete(seeded_channel(), by=None)
        assert seeded_channel()

    def test_takes_floors_and_dead_ends_along_and_says_so(self, epoch):
        channel = channels.create(flatcar(), name="old", architecture="amd64", by=None)
        channels.set_target(channel, make_release("4593.2.1"), by=None)
        channels.add_floor(channel, make_release("4459.2.1"), by=None, because="x")
        channels.add_dead_end(channel, "3510.2.0", by=None, because="x")
        before, key = epoch(), channel.pk
        channels.delete(channel, by=None, why="done")
        assert not Channel.objects.filter(pk=key).exists()
        row = last_activity()
        assert (row.verb, row.subject_id, row.why) == ("channel.deleted", key, "done")
        assert row.before == {
            "target": "4593.2.1",
            "floors": ["4459.2.1"],
            "dead_ends": ["3510.2.0"],
        }
        assert epoch() == before + 1

    def test_of_one_that_is_gone_is_refused(self):
        channel = channels.create(flatcar(), name="old", architecture="amd64", by=None)
        channels.delete(Channel.objects.get(pk=channel.pk), by=None)
        with pytest.raises(channels.CannotDelete, match="just now"):
            channels.delete(channel, by=None)
