import pytest
from django.test import Client

from oemupdates.models import Webhook, WebhookDelivery
from tests.api.conftest import etag, problem, send

SAID = {"name": "ops", "url": "https://example.net/hook", "kinds": ["node.*"]}


@pytest.fixture
def webhook(api: Client) -> Webhook:
    return Webhook.objects.get(pk=send(api, "POST", "webhooks", SAID).json()["webhook"]["id"])


def test_is_made_with_a_secret_that_is_shown_once(api: Client) -> None:
    made = send(api, "POST", "webhooks", SAID)
    assert made.status_code == 201
    assert made.json()["secret"].startswith("whsec_")
    shown = api.get(f"/api/v1/webhooks/{made.json()['webhook']['id']}")
    assert made.json()["secret"] not in shown.content.decode()
    assert shown.json()["url"] == SAID["url"]
    assert problem(send(api, "POST", "webhooks", SAID)) == (409, "cannot-keep")
    assert problem(send(api, "POST", "webhooks", SAID | {"kinds": ["x"]})) == (400, "invalid")


def test_is_changed_switched_and_removed(api: Client, webhook: Webhook) -> None:
    path = f"webhooks/{webhook.pk}"
    read = etag(api, path)
    changed = send(api, "PATCH", path, {"shape": "slack", "why": "chat"}, If_Match=read)
    assert (changed.json()["shape"], changed.json()["kinds"]) == ("slack", ["node.*"])
    assert send(api, "PATCH", path, {"name": "x"}, If_Match=read).status_code == 412
    assert send(api, "POST", f"{path}/active", {"on": False}).json()["is_active"] is False
    again = send(api, "POST", f"{path}/active", {"on": False})
    assert problem(again) == (409, "cannot-switch")
    assert problem(send(api, "POST", f"{path}/test")) == (409, "cannot-send")
    assert send(api, "DELETE", path, If_Match=etag(api, path)).status_code == 204


def test_is_tested_and_told_again(api: Client, webhook: Webhook) -> None:
    path = f"webhooks/{webhook.pk}"
    tested = send(api, "POST", f"{path}/test")
    assert (tested.status_code, tested.json()["kind"]) == (202, "test")
    listed = api.get(f"/api/v1/{path}/deliveries?state=waiting").json()["items"]
    assert listed == [tested.json()]
    WebhookDelivery.objects.update(state="given_up", attempt=9)
    replay = f"{path}/deliveries/{listed[0]['id']}/replay"
    again = send(api, "POST", replay)
    assert (again.status_code, again.json()["state"]) == (202, "waiting")
    renewed = send(api, "POST", f"{path}/secret", {})
    assert renewed.json()["secret"].startswith("whsec_")


def test_is_for_administrators(viewer: Client) -> None:
    assert problem(viewer.get("/api/v1/webhooks")) == (403, "not-allowed")
