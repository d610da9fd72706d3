from datetime import timedelta

import pytest
from django.utils import timezone

from oemupdates.domain.node import State
from oemupdates.models import Activity, Node
from oemupdates.services.nodes import nodes
from oemupdates.services.shared.activity import BadWords
from tests.services.makers import (
    budget_of,
    counted,
    last_activity,
    limit,
    make_node,
    make_operator,
    recounted,
    seeded_group,
)

pytestmark = pytest.mark.django_db


class TestHold:
    def test_keeps_reason_owner_and_end(self):
        until = timezone.now() + timedelta(days=1)
        node = nodes.hold(make_node(), by=make_operator("ann"), because="disk swap", until=until)
        row = Node.objects.get(pk=node.pk)
        assert (row.is_held, row.held_because, row.held_by) == (True, "disk swap", "ann")
        assert row.held_until == until

    def test_is_written_down(self):
        node = nodes.hold(make_node(), by=make_operator("ann"), because="disk swap")
        written = last_activity()
        assert (written.verb, written.subject_kind) == ("node.held", "node")
        assert (written.subject_id, written.why) == (node.pk, "disk swap")
        assert written.actor.username == "ann"

    def test_by_the_system_has_no_actor(self):
        node = nodes.hold(make_node(), by=None, because="a gate closed")
        assert node.held_by == nodes.SYSTEM
        assert last_activity().actor is None

    def test_needs_a_reason(self):
        with pytest.raises(BadWords, match="Say why"):
            nodes.hold(make_node(), by=None, because="  ")
        assert not Activity.objects.exists()

    def test_puts_a_reason_of_several_lines_on_one(self):
        node = nodes.hold(make_node(), by=None, because="disk\r\nswap\u00a0now ")
        assert node.held_because == "disk swap now"

    @pytest.mark.parametrize("because", ["x" * 501, "bell\x07", "null\x00"])
    def test_refuses_words_that_cannot_be_kept(self, because):
        with pytest.raises(BadWords):
            nodes.hold(make_node(), by=None, because=because)

    def test_refuses_an_end_in_the_past(self):
        with pytest.raises(nodes.CannotHold, match="past"):
            nodes.hold(make_node(), by=None, because="late", until=timezone.now())

    def test_refuses_a_node_that_is_held_and_says_by_whom(self):
        seen = make_node()
        nodes.hold(seen, by=make_operator("ann"), because="disk swap")
        with pytest.raises(nodes.CannotHold, match="by ann: disk swap"):
            nodes.hold(seen, by=make_operator("bob"), because="mine now")
        assert Node.objects.get(pk=seen.pk).held_by == "ann"

    def test_replaces_a_hold_that_has_ended(self):
        past = timezone.now() - timedelta(minutes=1)
        node = make_node(is_held=True, held_because="old", held_by="bob", held_until=past)
        node = nodes.hold(node, by=None, because="new")
        assert (node.held_because, node.held_until) == ("new", None)

    def test_leaves_what_a_check_in_wrote_meanwhile(self):
        seen = make_node()
        Node.objects.filter(pk=seen.pk).update(version="4593.2.1")
        nodes.hold(seen, by=None, because="disk swap")
        assert Node.objects.get(pk=seen.pk).version == "4593.2.1"


class TestReleaseHold:
    def test_takes_everything_of_the_hold_away(self):
        node = nodes.hold(make_node(), by=make_operator("ann"), because="disk swap")
        nodes.release_hold(node, by=None, why="swapped")
        row = Node.objects.get(pk=node.pk)
        assert (row.is_held, row.held_because, row.held_by, row.held_until) == (
            False,
            "",
            "",
            None,
        )

    def test_writes_down_what_the_hold_was(self):
        until = timezone.now() + timedelta(days=1)
        node = nodes.hold(make_node(), by=make_operator("ann"), because="disk swap", until=until)
        nodes.release_hold(node, by=make_operator("bob"), why="swapped")
        written = last_activity()
        assert written.before == {
            "held_because": "disk swap",
            "held_by": "ann",
            "held_until": until.isoformat(),
        }
        assert (written.verb, written.why) == ("node.hold_released", "swapped")

    def test_refuses_a_node_that_is_not_held(self):
        with pytest.raises(nodes.CannotRelease):
            nodes.release_hold(make_node(), by=None)

    def test_lets_only_one_of_two_hands_win(self):
        node = nodes.hold(make_node(), by=None, because="disk swap")
        nodes.release_hold(node, by=None)
        with pytest.raises(nodes.CannotRelease):
            nodes.release_hold(node, by=None)


