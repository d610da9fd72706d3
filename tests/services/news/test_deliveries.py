"""Telling webhooks, to a real server."""

import json
import threading
from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_network

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django.fixtures import Settings
from pytest_httpserver import HTTPServer
from standardwebhooks import Webhook as Judge
from werkzeug import Request, Response

from oemupdates.domain.notice import Shape
from oemupdates.models import Operator, Webhook, WebhookDelivery
from oemupdates.services.groups import groups
from oemupdates.services.news import deliveries, notices, webhooks
from oemupdates.services.news.deliveries import PAUSES, send, send_due
from oemupdates.services.news.webhooks import Terms
from oemupdates.services.nodes import nodes
from oemupdates.upstream.webhook import Outcome
from tests.services.makers import last_activity, make_node, make_operator, seeded_group

pytestmark = pytest.mark.django_db(transaction=True)
FINE = Outcome(204, "", "", 3)
DOWN = Outcome(None, "It did not answer in time.", "", 5000)


@pytest.fixture
def ann(transactional_db: None) -> Operator:
    return make_operator()


@pytest.fixture
def make_hook(
    ann: Operator, settings: Settings, httpserver: HTTPServer
) -> Callable[..., tuple[Webhook, str]]:
    settings.WEBHOOK_ALLOW_HTTP = True
    settings.WEBHOOK_ALLOW_NETWORKS = [ip_network("127.0.0.0/8")]

    def make(**given: object) -> tuple[Webhook, str]:
        terms = Terms("ops", httpserver.url_for("/hook"), ["*"])
        return webhooks.create(terms._replace(**given), by=ann)

    return make


def answer(outcome: Outcome) -> Callable[..., Outcome]:
    return lambda *_: outcome


def due_now() -> None:
    WebhookDelivery.objects.update(next_try_at=timezone.now())


class TestSendDue:
    def test_delivers_what_the_standards_own_library_verifies(
        self, make_hook: Callable[..., tuple[Webhook, str]], httpserver: HTTPServer, ann: Operator
    ) -> None:
        _hook, secret = make_hook()
        heard: list[dict[str, object]] = []

        def verify(request: Request) -> Response:
            heard.append(Judge(secret).verify(request.data, dict(request.headers)))
            return Response(status=204)

        httpserver.expect_request("/hook", method="POST").respond_with_handler(verify)
        node = make_node(alias="web-1")
        nodes.hold(node, by=ann, because="a test")
        assert notices.find(timezone.now()) == 2
        assert send_due() == 2
        assert [message["type"] for message in heard] == ["webhook.created", "node.held"]
        data = heard[1]["data"]
        assert isinstance(data, dict)
        assert data["subject"]["name"] == "web-1"
        assert data["url"] == f"http://testserver/nodes/{node.pk}/"
        assert {one.state for one in WebhookDelivery.objects.all()} == {"delivered"}
        assert send_due() == 0

    def test_tells_slack_in_its_own_shape(
        self, make_hook: Callable[..., tuple[Webhook, str]], httpserver: HTTPServer, ann: Operator
    ) -> None:
        make_hook(shape=Shape.SLACK, kinds=["group.*"])
        httpserver.expect_request("/hook").respond_with_data("ok")
        group = seeded_group()
        groups.switch_updates(group, on=False, by=ann, why="<!channel> & *bold*")
        notices.find(timezone.now())
        assert send_due() == 1
        [(request, _)] = httpserver.log
        message = json.loads(request.data)
        text = message["blocks"][0]["text"]["text"]
        assert text.startswith("*group updates off* · group *stable")
        assert "&lt;!channel&gt; &amp;" in text
        assert f"<http://testserver/groups/{group.pk}/|Open in OEM Fleet>" in text

    def test_lets_a_dead_webhook_hold_up_no_other(
        self, make_hook: Callable[..., tuple[Webhook, str]], ann: Operator
    ) -> None:
        dead, _ = make_hook()
        alive, _ = make_hook(name="alive", url="http://127.0.0.2/hook")
        for _ in range(3):
            webhooks.test(dead, by=ann)
            webhooks.test(alive, by=ann)
        tried: list[str] = []

        def post(url: str, *_: object) -> Outcome:
            tried.append(url)
            return FINE if url == alive.url else DOWN

        assert send_due(post) == 4
        assert sorted(tried) == sorted([dead.url] + [alive.url] * 3)

    def test_leaves_a_webhook_alone_that_is_off(
        self, make_hook: Callable[..., tuple[Webhook, str]], ann: Operator
    ) -> None:
        hook, _ = make_hook()
        webhooks.test(hook, by=ann)
        webhooks.switch(hook, on=False, by=ann)
        assert send_due(answer(FINE)) == 0

    def test_says_when_a_secret_cannot_be_read(
        self,
        make_hook: Callable[..., tuple[Webhook, str]],
        ann: Operator,
        settings: Settings,
    ) -> None:
        webhooks.test(make_hook()[0], by=ann)
        settings.SECRET_KEY = "another one " * 5
        assert send_due() == 1
        assert "FLEET_SECRET_KEY" in WebhookDelivery.objects.get().error


