from datetime import timedelta
from pathlib import Path

import pytest
from redis import Redis

from oemupdates.domain.health import Level, Part
from oemupdates.models import ActivityCheck, Heartbeat, Subscription, SyncRun
from oemupdates.services.counters import samples
from oemupdates.services.server import clock, health
from oemupdates.services.shared import heartbeats
from oemupdates.services.sync import upstreams
from tests.services.makers import NOW, make_node, seeded_channel

pytestmark = pytest.mark.django_db


def part(name: str) -> Part:
    return next(part for part in health.parts(NOW) if part.name == name)


class TestBeat:
    def test_notes_when_and_adds_up(self):
        heartbeats.beat("repair_counters", NOW, found=2)
        heartbeats.beat("repair_counters", NOW + timedelta(hours=1), found=3)
        row = Heartbeat.objects.get()
        assert (row.at, row.found, row.total) == (NOW + timedelta(hours=1), 3, 5)

    def test_takes_no_older_word(self):
        heartbeats.beat("worker", NOW)
        heartbeats.beat("worker", NOW - timedelta(seconds=1), found=7)
        row = Heartbeat.objects.get()
        assert (row.at, row.found, row.total) == (NOW, 0, 0)


class TestWorkerAndBeat:
    @pytest.mark.parametrize("name", ["worker", "beat"])
    @pytest.mark.parametrize(
        ("seconds", "level"),
        [
            (0, Level.FINE),
            (90, Level.FINE),
            (91, Level.WARNING),
            (300, Level.WARNING),
            (301, Level.TROUBLE),
            (-5, Level.FINE),
        ],
    )
    def test_are_late_and_then_dead(self, name, seconds, level):
        heartbeats.beat(name, NOW - timedelta(seconds=seconds))
        found = part(name)
        assert (found.level, found.value) == (level, max(seconds, 0))

    @pytest.mark.parametrize("name", ["worker", "beat"])
    def test_are_trouble_when_never_heard(self, name):
        found = part(name)
        assert found.level is Level.TROUBLE
        assert "never heard" in found.words


class TestQueue:
    def test_counts_the_jobs_of_a_folder(self, settings, tmp_path):
        settings.REDIS_URL, settings.QUEUE_DIR = "", tmp_path
        assert part("queue").value == 0
        (tmp_path / "jobs").mkdir()
        (tmp_path / "jobs" / "one").touch()
        assert part("queue").words == "1 job waits in the queue."

    def test_counts_the_jobs_of_a_broker(self, settings, valkey_url):
        settings.REDIS_URL = valkey_url
        broker = Redis.from_url(valkey_url)
        broker.delete("celery")
        broker.rpush("celery", *["job"] * 101)
        try:
            found = part("queue")
        finally:
            broker.delete("celery")
        assert (found.value, found.level) == (101, Level.WARNING)
        assert part("queue").value == 0

    def test_says_when_the_broker_is_away(self, settings):
        settings.REDIS_URL = "unix:///nowhere/at-all.sock"
        found = part("queue")
        assert (found.level, found.value) == (Level.TROUBLE, None)
        assert "check-ins do not need it" in found.words
        assert "nowhere" not in found.words


class TestHourlyWork:
    def test_is_overdue_after_two_hours(self):
        make_node()
        samples.take(NOW - timedelta(hours=3))
        heartbeats.beat("repair_counters", NOW - timedelta(hours=2, seconds=1))
        assert part("sample").level is Level.WARNING
        assert part("repair").level is Level.WARNING
        samples.take(NOW)
        heartbeats.beat("repair_counters", NOW - timedelta(hours=2))
        heartbeats.beat("repair_counters", NOW)
        assert part("sample").level is Level.FINE
        assert part("repair").level is Level.FINE

    def test_tells_of_drift(self):
        heartbeats.beat("repair_counters", NOW, found=0)
        assert part("drift").level is Level.FINE
        heartbeats.beat("repair_counters", NOW + timedelta(seconds=1), found=2)
        found = part("drift")
        assert (found.level, found.value) == (Level.WARNING, 2)
        assert found.words == "2 counters had drifted and were mended."


class TestDatabaseAndDisks:
    def test_say_how_big_they_are(self):
        found = part("database")
        assert found.value is not None
        assert found.value > 10_000
        assert part("migrations").level is Level.FINE

    def test_find_the_disk_of_a_folder_that_is_not_there_yet(self, settings, tmp_path: Path):
        settings.PAYLOAD_DIR = tmp_path / "a" / "b"
        assert part("payload_disk").value is not None

    @pytest.mark.parametrize(
        ("free", "level"), [(11, Level.FINE), (9, Level.WARNING), (2, Level.TROUBLE)]
    )
    def test_run_full(self, monkeypatch, free, level):
        usage = type("Usage", (), {"free": free, "total": 100})
        monkeypatch.setattr(health.shutil, "disk_usage", lambda _path: usage)
        assert part("payload_disk").level is level


