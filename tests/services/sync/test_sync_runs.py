import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from oemupdates.models import Activity, Subscription, SyncRun
from oemupdates.services.server import health
from oemupdates.services.sync import sync_runs, upstreams
from oemupdates.services.sync.sync_runs import CannotAsk, CannotCancel, Outcome
from oemupdates.services.sync.upstreams import Terms
from tests.services.makers import last_activity, make_operator, seeded_channel

pytestmark = pytest.mark.django_db


@pytest.fixture
def upstream():
    return upstreams.add(Terms("flatcar", "public"), by=None)


@pytest.fixture
def subscription(upstream):
    return upstreams.subscribe(upstream, seeded_channel(), by=None)


@pytest.fixture
def run(subscription):
    return sync_runs.ask(subscription.upstream, subscription.channel, by=None)


def die(run):
    """Let a worker be silent for longer than one that lives."""
    SyncRun.objects.filter(pk=run.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


class TestAsk:
    def test_waits_for_a_worker_and_is_written_down(self, subscription):
        ann = make_operator()
        run = sync_runs.ask(subscription.upstream, subscription.channel, by=ann)
        assert (run.state, run.asked_by) == ("waiting", ann)
        assert last_activity().verb == "upstream.sync_asked"

    def test_refuses_what_is_under_way(self, run):
        with pytest.raises(CannotAsk, match="under way already"):
            sync_runs.ask(run.upstream, run.channel, by=None)

    def test_refuses_where_nothing_follows(self, upstream):
        with pytest.raises(CannotAsk, match="does not get its releases"):
            sync_runs.ask(upstream, seeded_channel(), by=None)

    def test_refuses_an_upstream_that_is_off(self, subscription):
        off = upstreams.switch(subscription.upstream, on=False, by=None)
        with pytest.raises(CannotAsk, match="switched off"):
            sync_runs.ask(off, subscription.channel, by=None)

    @pytest.mark.parametrize("version", ["latest", "../../etc", "1.2"])
    def test_refuses_what_is_no_version(self, upstream, version):
        with pytest.raises(CannotAsk):
            sync_runs.ask(upstream, seeded_channel(), version=version, by=None)

    def test_refuses_a_version_where_no_folders_are(self):
        row = upstreams.add(Terms("n", "nebraska", "https://a.example/v1/update"), by=None)
        with pytest.raises(CannotAsk, match="no release server"):
            sync_runs.ask(row, seeded_channel(), version="1.0.0", by=None)


class TestAskDue:
    def test_asks_once_for_each_whose_time_has_come(self, subscription, upstream):
        later = upstreams.subscribe(upstream, seeded_channel("beta"), by=None)
        now = timezone.now()
        Subscription.objects.filter(pk=later.pk).update(next_run_at=now + timedelta(hours=1))
        assert [sync_runs.ask_due(now), sync_runs.ask_due(now)] == [1, 0]
        assert SyncRun.objects.get().channel == subscription.channel

    def test_leaves_an_upstream_alone_that_is_off(self, subscription):
        upstreams.switch(subscription.upstream, on=False, by=None)
        assert sync_runs.ask_due(timezone.now()) == 0


class TestClaim:
    def test_lets_one_worker_have_it(self, run):
        assert sync_runs.claim(run.pk) is not None
        assert sync_runs.claim(run.pk) is None

    def test_takes_over_what_a_dead_worker_left(self, run):
        first = sync_runs.claim(run.pk)
        die(run)
        second = sync_runs.claim(run.pk)
        assert (first.attempt, second.attempt) == (1, 2)
        assert not sync_runs.settle(first, Outcome())
        assert sync_runs.settle(second, Outcome())

    def test_gives_up_on_what_kills_its_workers(self, run):
        for _ in range(sync_runs.MAX_ATTEMPTS):
            assert sync_runs.claim(run.pk)
            die(run)
        assert sync_runs.claim(run.pk) is None
        run.refresh_from_db()
        assert run.state == "failed"
        assert "ended 10 times" in run.problem


class TestClaimAny:
    def test_leaves_workers_for_other_work(self, run, settings):
        settings.SYNCS_AT_ONCE = 1
        upstreams.subscribe(run.upstream, seeded_channel("beta"), by=None)
        sync_runs.ask_due(timezone.now())
        assert sync_runs.claim_any() == run
        assert sync_runs.claim_any() is None
        sync_runs.settle(SyncRun.objects.get(pk=run.pk), Outcome())
        assert sync_runs.claim_any() is not None


class TestSettle:
    def test_comes_back_less_and_less_soon_while_it_fails(self, run, subscription):
        pauses = []
        for _ in range(3):
            claimed = sync_runs.claim(run.pk)
            sync_runs.settle(claimed, Outcome(problem="No."))
            subscription.refresh_from_db()
            pauses.append(round((subscription.next_run_at - timezone.now()).total_seconds() / 60))
            run = sync_runs.ask(run.upstream, run.channel, by=None)
        assert pauses == [2, 4, 8]
        assert subscription.failures == 3
        sync_runs.settle(sync_runs.claim(run.pk), Outcome())
        subscription.refresh_from_db()
        assert subscription.failures == 0
        assert subscription.last_success_at
        assert subscription.next_run_at - timezone.now() > timedelta(minutes=50)

    def test_tells_when_syncs_begin_to_fail_and_when_they_work_again(self, run):
        for problem in ("No.", "No.", "", "", "Away."):
            sync_runs.settle(sync_runs.claim(run.pk), Outcome(problem=problem))
            run = sync_runs.ask(run.upstream, run.channel, by=None)
        told = Activity.objects.filter(verb__startswith="upstream.sync_", actor=None)
        assert list(told.order_by("pk").values_list("verb", flat=True)) == [
            "upstream.sync_failed",
            "upstream.sync_recovered",
            "upstream.sync_failed",
        ]
        assert told.first().after == {"channel": str(run.channel), "problem": "Away."}


class TestCancel:
    def test_ends_one_that_is_worked_on(self, run):
        claimed = sync_runs.claim(run.pk)
        sync_runs.cancel(run, by=make_operator(), why="too much")
        assert not sync_runs.settle(claimed, Outcome())
        assert SyncRun.objects.get().state == "cancelled"
        assert last_activity().verb == "upstream.sync_cancelled"

    def test_refuses_one_that_is_over(self, run):
        sync_runs.cancel(run, by=None)
        with pytest.raises(CannotCancel):
            sync_runs.cancel(run, by=None)

    @pytest.mark.django_db(transaction=True)
    def test_never_goes_over_however_many_workers_ask_at_once(self, upstream, settings):
        settings.SYNCS_AT_ONCE = 2
        for name in ("stable", "beta", "alpha", "lts"):
            upstreams.subscribe(upstream, seeded_channel(name), by=None)
        sync_runs.ask_due(timezone.now())
        together = threading.Barrier(4)

        def work():
            try:
                together.wait(10)
                return sync_runs.claim_any()
            finally:
                connection.close()

        with ThreadPoolExecutor(4) as workers:
            asked = [workers.submit(work) for _ in range(4)]
            taken = [one.result() for one in asked]
        assert sum(run is not None for run in taken) == 2
        assert SyncRun.objects.filter(state="running").count() == 2


class TestHealth:
    def test_says_nothing_where_nothing_follows(self, upstream):
        assert not [part for part in health.everyday(timezone.now()) if part.name == "sync"]

    def test_says_what_failed_and_how_old_the_rest_is(self, run):
        def says():
            (part,) = (one for one in health.everyday(timezone.now()) if one.name == "sync")
            return part.level, part.words

        assert says() == ("fine", "Not every upstream was asked yet.")
        sync_runs.settle(sync_runs.claim(run.pk), Outcome(problem="No."))
        assert says() == ("warning", "The last sync failed of stable (amd64) from flatcar.")
        again = sync_runs.ask(run.upstream, run.channel, by=None)
        sync_runs.settle(sync_runs.claim(again.pk), Outcome())
        level, words = says()
        assert level == "fine"
        assert words.startswith("Every channel heard from its upstream within ")