class TestSend:
    def test_waits_longer_after_each_failure_and_then_gives_up(
        self, make_hook: Callable[..., tuple[Webhook, str]], ann: Operator
    ) -> None:
        delivery = webhooks.test(make_hook()[0], by=ann)
        for pause in PAUSES:
            due_now()
            assert send(delivery.pk, answer(DOWN)) is False
            delivery.refresh_from_db()
            waits = delivery.next_try_at - timezone.now()
            assert pause * 0.9 < waits < pause * 1.3
            assert (delivery.state, delivery.error) == ("waiting", DOWN.error)
        due_now()
        assert send(delivery.pk, answer(DOWN)) is False
        delivery.refresh_from_db()
        assert (delivery.state, delivery.attempt) == ("given_up", len(PAUSES) + 1)
        due_now()
        assert send(delivery.pk, answer(FINE)) is None

    def test_sends_again_with_the_same_id_what_a_dead_sender_left(
        self, make_hook: Callable[..., tuple[Webhook, str]], ann: Operator
    ) -> None:
        """The sender dies between the other side's answer and its own commit."""
        delivery = webhooks.test(make_hook()[0], by=ann)
        sent: list[tuple[str, bytes]] = []

        def die(_url: str, body: bytes, headers: dict[str, str]) -> Outcome:
            sent.append((headers["webhook-id"], body))
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            send(delivery.pk, die)
        assert send(delivery.pk, answer(FINE)) is None, "it may still be under way"
        due_now()

        def take(_url: str, body: bytes, headers: dict[str, str]) -> Outcome:
            sent.append((headers["webhook-id"], body))
            return FINE

        assert send(delivery.pk, take) is True
        assert sent[0] == sent[1]

    def test_is_done_by_one_of_several_at_once(
        self, make_hook: Callable[..., tuple[Webhook, str]], ann: Operator
    ) -> None:
        delivery = webhooks.test(make_hook()[0], by=ann)
        barrier, sent, results = threading.Barrier(6), [], []

        def post(*_: object) -> Outcome:
            sent.append(1)
            return FINE

        def try_it() -> None:
            barrier.wait()
            try:
                results.append(send(delivery.pk, post))
            finally:
                connection.close()

        threads = [threading.Thread(target=try_it) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sent == [1]
        assert sorted(results, key=str) == [None] * 5 + [True]

    def test_cannot_take_back_what_another_sender_delivered(
        self, make_hook: Callable[..., tuple[Webhook, str]], ann: Operator
    ) -> None:
        """One is so slow that its turn ran out, and the other one was quicker."""
        delivery = webhooks.test(make_hook()[0], by=ann)

        def slow(*_: object) -> Outcome:
            due_now()
            assert send(delivery.pk, answer(FINE)) is True
            return DOWN

        send(delivery.pk, slow)
        delivery.refresh_from_db()
        assert (delivery.state, delivery.status, delivery.attempt) == ("delivered", 204, 2)


class TestFailures:
    def fail(self, hook: Webhook, ann: Operator, outcome: Outcome = DOWN) -> None:
        send(webhooks.test(hook, by=ann).pk, answer(outcome))
        hook.refresh_from_db()

    def test_switch_a_webhook_off_that_took_nothing_for_days(
        self, make_hook: Callable[..., tuple[Webhook, str]], ann: Operator
    ) -> None:
        hook, _ = make_hook()
        for _ in range(deliveries.MANY_FAILURES):
            self.fail(hook, ann)
        assert hook.is_active, "a short outage is none of ours"
        early = timezone.now() - deliveries.PATIENCE - timedelta(minutes=1)
        Webhook.objects.update(failing_since=early)
        self.fail(hook, ann)
        assert not hook.is_active
        assert (last_activity().verb, last_activity().actor) == ("webhook.switched_off", None)
        assert DOWN.error in last_activity().why

    def test_are_forgotten_with_the_first_success(
        self, make_hook: Callable[..., tuple[Webhook, str]], ann: Operator
    ) -> None:
        hook, _ = make_hook()
        self.fail(hook, ann)
        assert (hook.failures, hook.failing_since is None) == (1, False)
        self.fail(hook, ann, FINE)
        assert (hook.failures, hook.failing_since) == (0, None)

    def test_end_at_once_when_the_other_side_is_gone(
        self, make_hook: Callable[..., tuple[Webhook, str]], ann: Operator
    ) -> None:
        hook, _ = make_hook()
        self.fail(hook, ann, Outcome(410, "The other side answered 410.", "", 2))
        assert not hook.is_active
