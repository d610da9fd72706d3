"""The clock's tasks, called as functions; journeys run them through a worker."""

import time
from datetime import timedelta

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.utils import timezone

from fleet.celery import app
from oemupdates import tasks
from oemupdates.models import Event, Heartbeat, Node, NodeCount, Sample
from oemupdates.services.server import clock
from tests.services.makers import counted, make_node, recounted

pytestmark = pytest.mark.django_db


class TestSchedule:
    def test_names_tasks_that_there_are(self):
        app.loader.import_default_modules()
        for entry in app.conf.beat_schedule.values():
            assert entry["task"] in app.tasks

    def test_is_the_table_of_what_the_clock_does(self):
        schedule = {
            entry["task"].removeprefix("oemupdates.tasks."): entry["schedule"]
            for entry in app.conf.beat_schedule.values()
        }
        told = {work.name: work.seconds for work in clock.works(timezone.now(), {})}
        assert told == {name: each for name, each in schedule.items() if name != "beat"}

    @pytest.mark.parametrize("name", [work.name for work in clock.works(timezone.now(), {})])
    def test_is_noted_when_it_is_done(self, name, settings, tmp_path):
        settings.PAYLOAD_DIR = tmp_path
        getattr(tasks, name)()
        assert Heartbeat.objects.filter(name=name).exists()


class TestMarkDarkNodes:
    def test_marks_by_the_clock_of_this_machine(self):
        quiet = make_node(last_seen_at=timezone.now() - timedelta(hours=7))
        make_node(last_seen_at=timezone.now())
        tasks.mark_dark_nodes()
        assert list(Node.objects.filter(is_dark=True)) == [quiet]


class TestRepairCounters:
    def test_mends(self):
        make_node()
        NodeCount.objects.update(nodes=3)
        tasks.repair_counters()
        assert counted() == recounted()


class TestForgetOldHistory:
    def test_keeps_as_many_days_as_the_settings_say(self, settings):
        settings.EVENT_RETENTION_DAYS = 7
        node = make_node()
        for days in (6, 8):
            at = timezone.now() - timedelta(days=days)
            Event.objects.create(node=node, at=at, meaning="applied", type=3, result=1)
        tasks.forget_old_history()
        assert Event.objects.count() == 1

    def test_forgets_sessions_that_ended(self):
        for days in (-1, 1):
            session = SessionStore()
            session.set_expiry(timezone.now() + timedelta(days=days))
            session.save(must_create=True)
        tasks.forget_old_history()
        assert Session.objects.count() == 1


class TestBeat:
    def test_tells_of_who_sent_it_and_who_got_it(self):
        sent = timezone.now() - timedelta(seconds=20)
        tasks.beat(sent.timestamp())
        beats = dict(Heartbeat.objects.values_list("name", "at"))
        assert beats["beat"] == sent
        assert timezone.now() - beats["worker"] < timedelta(seconds=20)

    def test_is_scheduled_to_carry_when_it_is_sent(self):
        (sent_at,) = app.conf.beat_schedule["beat"]["args"]
        before = time.time()
        assert before <= sent_at() <= time.time()


class TestTakeSample:
    def test_takes_one_of_this_hour_and_says_so(self):
        make_node()
        tasks.take_sample()
        tasks.take_sample()
        assert Sample.objects.filter(group=0, dimension="nodes").count() == 1
        assert Heartbeat.objects.filter(name="take_sample").exists()
