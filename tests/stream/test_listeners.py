"""Who may listen, with a session or a token, and how many."""

import time

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test.utils import CaptureQueriesContext

from oemupdates.domain.access import Permission
from oemupdates.models import Operator, RoleGrant
from oemupdates.services.access import tokens
from oemupdates.services.access.tokens import Terms
from oemupdates.services.nodes import nodes
from tests.services.makers import make_node, seeded_group
from tests.stream.listening import Listener, Running, other_group, running, see, session_of

pytestmark = pytest.mark.django_db(transaction=True)


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
