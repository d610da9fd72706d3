"""What operators do to webhooks."""

from ipaddress import ip_network

import pytest
from pytest_django.fixtures import Settings

from oemupdates.models import Operator, Webhook, WebhookDelivery
from oemupdates.services.news import webhooks
from oemupdates.services.news.deliveries import PURPOSE, _claim
from oemupdates.services.news.webhooks import CannotKeep, CannotSend, CannotSwitch, Terms
from oemupdates.services.shared.sealing import unseal
from tests.services.makers import last_activity, make_operator

pytestmark = pytest.mark.django_db
TERMS = Terms("ops", "https://hook.example.net/x?token=t0p", ["node.*"])


@pytest.fixture
def ann() -> Operator:
    return make_operator()


@pytest.fixture
def hook(ann: Operator) -> Webhook:
    return webhooks.create(TERMS, by=ann).webhook


class TestCreate:
    def test_keeps_the_secret_sealed_and_shows_it_once(self, ann: Operator) -> None:
        made = webhooks.create(TERMS, by=ann)
        assert made.secret.startswith("whsec_")
        assert made.secret not in made.webhook.sealed_secret
        assert unseal(made.webhook.sealed_secret, purpose=PURPOSE) == made.secret

    def test_writes_down_who_and_where_to_without_what_the_address_may_hide(
        self, hook: Webhook, ann: Operator
    ) -> None:
        written = last_activity()
        assert (written.verb, written.actor) == ("webhook.created", ann)
        assert written.after["host"] == "hook.example.net"
        assert "t0p" not in str(written.after)

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "hook.example.net",
            "ftp://hook.example.net/",
            "http://hook.example.net/",
            "https://",
            "https:///path",
            "https://ann:secret@hook.example.net/",
            "https://hook.example.net/#part",
            "https://hook.example.net:99999/",
            "https://[::1/",
            "https://hook.example.net/ä",
            "https://hook.example.net/\n",
            "https://127.0.0.1/",
            "https://169.254.169.254/latest",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://hook.example.net/" + "x" * 1000,
        ],
    )
    def test_refuses_where_nothing_is_sent_to(self, ann: Operator, url: str) -> None:
        with pytest.raises(CannotKeep):
            webhooks.create(TERMS._replace(url=url), by=ann)
        assert not Webhook.objects.exists()

    @pytest.mark.parametrize(
        "wrong", [{"name": " "}, {"kinds": []}, {"kinds": ["weather"]}, {"shape": "fax"}]
    )
    def test_refuses_what_it_does_not_know(self, ann: Operator, wrong: dict[str, object]) -> None:
        with pytest.raises(CannotKeep):
            webhooks.create(TERMS._replace(**wrong), by=ann)

    def test_refuses_a_name_that_is_taken(self, hook: Webhook, ann: Operator) -> None:
        with pytest.raises(CannotKeep, match="already"):
            webhooks.create(TERMS, by=ann)

    def test_leads_inside_where_the_settings_say_so(
        self, ann: Operator, settings: Settings
    ) -> None:
        settings.WEBHOOK_ALLOW_HTTP = True
        settings.WEBHOOK_ALLOW_NETWORKS = [ip_network("10.0.0.0/8")]
        assert webhooks.create(TERMS._replace(url="http://10.0.0.1/"), by=ann)


class TestEdit:
    def test_changes_what_is_told(self, hook: Webhook, ann: Operator) -> None:
        changed = webhooks.edit(hook, TERMS._replace(kinds=["group.*", "node.*"]), by=ann)
        assert changed.kinds == ["node.*", "group.*"]
        assert last_activity().before == {"kinds": ["node.*"]}

    def test_writes_nothing_down_where_nothing_changes(self, hook: Webhook, ann: Operator) -> None:
        webhooks.edit(hook, TERMS, by=ann)
        assert last_activity().verb == "webhook.created"

    def test_writes_down_another_address_of_the_same_host(
        self, hook: Webhook, ann: Operator
    ) -> None:
        webhooks.edit(hook, TERMS._replace(url="https://hook.example.net/y"), by=ann)
        assert last_activity().verb == "webhook.edited"


class TestRenewSecret:
    def test_replaces_the_secret(self, hook: Webhook, ann: Operator) -> None:
        before = unseal(hook.sealed_secret, purpose=PURPOSE)
        made = webhooks.renew_secret(hook, by=ann)
        assert made.secret != before
        assert unseal(made.webhook.sealed_secret, purpose=PURPOSE) == made.secret


class TestSwitch:
    def test_switches_off_and_on_and_forgets_the_failures(
        self, hook: Webhook, ann: Operator
    ) -> None:
        Webhook.objects.update(failures=12)
        off = webhooks.switch(hook, on=False, by=ann, why="too loud")
        with pytest.raises(CannotSwitch):
            webhooks.switch(hook, on=False, by=ann)
        on = webhooks.switch(hook, on=True, by=ann)
        assert (off.is_active, on.is_active, on.failures) == (False, True, 0)
        assert on.active_since > off.active_since


class TestTest:
    def test_waits_to_be_sent(self, hook: Webhook, ann: Operator) -> None:
        delivery = webhooks.test(hook, by=ann)
        assert (delivery.kind, delivery.state) == ("test", "waiting")

    def test_is_refused_while_the_webhook_is_off(self, hook: Webhook, ann: Operator) -> None:
        webhooks.switch(hook, on=False, by=ann)
        with pytest.raises(CannotSend):
            webhooks.test(hook, by=ann)


class TestReplay:
    def test_sends_the_same_id_again(self, hook: Webhook, ann: Operator) -> None:
        delivery = webhooks.test(hook, by=ann)
        WebhookDelivery.objects.update(state="given_up", attempt=9, error="It was down.")
        delivery.refresh_from_db()
        again = webhooks.replay(delivery, by=ann)
        assert (again.pk, again.event_id) == (delivery.pk, delivery.event_id)
        assert (again.state, again.attempt, again.error) == ("waiting", 0, "")
        assert last_activity().after["event"] == delivery.event_id

    def test_is_refused_while_it_is_being_sent(self, hook: Webhook, ann: Operator) -> None:
        delivery = _claim(webhooks.test(hook, by=ann).pk)
        assert delivery
        with pytest.raises(CannotSend):
            webhooks.replay(WebhookDelivery.objects.get(), by=ann)


class TestRemove:
    def test_takes_its_deliveries_along(self, hook: Webhook, ann: Operator) -> None:
        webhooks.test(hook, by=ann)
        key = hook.pk
        webhooks.remove(hook, by=ann, why="moved away")
        assert not WebhookDelivery.objects.exists()
        assert (last_activity().verb, last_activity().subject_id) == ("webhook.removed", key)
