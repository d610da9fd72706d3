"""Admin > Webhooks: made, tried, told again, removed by page."""

import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from oemupdates.models import Webhook, WebhookDelivery
from oemupdates.services.news import webhooks
from oemupdates.services.news.deliveries import PURPOSE
from oemupdates.services.shared.sealing import unseal
from tests.services.makers import make_operator

SAID = {
    "name": "chat",
    "url": "https://hooks.example.net/in",
    "shape": "slack",
    "kinds": ["node.dark", "release.*"],
}


def html_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def secret_in(answer: Any) -> str:
    return re.findall(r"whsec_[\w+/=]+", answer.content.decode())[0]


@pytest.fixture
def hook(db: None) -> Webhook:
    terms = webhooks.Terms("chat", "https://hooks.example.net/in", ["*"])
    return webhooks.create(terms, by=make_operator()).webhook


def make_delivery(hook: Webhook, number: int = 1, **given: Any) -> WebhookDelivery:
    now = timezone.now()
    values = {"kind": "node.dark", "body": {}, "made_at": now, "next_try_at": now} | given
    return WebhookDelivery.objects.create(webhook=hook, event_id=f"event-{number}", **values)


class TestMaking:
    def test_shows_the_secret_once(self, page: Client) -> None:
        answer = page.post("/admin/webhooks/make/", SAID)
        assert "no-store" in answer["Cache-Control"]
        made = Webhook.objects.get()
        assert (made.shape, made.kinds) == ("slack", ["node.dark", "release.*"])
        assert unseal(made.sealed_secret, purpose=PURPOSE) == secret_in(answer)
        assert "whsec_" not in html_of(page.get(f"/admin/webhooks/{made.pk}/"))
        assert "Nodes that were not heard" in html_of(page.get(f"/admin/webhooks/{made.pk}/"))
        assert ">chat<" in html_of(page.get("/admin/webhooks/"))

    @pytest.mark.parametrize(
        "wrong", [{"url": "http://127.0.0.1/"}, {"kinds": []}, {"kinds": ["x"]}, {"name": ""}]
    )
    def test_says_why_not_and_keeps_what_was_typed(
        self, page: Client, wrong: dict[str, Any]
    ) -> None:
        answer = page.post("/admin/webhooks/make/", SAID | wrong)
        assert answer.status_code == 400
        assert 'value="chat"' in html_of(answer) or wrong == {"name": ""}
        assert not Webhook.objects.exists()


class TestOne:
    def test_is_changed(self, page: Client, hook: Webhook) -> None:
        page.post(f"/admin/webhooks/{hook.pk}/edit/", SAID | {"why": "less noise"})
        hook.refresh_from_db()
        assert (hook.kinds, hook.shape) == (["node.dark", "release.*"], "slack")
        answer = page.post(f"/admin/webhooks/{hook.pk}/edit/", SAID | {"url": "nonsense"})
        assert answer.status_code == 400
        assert 'value="nonsense"' in html_of(answer)

    def test_is_switched(self, page: Client, hook: Webhook) -> None:
        page.post(f"/admin/webhooks/{hook.pk}/active/", {"on": "0"})
        hook.refresh_from_db()
        assert not hook.is_active
        assert "Send a test<" not in html_of(page.get(f"/admin/webhooks/{hook.pk}/"))
        page.post(f"/admin/webhooks/{hook.pk}/active/", {"on": "1"})
        hook.refresh_from_db()
        assert hook.is_active

    def test_gets_another_secret(self, page: Client, hook: Webhook) -> None:
        answer = page.post(f"/admin/webhooks/{hook.pk}/secret/")
        hook.refresh_from_db()
        assert unseal(hook.sealed_secret, purpose=PURPOSE) == secret_in(answer)

    def test_is_tried(self, page: Client, hook: Webhook) -> None:
        page.post(f"/admin/webhooks/{hook.pk}/test/")
        assert hook.deliveries.get().kind == "test"

    def test_is_removed_by_typing_its_name(self, page: Client, hook: Webhook) -> None:
        make_delivery(hook)
        path = f"/admin/webhooks/{hook.pk}/remove/"
        page.post(path, {"confirmed": "cha"})
        assert Webhook.objects.exists()
        page.post(path, {"confirmed": "chat"})
        assert not Webhook.objects.exists()


class TestDeliveries:
    def test_say_what_became_of_them(self, page: Client, hook: Webhook) -> None:
        make_delivery(hook, 1, state="delivered", status=200, milliseconds=31, attempt=1)
        make_delivery(hook, 2, state="given_up", error="It <b>timed</b> out", attempt=9)
        html = html_of(page.get(f"/admin/webhooks/{hook.pk}/"))
        assert "200 in 31 ms" in html
        assert "It &lt;b&gt;timed&lt;/b&gt; out" in html
        some = html_of(page.get(f"/admin/webhooks/{hook.pk}/?state=given_up"))
        assert "event-2" in some
        assert "event-1" not in some

    def test_are_sent_again(self, page: Client, hook: Webhook) -> None:
        delivery = make_delivery(hook, state="given_up", attempt=9)
        page.post(f"/admin/webhooks/{hook.pk}/deliveries/{delivery.pk}/replay/")
        delivery.refresh_from_db()
        assert (delivery.state, delivery.attempt) == ("waiting", 0)

    def test_of_another_webhook_are_not_there(self, page: Client, hook: Webhook) -> None:
        delivery = make_delivery(hook)
        path = f"/admin/webhooks/{hook.pk + 1}/deliveries/{delivery.pk}/replay/"
        assert page.post(path).status_code == 404

    def test_go_on_page_by_page(self, page: Client, hook: Webhook) -> None:
        for number in range(51):
            make_delivery(hook, number)
        html = page.get(f"/admin/webhooks/{hook.pk}/").content.decode()
        after = re.findall(r'href="(\?after=[^"]+)"', html)[0]
        assert "event-0<" in page.get(f"/admin/webhooks/{hook.pk}/{after}").content.decode()
        assert page.get(f"/admin/webhooks/{hook.pk}/?after=x").status_code == 400
