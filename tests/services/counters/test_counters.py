import logging
import threading
from collections import Counter
from contextlib import suppress
from datetime import timedelta

import pytest
from django.db import connection, transaction

from oemupdates.domain.node import UNDER_WAY, State
from oemupdates.models import Group, Node, NodeCount
from oemupdates.services.counters import counters
from oemupdates.services.nodes import nodes
from tests.services.makers import (
    NOW,
    budget_of,
    counted,
    limit,
    make_node,
    recounted,
    seeded_group,
)

pytestmark = pytest.mark.django_db


def at_once(*works):
    """Do things in threads of their own, and let none of their failures pass."""
    failures = []

    def run(work):
        try:
            work()
        except Exception as failure:  # noqa: BLE001 - the test fails with it
            failures.append(failure)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


class TestCell:
    def test_of_an_archived_node_is_none(self):
        assert counters.cell(Node(is_archived=True, state="new")) is None

    def test_of_a_node_without_a_group_is_in_group_0(self):
        assert counters.cell(Node(state="unassigned"))[0] == 0


class TestHoldsPlace:
    @pytest.mark.parametrize("state", list(State))
    def test_is_so_between_offer_and_reboot(self, state):
        assert counters.holds_place(Node(state=state)) == (state in UNDER_WAY)

    def test_is_so_of_a_dark_node_and_not_of_an_archived_one(self):
        assert counters.holds_place(Node(state=State.OFFERED, is_dark=True))
        assert not counters.holds_place(Node(state=State.OFFERED, is_archived=True))


class TestRepair:
    def test_finds_nothing_wrong_where_nothing_is(self):
        make_node()
        make_node(group=None, state=State.UNASSIGNED)
        limit(seeded_group(), 5)
        assert counters.repair() == 0

    def test_mends_what_drifted_and_says_how_much_that_was(self, caplog):
        make_node(state=State.OFFERED)
        make_node(group=None, state=State.UNASSIGNED)
        group = limit(seeded_group(), 5)
        group.budget.under_way = 4
        group.budget.save()
        NodeCount.objects.filter(group=0).update(nodes=7)
        NodeCount.objects.filter(group=group.pk).delete()
        with caplog.at_level(logging.WARNING):
            assert counters.repair() == 3
        assert "drifted" in caplog.text
        assert counted() == recounted()
        assert budget_of(group) == 1
        assert counters.repair() == 0

    def test_takes_a_count_of_nobody_away(self):
        NodeCount.objects.create(
            group=0, state="new", is_dark=True, shard=3, nodes=2, oem_basis="reported"
        )
        assert counters.repair() == 1
        assert not NodeCount.objects.exists()

    def test_forgets_cells_whose_shards_cancel_out(self):
        node = make_node()
        left = {"group": 0, "state": "new", "is_dark": False}
        NodeCount.objects.create(**left, shard=1, nodes=-2)
        NodeCount.objects.create(**left, shard=2, nodes=2)
        assert counters.repair() == 0
        assert list(NodeCount.objects.values_list("group", "nodes")) == [(node.group_id, 1)]

    def test_leaves_archived_nodes_out(self):
        nodes.archive(make_node(), by=None)
        assert counters.repair() == 0
        assert counted() == {}

    @pytest.mark.django_db(transaction=True)
    def test_twice_at_once_mends_once(self, monkeypatch):
        for _ in range(3):
            make_node()
        NodeCount.objects.update(nodes=9)
        count, both = counters._drift, threading.Barrier(2)

        def count_and_meet():
            drift = count()
            with suppress(threading.BrokenBarrierError):
                both.wait(timeout=0.5)  # never met: the other must not count yet
            return drift

        monkeypatch.setattr(counters, "_drift", count_and_meet)
        at_once(counters.repair, counters.repair)
        assert counted() == recounted()

    @pytest.mark.django_db(transaction=True)
    def test_stays_true_while_nodes_move(self):
        group = limit(seeded_group(), 100)
        moving = [make_node(state=State.OFFERED) for _ in range(4)]
        NodeCount.objects.update(nodes=9)

        def move(node):
            for _ in range(15):
                nodes.unarchive(nodes.archive(node, by=None), by=None)

        def mend():
            for _ in range(10):
                counters.repair()

        at_once(mend, mend, *[lambda node=node: move(node) for node in moving])
        assert counted() == recounted()
        assert budget_of(group) == 4


