"""Streams from a real server, as browsers and scripts hear them."""

import asyncio
import threading
from collections import deque
from typing import Any

import pytest
from django.db import transaction

from oemupdates.domain.access import Role
from oemupdates.models import Node, Operator, RoleGrant
from oemupdates.services.counters.counters import Moves
from oemupdates.services.nodes import nodes
from oemupdates.services.shared import activity
from oemupdates.stream import endpoint
from tests.services.makers import make_node, seeded_group
from tests.stream.listening import Listener, Running, other_group, see, session_of, switch

pytestmark = pytest.mark.django_db(transaction=True)


class TestStream:
    def test_says_what_it_is(self, server: Running, ann: Operator) -> None:
        listener = Listener(server.address, "overview", session=session_of(ann))
        assert listener.status == 200
        assert listener.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert listener.headers["cache-control"] == "no-cache"
        assert listener.headers["x-accel-buffering"] == "no"
        assert (listener._line() or "").startswith("retry: ")

    def test_is_closed_to_strangers(self, server: Running, ann: Operator) -> None:
        assert Listener(server.address, "overview").status == 401
        assert Listener(server.address, "overview", session="x" * 32).status == 401

    @pytest.mark.parametrize("about", ["", "weather", "node:", "node:0", "node:-1", "node:1e3"])
    def test_is_about_something(self, server: Running, ann: Operator, about: str) -> None:
        assert Listener(server.address, about, session=session_of(ann)).status == 400

    def test_of_nothing_is_not_found(self, server: Running, ann: Operator) -> None:
        node = make_node()
        gone = f"node:{node.pk},node:{node.pk + 1},group:{10**17}"
        listener = Listener(server.address, gone, session=session_of(ann))
        assert listener.status == 404
        missing = f"node:{node.pk + 1}, group:{10**17}"
        assert listener.words() == f"There is nothing that you may see as {missing}.\n"
        known = f"node:{node.pk},group:{node.group_id}"
        assert Listener(server.address, known, session=session_of(ann)).status == 200

    def test_beyond_its_readers_part_is_as_if_there_were_nothing(
        self, server: Running, bert: Operator
    ) -> None:
        theirs, nobodys = make_node(group=other_group()), make_node(group=None)
        for topic in (f"node:{theirs.pk}", f"node:{nobodys.pk}", f"group:{other_group().pk}"):
            listener = Listener(server.address, topic, session=session_of(bert))
            assert listener.status == 404
            assert listener.words() == f"There is nothing that you may see as {topic}.\n"
        ours = f"overview,activity,node:{make_node().pk},group:{seeded_group().pk}"
        assert Listener(server.address, ours, session=session_of(bert)).status == 200

    def test_is_closed_to_who_may_read_nothing(self, server: Running) -> None:
        nobody = Operator.objects.create_user("nobody", password="correct horse")
        assert Listener(server.address, "overview", session=session_of(nobody)).status == 401

    def test_is_closed_while_a_one_time_password_holds(
        self, server: Running, ann: Operator
    ) -> None:
        Operator.objects.filter(pk=ann.pk).update(must_change_password=True)
        assert Listener(server.address, "overview", session=session_of(ann)).status == 401

    def test_tells_that_a_node_checked_in(self, server: Running, ann: Operator) -> None:
        node, other = make_node(), make_node()
        listener = Listener(server.address, f"node:{node.pk}", session=session_of(ann))
        server.looks()
        see(other)
        see(node)
        heard = listener.changed()
        assert heard["topic"] == f"node:{node.pk}"
        assert heard["state"] == node.state

    def test_tells_of_a_verb_on_a_node(self, server: Running, ann: Operator) -> None:
        node = make_node()
        listener = Listener(server.address, f"node:{node.pk}", session=session_of(ann))
        server.looks()
        nodes.rename(node, by=ann, name="db-1")
        assert listener.changed()["topic"] == f"node:{node.pk}"

    def test_tells_the_overview_of_each_move(self, server: Running, ann: Operator) -> None:
        listener = Listener(server.address, "overview", session=session_of(ann))
        server.looks()
        make_node()
        assert listener.changed()["nodes"] == 1
        make_node()
        assert listener.changed()["nodes"] == 2

    def test_tells_the_overview_of_two_moves_that_seem_to_cancel_out(
        self, server: Running, ann: Operator
    ) -> None:
        """One node from the first cell to the second, one from the third to the second."""
        made = [make_node(version=version) for version in ("1.0.0", "2.0.0", "3.0.0")]
        listener = Listener(server.address, "overview", session=session_of(ann))
        server.looks()
        moves = Moves()
        for node in (made[0], made[2]):
            moves.leave(node)
            node.version = "2.0.0"
            moves.enter(node)
        with transaction.atomic():
            moves.write()
        assert listener.changed()["nodes"] == 3

    def test_sends_activity_as_it_is_done(self, server: Running, ann: Operator) -> None:
        node = make_node()
        listener = Listener(server.address, "activity", session=session_of(ann))
        server.looks()
        nodes.hold(node, by=ann, because="a test")
        name, data, identity = listener.event() or ("", {}, "")
        assert (name, data["verb"], data["actor"]) == ("activity", "node.held", "ann")
        assert data["subject"] == {"kind": "node", "id": node.pk, "name": str(node)}
        assert str(data["id"]) == identity
        heard = listener.changed()
        assert (heard["topic"], heard["id"]) == ("activity", int(identity))

    def test_ends_when_its_reader_hangs_up(self, server: Running, ann: Operator) -> None:
        listener = Listener(server.address, "overview", session=session_of(ann))
        server.wait_for(1)
        listener.close()
        server.wait_for(0)

    def test_ends_after_a_while(
        self, server: Running, ann: Operator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(endpoint, "STREAM_SECONDS", 0.1)
        listener = Listener(server.address, "overview", session=session_of(ann))
        assert listener.event() is None

    def test_comments_while_nothing_happens(
        self, server: Running, ann: Operator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(endpoint, "COMMENT_SECONDS", 0.05)
        listener = Listener(server.address, "overview", session=session_of(ann))
        lines = [listener._line() for _ in range(6)]
        assert lines[3:5] == [": still here", ""]


class TestActivity:
    def test_goes_on_where_a_script_left_off(self, server: Running, ann: Operator) -> None:
        group = seeded_group()
        session = session_of(ann)
        first = Listener(server.address, "activity", session=session)
        server.looks()
        switch(group, on=False)
        verb, last = first.activity()
        assert verb == "group.updates_off"
        first.close()
        switch(group, on=True)
        switch(group, on=False)
        again = Listener(server.address, "activity", session=session, Last_Event_ID=last)
        server.looks()
        switch(group, on=True)
        heard = [again.activity() for _ in range(3)]
        assert [verb for verb, _ in heard] == [
            "group.updates_on",
            "group.updates_off",
            "group.updates_on",
        ]
        assert [int(identity) - int(last) for _, identity in heard] == [1, 2, 3]

    def test_has_no_gap_while_much_is_done(self, server: Running, ann: Operator) -> None:
        """Resumed again and again in the middle of it, each id comes once."""
        group, session = seeded_group(), session_of(ann)
        switch(group, on=False)
        last, heard = "0", []
        for round_number in range(5):
            listener = Listener(server.address, "activity", session=session, Last_Event_ID=last)
            for number in range(6):
                switch(group, on=(round_number * 6 + number) % 2 == 0)
            for _ in range(4):
                _verb, last = listener.activity()
                heard.append(int(last))
            listener.close()
        assert heard == list(range(heard[0], heard[0] + 20))

    def test_keeps_to_its_readers_part_of_the_fleet(
        self, server: Running, ann: Operator, bert: Operator
    ) -> None:
        theirs, ours = make_node(), make_node()
        about = f"overview,activity,node:{theirs.pk},node:{ours.pk}"
        listener = Listener(server.address, about, session=session_of(bert))
        server.looks()
        Node.objects.filter(pk=theirs.pk).update(group=other_group())
        theirs.refresh_from_db()
        make_node(group=other_group())
        make_node(group=None)
        see(theirs)
        nodes.hold(theirs, by=ann, because="not for bert")
        switch(other_group(), on=False)
        server.looks()
        server.looks()
        nodes.hold(ours, by=ann, because="for bert")
        heard = [listener.event() or ("", {}, "") for _ in range(3)]
        assert heard[0][1]["why"] == "for bert"
        assert {data["topic"] for _, data, _ in heard[1:]} == {"activity", f"node:{ours.pk}"}

    def test_keeps_security_from_a_viewer(self, server: Running, ann: Operator) -> None:
        eve = Operator.objects.create_user("eve", password="correct horse")
        RoleGrant.objects.create(operator=eve, role=Role.VIEWER)
        nodes.hold(make_node(), by=ann, because="before")
        session = session_of(eve)
        activity.record(verb="operator.created", subject=eve, by=ann)
        nodes.hold(make_node(), by=ann, because="after")
        listener = Listener(server.address, "activity", session=session, Last_Event_ID="0")
        assert [listener.activity()[0] for _ in range(2)] == ["node.held", "node.held"]

    def test_tells_a_slow_reader_to_come_again(
        self, server: Running, ann: Operator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It stops taking; more is done than is kept for it; then it hears that it missed some."""
        taking, send = threading.Event(), endpoint._send
        taking.set()

        async def take(to: Any, text: str) -> None:
            while not taking.is_set():
                await asyncio.sleep(0.01)
            await send(to, text)

        monkeypatch.setattr(endpoint, "_send", take)
        server.hub._entries = deque(maxlen=5)
        group, session = seeded_group(), session_of(ann)
        listener = Listener(server.address, "activity", session=session)
        server.looks()
        taking.clear()
        switch(group, on=False)
        server.looks()
        for number in range(8):
            switch(group, on=number % 2 == 0)
        server.looks()
        taking.set()
        _verb, last = listener.activity()
        names = []
        while event := listener.event():
            names.append(event[0])
        assert names == ["changed", "resync"]
        again = Listener(server.address, "activity", session=session, Last_Event_ID=last)
        heard = [int(again.activity()[1]) for _ in range(8)]
        assert heard == list(range(int(last) + 1, int(last) + 9))
