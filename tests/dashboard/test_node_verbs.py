"""What is done to a node from its page, and how it is seen afterwards."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from oemupdates.domain.access import Role
from oemupdates.domain.node import State
from oemupdates.domain.reason import Why
from oemupdates.models import Activity, Node
from tests.dashboard.conftest import log_in, permit
from tests.dashboard.test_node import text, why
from tests.services.makers import make_node, make_operator, seeded_group

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


class TestVerbs:
    def test_a_hold_is_seen_with_its_reason_and_end(self, page: Client) -> None:
        node = make_node()
        until = timezone.now().astimezone(UTC) + DAY
        form = {"because": "bad disk", "until": f"{until:%Y-%m-%dT%H:%M}"}
        answer = page.post(f"/nodes/{node.pk}/hold/", form, follow=True)
        html = " ".join(answer.content.decode().split())
        assert "is held. It hears of it at its next check-in." in html
        assert "Held by admin: bad disk. It ends <time " in html
        assert f'title="{until:%Y-%m-%d %H:%M}:00 UTC">in 23 h</time>.' in html
        assert "It is held now, and hears so at its next check-in." in html
        node.refresh_from_db()
        assert node.held_until == datetime(
            until.year, until.month, until.day, until.hour, until.minute, tzinfo=UTC
        )

    @pytest.mark.parametrize(
        ("form", "words"),
        [
            ({}, "Why: This field is required."),
            ({"because": "x", "until": "tomorrow"}, "Until: Enter a valid date/time."),
            ({"because": "x", "until": "2020-01-01T00:00"}, "The hold would end in the past."),
            ({"because": "x" * 501}, "Why: Ensure this value has at most 500 characters"),
            ({"because": "x\x00"}, "Why: Null characters are not allowed."),
        ],
    )
    def test_a_hold_that_cannot_be_says_why(
        self, page: Client, form: dict[str, str], words: str
    ) -> None:
        node = make_node()
        answer = page.post(f"/nodes/{node.pk}/hold/", form, follow=True)
        assert words in answer.content.decode()
        assert not Node.objects.get(pk=node.pk).is_held

    def test_a_released_hold_is_gone(self, page: Client) -> None:
        node = make_node(
            is_held=True,
            held_because="bad disk",
            held_by="ann",
            answer="noupdate",
            reasons=json.dumps([[Why.HELD, "bad disk", ""]]),
        )
        page.post(f"/nodes/{node.pk}/release/", {"why": "disk replaced"})
        html = text(page, node)
        assert "Held by" not in html
        assert "Its hold is over, and its next check-in is decided anew." in html
        assert Activity.objects.latest("pk").why == "disk replaced"

    def test_a_name_is_shown_before_the_alias(self, page: Client) -> None:
        node = make_node(alias="web-1")
        page.post(f"/nodes/{node.pk}/rename/", {"name": "The first"})
        assert "<h1>The first</h1>" in text(page, node)
        page.post(f"/nodes/{node.pk}/rename/", {"name": ""})
        assert "<h1>web-1</h1>" in text(page, node)

    def test_archiving_and_back(self, page: Client) -> None:
        node = make_node()
        page.post(f"/nodes/{node.pk}/archive/")
        assert "out of every list and count" in text(page, node)
        page.post(f"/nodes/{node.pk}/unarchive/")
        assert "out of every list and count" not in why(page, node)

    def test_a_retry_is_offered_when_something_stands_against_the_node(self, page: Client) -> None:
        node = make_node()
        assert "Let it retry" not in text(page, node)
        Node.objects.update(postinst_failures=3, state=State.FAILED)
        assert "Let it retry" in text(page, node)
        page.post(f"/nodes/{node.pk}/retry/", {"why": "disk freed"})
        assert Node.objects.get(pk=node.pk).postinst_failures == 0

    @pytest.mark.parametrize(
        ("verb", "words"),
        [
            ("release", "is not held"),
            ("unarchive", "is not archived"),
            ("retry", "No failure and no rollback stands against"),
        ],
    )
    def test_a_refusal_is_told_in_its_words(self, page: Client, verb: str, words: str) -> None:
        answer = page.post(f"/nodes/{make_node().pk}/{verb}/", follow=True)
        assert answer.status_code == 200
        assert words in answer.content.decode()


class TestLabels:
    def test_are_written_replaced_and_taken_off(self, page: Client) -> None:
        node = make_node()
        page.post(f"/nodes/{node.pk}/label/", {"label": "rack=7"})
        page.post(f"/nodes/{node.pk}/label/", {"label": " rack=8 "})
        shown = text(page, node)
        assert "rack=8" in shown
        assert "rack=7 </a>" not in shown
        assert [str(one.label) for one in node.labels.all()] == ["rack=8"]
        page.post(f"/nodes/{node.pk}/unlabel/", {"key": "rack"})
        assert not node.labels.exists()

    @pytest.mark.parametrize("label", ["", "=", "two words=x", "x\x00"])
    def test_that_are_none_say_why(self, page: Client, label: str) -> None:
        node = make_node()
        answer = page.post(f"/nodes/{node.pk}/label/", {"label": label}, follow=True)
        assert 'class="bad"' in answer.content.decode()
        assert not node.labels.exists()


class TestMoving:
    def test_puts_a_node_elsewhere_and_back(self, page: Client) -> None:
        home, beta = seeded_group(), seeded_group("beta")
        node = make_node(group=home, track="stable")
        form = {"group": beta.pk, "because": "tries the next"}
        answer = page.post(f"/nodes/{node.pk}/move/", form, follow=True)
        assert "Moved here by admin: tries the next." in answer.content.decode()
        node.refresh_from_db()
        assert node.group_id == node.moved_to_id == beta.pk
        page.post(f"/nodes/{node.pk}/move-back/")
        node.refresh_from_db()
        assert (node.group_id, node.moved_to_id) == (home.pk, None)

    def test_offers_no_group_of_another_architecture(self, page: Client) -> None:
        node = make_node(group=seeded_group())
        arm = seeded_group(architecture="arm64")
        assert f'<option value="{arm.pk}">' not in text(page, node)
        answer = page.post(
            f"/nodes/{node.pk}/move/", {"group": arm.pk, "because": "x"}, follow=True
        )
        assert "Group: Select a valid choice." in answer.content.decode()
        assert Node.objects.get(pk=node.pk).moved_to_id is None

    def test_leads_nobody_beyond_their_groups(self) -> None:
        home, beta = seeded_group(), seeded_group("beta")
        client = log_in(permit(make_operator("bob"), Role.OPERATOR, home))
        node = make_node(group=home)
        assert f'<option value="{beta.pk}">' not in text(client, node)
        client.post(f"/nodes/{node.pk}/move/", {"group": beta.pk, "because": "x"})
        assert Node.objects.get(pk=node.pk).group_id == home.pk