class TestMarkDark:
    AFTER = timedelta(hours=6)

    def quiet_node(self, **given):
        return make_node(last_seen_at=NOW - self.AFTER - timedelta(seconds=1), **given)

    def dark(self):
        return set(Node.objects.filter(is_dark=True).values_list("pk", flat=True))

    def test_marks_who_was_not_heard_for_as_long_as_the_group_waits(self):
        quiet = self.quiet_node()
        make_node(last_seen_at=NOW - self.AFTER)
        assert counters.mark_dark(NOW) == 1
        assert self.dark() == {quiet.pk}
        assert counted() == recounted()

    def test_asks_each_group_how_long(self):
        Group.objects.filter(pk=seeded_group("beta").pk).update(dark_after_seconds=3600)
        seen = NOW - timedelta(hours=2)
        impatient = make_node(group=seeded_group("beta"), last_seen_at=seen)
        make_node(last_seen_at=seen)
        counters.mark_dark(NOW)
        assert self.dark() == {impatient.pk}

    def test_waits_six_hours_for_nodes_of_no_group(self):
        quiet = self.quiet_node(group=None, state=State.UNASSIGNED)
        make_node(group=None, state=State.UNASSIGNED, last_seen_at=NOW - self.AFTER)
        counters.mark_dark(NOW)
        assert self.dark() == {quiet.pk}

    def test_never_marks_pxe_stubs_or_archived_nodes(self):
        self.quiet_node(is_pxe=True)
        self.quiet_node(is_archived=True)
        assert counters.mark_dark(NOW) == 0

    def test_leaves_a_dark_node_its_place(self):
        self.quiet_node(state=State.DOWNLOADING)
        group = limit(seeded_group(), 5)
        counters.mark_dark(NOW)
        assert budget_of(group) == 1

    def test_takes_the_mark_off_when_the_group_waits_longer(self):
        node = self.quiet_node()
        other = self.quiet_node(group=None, state=State.UNASSIGNED)
        counters.mark_dark(NOW)
        Group.objects.filter(pk=node.group_id).update(dark_after_seconds=24 * 60 * 60)
        assert counters.mark_dark(NOW) == 1
        assert self.dark() == {other.pk}
        assert counted() == recounted()

    def test_again_changes_nothing(self):
        self.quiet_node()
        counters.mark_dark(NOW)
        before = list(NodeCount.objects.values())
        assert counters.mark_dark(NOW) == 0
        assert list(NodeCount.objects.values()) == before

    def test_goes_on_after_a_full_chunk(self, monkeypatch):
        monkeypatch.setattr(counters, "CHUNK", 2)
        monkeypatch.setattr(counters, "LOOK", 3)
        for _ in range(7):
            self.quiet_node()
        assert counters.mark_dark(NOW) == 7
        assert counted() == recounted()

    def test_costs_the_same_few_statements_for_a_chunk_of_any_size(
        self, django_assert_max_num_queries
    ):
        for _ in range(20):
            self.quiet_node()
        with django_assert_max_num_queries(10):
            counters.mark_dark(NOW)

    @pytest.mark.django_db(transaction=True)
    def test_twice_at_once_counts_each_node_once(self, monkeypatch):
        monkeypatch.setattr(counters, "CHUNK", 3)
        for _ in range(20):
            self.quiet_node()
        marked = Counter()

        def mark():
            marked[threading.get_ident()] = counters.mark_dark(NOW)

        at_once(mark, mark, mark)
        assert marked.total() == 20
        assert counted() == recounted()

    @pytest.mark.django_db(transaction=True)
    def test_does_not_wait_for_a_node_that_is_being_heard(self):
        if connection.vendor != "postgresql":
            pytest.skip("SQLite has one writer at a time, and locks no rows")
        heard, quiet = self.quiet_node(), self.quiet_node()
        with transaction.atomic():
            Node.objects.select_for_update().get(pk=heard.pk)
            at_once(lambda: counters.mark_dark(NOW))
        assert self.dark() == {quiet.pk}