class TestActivity:
    def test_is_fine_before_it_was_verified(self):
        assert part("activity").level is Level.FINE

    @pytest.mark.parametrize(
        ("hours", "problem", "level"),
        [
            (1, "", Level.FINE),
            (3, "", Level.WARNING),
            (0, "Row 7 is not what was written: it was changed.", Level.TROUBLE),
        ],
    )
    def test_is_as_it_was_when_it_was_last_verified(self, hours, problem, level):
        ActivityCheck.objects.create(
            checked_at=NOW - timedelta(hours=hours), rows=7, last_hash="0" * 64, problem=problem
        )
        found = part("activity")
        assert (found.level, found.value) == (level, 7)
        assert problem in found.words


class TestClock:
    @pytest.mark.parametrize(
        ("name", "late", "fine"),
        [
            ("tell_webhooks", timedelta(minutes=11), timedelta(minutes=10)),
            ("verify_activity", timedelta(hours=12, minutes=11), timedelta(hours=12, minutes=10)),
        ],
    )
    def test_is_behind_with_what_was_not_done_for_long(self, name, late, fine):
        for alive in ("worker", "beat"):
            heartbeats.beat(alive, NOW)
        heartbeats.beat(name, NOW - late)
        found = part("clock")
        assert (found.level, found.value) == (Level.WARNING, 1)
        assert name in found.words
        heartbeats.beat(name, NOW - fine)
        assert part("clock").level is Level.FINE

    def test_says_nothing_where_nobody_works(self):
        heartbeats.beat("tell_webhooks", NOW - timedelta(days=1))
        assert "clock" not in {part.name for part in health.parts(NOW)}

    def test_says_how_often_things_are_done(self):
        told = {work.name: work.every for work in clock.works(NOW, {})}
        assert told["tell_webhooks"] == "5 seconds"
        assert told["look_for_holes"] == "10 minutes"
        assert (told["take_sample"], told["verify_activity"]) == ("minute", "6 hours")


class TestSyncs:
    @pytest.fixture
    def following(self) -> Subscription:
        upstream = upstreams.add(upstreams.Terms("flatcar", "public"), by=None)
        made = upstreams.subscribe(upstream, seeded_channel(), by=None)
        return self.change(made, next_run_at=NOW + timedelta(minutes=30), last_success_at=NOW)

    def change(self, following: Subscription, **values: object) -> Subscription:
        Subscription.objects.filter(pk=following.pk).update(**values)
        return Subscription.objects.get(pk=following.pk)

    def run(self, following: Subscription, **values: object) -> None:
        given = {"asked_at": NOW, "lease_until": NOW} | values
        SyncRun.objects.create(upstream=following.upstream, channel=following.channel, **given)

    def test_are_no_part_where_nothing_follows(self):
        assert "sync" not in {part.name for part in health.parts(NOW)}

    def test_are_fine_as_old_as_the_oldest_success(self, following):
        self.change(following, last_success_at=NOW - timedelta(hours=3))
        found = part("sync")
        assert (found.level, found.value) == (Level.FINE, 3 * 3600)
        assert "within 3 h" in found.words

    def test_that_failed_are_named(self, following):
        self.change(following, failures=2)
        found = part("sync")
        assert (found.level, found.value) == (Level.WARNING, 0)
        assert "stable" in found.words

    @pytest.mark.parametrize(
        ("minutes", "level"), [(30, Level.FINE), (31, Level.WARNING), (90, Level.WARNING)]
    )
    def test_that_nobody_asks_for_are_overdue(self, following, minutes, level):
        self.change(following, next_run_at=NOW - timedelta(minutes=minutes))
        assert part("sync").level is level

    def test_that_nobody_begins_wait_too_long_unless_another_is_under_way(self, following):
        self.run(following, asked_at=NOW - timedelta(hours=1))
        assert "waits for 60 min to begin" in part("sync").words
        other = upstreams.subscribe(following.upstream, seeded_channel("beta"), by=None)
        alive = NOW + timedelta(seconds=30)
        self.run(other, state="running", started_at=NOW, lease_until=alive)
        assert part("sync").level is Level.FINE

    @pytest.mark.parametrize(
        ("hours", "lease", "words"),
        [
            (7, timedelta(seconds=30), "is under way for 7 h"),
            (3, -timedelta(minutes=11), "was left after 3 h"),
            (5, timedelta(seconds=30), ""),
        ],
    )
    def test_that_do_not_end_hang(self, following, hours, lease, words):
        began = NOW - timedelta(hours=hours)
        self.run(following, state="running", started_at=began, lease_until=NOW + lease)
        found = part("sync")
        assert found.level is (Level.WARNING if words else Level.FINE)
        assert words in found.words
