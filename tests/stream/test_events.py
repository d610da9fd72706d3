"""Streams from a real server, as browsers and scripts hear them."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from oemupdates.domain.access import Permission, Role
from oemupdates.models import Group, Node, Operator, RoleGrant
from oemupdates.services import activity, groups, nodes, tokens
from oemupdates.services.counters import Moves
from oemupdates.services.tokens import Terms
from oemupdates.stream import endpoint
from tests.services.makers import make_node, seeded_group
from tests.stream.listening import Listener, Running, running, session_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def server(transactional_db: None) -> Iterator[Running]:
    with running() as found:
        yield found


@pytest.fixture
def ann(transactional_db: None) -> Operator:
    return Operator.objects.create_superuser("ann", password="correct horse")


@pytest.fixture
def bert(transactional_db: None) -> Operator:
    """A viewer of the seeded stable group, and of nothing else."""
    bert = Operator.objects.create_user("bert", password="correct horse")
    RoleGrant.objects.create(operator=bert, role=Role.VIEWER, group=seeded_group())
    return bert


def other_group() -> Group:
    return seeded_group("beta")


def see(node: Node) -> None:
    """What a check-in leaves behind."""
    seen = node.last_seen_at + timedelta(minutes=45)
    Node.objects.filter(pk=node.pk).update(last_seen_at=seen)


def switch(group: Group, *, on: bool) -> None:
    groups.switch_updates(group, by=None, on=on, why="a test")


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


class TestWhoListens:
    def test_is_asked_again_and_ends_with_a_session(
        self, server: Running, ann: Operator, bert: Operator
    ) -> None:
        server.hub.review_seconds = 0.1
        session = session_of(ann)
        ends = Listener(server.address, "overview", session=session)
        stays = Listener(server.address, "overview", session=session_of(bert))
        server.wait_for(2)
        Session.objects.filter(pk=session).delete()
        assert ends.event() is None
        assert Listener(server.address, "overview", session=session).status == 401
        server.looks()
        make_node()
        assert stays.changed()["nodes"] == 1

    def test_ends_with_a_role(self, server: Running, bert: Operator) -> None:
        server.hub.review_seconds = 0.1
        listener = Listener(server.address, "overview", session=session_of(bert))
        RoleGrant.objects.all().delete()
        assert listener.event() is None

    def test_ends_with_a_changed_password(self, server: Running, bert: Operator) -> None:
        server.hub.review_seconds = 0.1
        listener = Listener(server.address, "overview", session=session_of(bert))
        bert.set_password("another one")
        bert.save()
        assert listener.event() is None


class TestToken:
    def listen(self, server: Running, secret: str, about: str = "activity") -> Listener:
        return Listener(server.address, about, Authorization=f"Bearer {secret}", Last_Event_ID="0")

    def test_lets_a_script_in_within_its_limits(self, server: Running, ann: Operator) -> None:
        terms = Terms([Permission.READ_FLEET], groups=[seeded_group()])
        secret = tokens.create(owner=ann, by=ann, name="follow", terms=terms).secret
        nodes.hold(make_node(group=other_group()), by=ann, because="not for the script")
        nodes.hold(make_node(), by=ann, because="for the script")
        listener = self.listen(server, secret)
        name, data, _ = listener.event() or ("", {}, "")
        assert (name, data["why"]) == ("activity", "for the script")

    def test_must_be_for_reading_the_fleet(self, server: Running, ann: Operator) -> None:
        terms = Terms([Permission.OPERATE_NODES])
        made = tokens.create(owner=ann, by=ann, name="hold", terms=terms)
        assert self.listen(server, made.secret).status == 401

    def test_ends_its_streams_when_it_is_revoked(self, server: Running, ann: Operator) -> None:
        server.hub.review_seconds = 0.1
        terms = Terms([Permission.READ_FLEET])
        made = tokens.create(owner=ann, by=ann, name="follow", terms=terms)
        listener = self.listen(server, made.secret, "overview")
        assert listener.status == 200
        tokens.revoke(made.token, by=ann)
        assert listener.event() is None
        assert self.listen(server, made.secret).status == 401

    def test_does_not_help_itself_with_a_session(self, server: Running, ann: Operator) -> None:
        listener = Listener(
            server.address, "overview", session=session_of(ann), Authorization="Bearer flt_none"
        )
        assert listener.status == 401


class TestMany:
    def test_share_one_look_at_the_database(
        self, server: Running, ann: Operator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """300 streams ask no more often, and no more at once, than one does."""
        server.hub._most_a_person = 300
        session, node = session_of(ann), make_node()
        asked: list[int] = []
        original = server.hub._lookout.look

        def count(self, watched):
            with CaptureQueriesContext(connection) as queries:
                found = original(self, watched)
            asked.append(len(queries))
            return found

        monkeypatch.setattr(server.hub._lookout, "look", count)
        about = f"overview,activity,node:{node.pk}"
        listeners = [Listener(server.address, about, session=session)]
        server.looks()
        of_one = max(asked[1:])
        listeners += [Listener(server.address, about, session=session) for _ in range(299)]
        server.wait_for(300)
        server.looks()
        asked.clear()
        began = time.monotonic()
        see(node)
        topics = {listener.changed()["topic"] for listener in listeners}
        took = time.monotonic() - began
        assert topics == {f"node:{node.pk}"}
        server.looks()
        assert max(asked) <= of_one
        assert len(asked) <= took / 0.05 + 10

    def test_are_refused_beyond_what_a_process_takes(self, server: Running, ann: Operator) -> None:
        server.hub._most = 2
        session = session_of(ann)
        kept = [Listener(server.address, "overview", session=session) for _ in range(2)]
        refused = Listener(server.address, "overview", session=session)
        assert (refused.status, refused.headers["retry-after"]) == (503, "30")
        kept[0].close()
        server.wait_for(1)
        assert Listener(server.address, "overview", session=session).status == 200

    def test_are_refused_beyond_what_a_person_may_have(
        self, server: Running, ann: Operator, bert: Operator
    ) -> None:
        server.hub._most_a_person = 1
        people = (ann, ann, bert)
        listeners = [
            Listener(server.address, "overview", session=session_of(one)) for one in people
        ]
        assert [listener.status for listener in listeners] == [200, 503, 200]

    def test_leave_the_database_alone_once_they_are_gone(
        self, server: Running, ann: Operator
    ) -> None:
        listener = Listener(server.address, "overview", session=session_of(ann))
        server.looks()
        listener.close()
        server.wait_for(0)
        deadline = time.monotonic() + 5
        while server.hub._task is not None:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def test_end_at_once_with_the_server(self, ann: Operator) -> None:
        with running() as server:
            server.hub._most_a_person = 50
            session = session_of(ann)
            listeners = [Listener(server.address, "overview", session=session) for _ in range(50)]
            server.wait_for(50)
            began = time.monotonic()
            server.server.should_exit = True
            assert [listener.event() for listener in listeners] == [None] * 50
        assert time.monotonic() - began < 3
