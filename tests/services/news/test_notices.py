"""What webhooks are told of."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from oemupdates.domain.event import Meaning
from oemupdates.models import DarkMark, Event, Node, Operator, Webhook, WebhookDelivery
from oemupdates.services.counters import counters
from oemupdates.services.news import webhooks
from oemupdates.services.news.notices import NAMED, PAGES, find
from oemupdates.services.news.webhooks import Terms
from oemupdates.services.nodes import nodes
from tests.component_images import host_image
from tests.services.makers import make_node, make_operator, make_release

pytestmark = pytest.mark.django_db
LATER = timedelta(minutes=1)


@pytest.fixture
def ann() -> Operator:
    return make_operator()


@pytest.fixture
def hook(ann: Operator) -> Webhook:
    return webhooks.create(Terms("ops", "https://hook.example.net/", ["node.*"]), by=ann).webhook


def note(node: Node, meaning: Meaning, at: datetime, **given: object) -> Event:
    return Event.objects.create(node=node, at=at, meaning=meaning.value, type=3, result=0, **given)


def told() -> list[str]:
    return list(WebhookDelivery.objects.order_by("pk").values_list("kind", flat=True))


class TestFind:
    def test_tells_what_was_done_once(self, hook: Webhook, ann: Operator) -> None:
        nodes.hold(make_node(), by=ann, because="a test")
        assert find(timezone.now()) == 1
        assert find(timezone.now()) == 0
        assert told() == ["node.held"]

    def test_tells_each_webhook_what_it_wants(self, hook: Webhook, ann: Operator) -> None:
        terms = Terms("releases", "https://hook.example.net/", ["release.*"])
        webhooks.create(terms, by=ann)
        nodes.hold(make_node(), by=ann, because="a test")
        find(timezone.now())
        assert [(one.webhook.name, one.kind) for one in WebhookDelivery.objects.all()] == [
            ("ops", "node.held")
        ]

    def test_leads_from_an_image_to_its_component(
        self, ann: Operator, tmp_path: Path, settings: Any
    ) -> None:
        settings.PAYLOAD_DIR = tmp_path / "hosted"
        webhooks.create(Terms("ops", "https://hook.example.net/", ["component.*"]), by=ann)
        host_image(tmp_path)
        find(timezone.now())
        (delivery,) = WebhookDelivery.objects.all()
        assert delivery.kind == "component.image_added"
        page = reverse("dashboard:component", args=["kubernetes"])
        assert delivery.body["data"]["url"] == f"http://testserver{page}"

    def test_tells_nothing_from_before_a_webhook(self, ann: Operator) -> None:
        nodes.hold(make_node(), by=ann, because="before")
        webhooks.create(Terms("ops", "https://hook.example.net/", ["*"]), by=ann)
        find(timezone.now())
        assert told() == ["webhook.created"]

    def test_leaves_behind_what_happens_while_nobody_is_told(
        self, hook: Webhook, ann: Operator
    ) -> None:
        webhooks.switch(hook, on=False, by=ann)
        nodes.hold(make_node(), by=ann, because="unheard")
        assert find(timezone.now()) == 0
        webhooks.switch(hook, on=True, by=ann)
        nodes.hold(make_node(), by=ann, because="heard")
        assert find(timezone.now()) == 1

    @pytest.mark.parametrize(
        ("meaning", "kind"),
        [(Meaning.FAILED, "node.failed"), (Meaning.ROLLED_BACK, "node.rolled_back")],
    )
    def test_tells_what_nodes_said(self, hook: Webhook, meaning: Meaning, kind: str) -> None:
        now = timezone.now()
        node = make_node(alias="web-1")
        note(node, Meaning.ROUTINE, now)
        note(node, meaning, now, code=5, target_version="4593.2.1")
        assert find(now + LATER) == 1
        delivery = WebhookDelivery.objects.get()
        data = delivery.body["data"]
        assert (delivery.kind, data["count"]) == (kind, 1)
        assert data["nodes"][0]["name"] == "web-1"
        assert "4593.2.1" in data["nodes"][0]["detail"]

    def test_waits_for_rows_that_may_yet_appear_behind(self, hook: Webhook) -> None:
        """A row with a lower id commits later than one with a higher id: both are told."""
        now = timezone.now()
        node = make_node()
        late = note(node, Meaning.FAILED, now)
        key = late.pk
        late.delete()
        note(node, Meaning.FAILED, now)
        assert find(now + timedelta(seconds=1)) == 0, "too fresh"
        Event.objects.create(
            pk=key, node=node, at=now, meaning=Meaning.ROLLED_BACK.value, type=3, result=0
        )
        find(now + LATER)
        assert sorted(told()) == ["node.failed", "node.rolled_back"]

    def test_tells_of_nodes_that_fell_silent_in_one_message(self, hook: Webhook) -> None:
        now = timezone.now()
        for _ in range(NAMED + 5):
            make_node(last_seen_at=now - timedelta(days=2))
        assert counters.mark_dark(now) == NAMED + 5
        assert DarkMark.objects.count() == NAMED + 5
        assert counters.mark_dark(now) == 0
        assert find(now + LATER) == 1
        data = WebhookDelivery.objects.get().body["data"]
        assert (data["count"], len(data["nodes"])) == (NAMED + 5, NAMED)
        assert find(now + 2 * LATER) == 0

    def test_does_not_take_light_for_dark(self, hook: Webhook) -> None:
        now = timezone.now()
        make_node(last_seen_at=now, is_dark=True)
        assert counters.mark_dark(now) == 1
        assert not DarkMark.objects.exists()


@pytest.mark.parametrize("kind", PAGES)
def test_links_lead_to_pages(kind: str) -> None:
    make_release()
    assert reverse(f"dashboard:{kind}", args=[7]) == f"/{PAGES[kind]}/7/"