class TestRename:
    def test_gives_a_name_of_its_own(self):
        node = nodes.rename(make_node(alias="node-7"), by=None, name=" rack 7 ")
        assert str(Node.objects.get(pk=node.pk)) == "rack 7"
        assert last_activity().after == {"name": "rack 7"}

    def test_takes_it_away_with_an_empty_one(self):
        node = nodes.rename(make_node(alias="node-7", name="rack 7"), by=None, name="")
        assert str(Node.objects.get(pk=node.pk)) == "node-7"

    def test_writes_nothing_down_when_nothing_changes(self):
        nodes.rename(make_node(name="rack 7"), by=None, name="rack 7")
        assert not Activity.objects.exists()

    def test_refuses_a_name_that_is_too_long(self):
        with pytest.raises(BadWords, match="256"):
            nodes.rename(make_node(), by=None, name="x" * 257)


class TestArchive:
    def test_takes_the_node_out_of_the_counters(self):
        make_node()
        node = nodes.archive(make_node(), by=None, why="scrapped")
        assert Node.objects.get(pk=node.pk).is_archived
        assert sum(counted().values()) == 1
        assert counted() == recounted()

    def test_frees_the_place_of_a_node_under_way(self):
        node = make_node(state=State.DOWNLOADING)
        group = limit(seeded_group(), 5)
        nodes.archive(node, by=None)
        assert budget_of(group) == 0

    def test_frees_no_place_of_a_node_that_holds_none(self):
        make_node(state=State.DOWNLOADING)
        node = make_node(state=State.FAILED)
        group = limit(seeded_group(), 5)
        nodes.archive(node, by=None)
        assert budget_of(group) == 1

    def test_does_not_fail_for_a_budget_that_drifted(self):
        node = make_node(state=State.DOWNLOADING)
        group = limit(seeded_group(), 5)
        group.budget.under_way = 0
        group.budget.save()
        nodes.archive(node, by=None)
        assert budget_of(group) == 0

    def test_refuses_a_node_that_is_archived(self):
        seen = make_node()
        nodes.archive(seen, by=None)
        with pytest.raises(nodes.CannotArchive):
            nodes.archive(seen, by=None)
        assert counted() == {}

    def test_counts_a_node_out_of_where_it_is_now(self):
        seen = make_node()
        nodes.archive(make_node(state=State.FAILED), by=None)
        nodes.archive(seen, by=None)
        assert counted() == {}


class TestUnarchive:
    def test_puts_the_node_back_where_it_was(self):
        node = make_node(state=State.DOWNLOADING)
        group = limit(seeded_group(), 5)
        before = counted()
        nodes.unarchive(nodes.archive(node, by=None), by=None)
        assert counted() == before
        assert budget_of(group) == 1

    def test_refuses_a_node_that_is_not_archived(self):
        with pytest.raises(nodes.CannotUnarchive):
            nodes.unarchive(make_node(), by=None)


class TestRetry:
    def test_forgets_failures_and_moves_the_node_on(self):
        node = make_node(
            state=State.FAILED,
            target_version="4593.2.1",
            postinst_failures=3,
            download_failures=1,
            last_error_code=5,
        )
        node = nodes.retry(node, by=None)
        row = Node.objects.get(pk=node.pk)
        assert (row.postinst_failures, row.download_failures, row.last_error_code) == (0, 0, 0)
        assert row.state == State.WAITING
        assert counted() == recounted()

    def test_forgets_a_rollback(self):
        node = make_node(state=State.ROLLED_BACK, rolled_back_version="4593.2.1")
        assert nodes.retry(node, by=None).rolled_back_version == ""

    def test_leaves_the_state_of_a_node_under_way(self):
        node = make_node(state=State.DOWNLOADING, download_failures=2)
        group = limit(seeded_group(), 5)
        assert nodes.retry(node, by=None).state == State.DOWNLOADING
        assert budget_of(group) == 1

    def test_writes_down_what_stood_against_the_node(self):
        node = make_node(state=State.FAILED, postinst_failures=3)
        nodes.retry(node, by=make_operator(), why="new kernel options")
        assert last_activity().before == {
            "download_failures": 0,
            "postinst_failures": 3,
            "rolled_back_version": "",
        }

    def test_refuses_a_node_with_nothing_against_it(self):
        with pytest.raises(nodes.CannotRetry):
            nodes.retry(make_node(), by=None)
