"""Room on the payload disk, for a sync and for others at once."""

import shutil

import pytest

from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.services.hosting import disk_room
from tests.services.sync_maker import NEW, follow, run, system

# Whoever keeps a run does so by a connection of its own.
pytestmark = pytest.mark.django_db(transaction=True)


class TestWork:
    def test_says_that_there_is_no_room(self, public, settings):
        settings.SYNC_DISK_RESERVE = 2**62
        public.publish(NEW, system("new"))
        assert "disk needs" in run(follow(public, needs_signature=False)).problem
        assert not public.downloads()

    def test_leaves_others_the_room_that_they_will_need(self, public, hosted, settings):
        public.publish(NEW, system("new"))
        subscription = follow(public, needs_signature=False)
        hosted.mkdir()
        most = shutil.disk_usage(hosted).free * 3 // 4
        settings.SYNC_DISK_RESERVE = most // 2
        with disk_room.taking(hosted / ".staging/others", most // 2):
            settings.SYNC_DISK_RESERVE = most
            assert "for what is on its way already" in run(subscription).problem
        assert not public.downloads()
        assert run(subscription).problem == ""

    def test_holds_the_room_for_what_it_fetches(self, public, hosted):
        files = system("new")
        public.publish(NEW, files)
        told = []

        def look(keeper):
            say = keeper.say

            def say_and_look(doing):
                told.append((doing.split()[0], disk_room.promised()))
                say(doing)

            keeper.say = say_and_look

        assert run(follow(public, needs_signature=False), look).problem == ""
        assert ("Fetching", len(files[OS_PAYLOAD])) in told
        assert told[-1][1] == 0
