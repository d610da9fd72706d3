"""Admin > Node secrets: what lets nodes check in, and what becomes of it."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from oemupdates.domain.access import Role
from oemupdates.models import Operator, UpdateSecret
from oemupdates.services.access import update_secrets
from oemupdates.services.checkins import passes
from oemupdates.services.checkins.passes import PLAIN, Used, digest
from tests.dashboard.conftest import log_in, permit
from tests.services.makers import make_node, make_operator, seeded_group


def html_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def value_in(answer: Any) -> str:
    return re.findall(r"/v1/update/([\w-]{30,})", answer.content.decode())[0]


@pytest.fixture
def secret(db: None) -> UpdateSecret:
    return update_secrets.create("all nodes", by=make_operator()).secret


class TestPage:
    def test_says_that_nobody_needs_one(self, page: Client) -> None:
        html = html_of(page.get("/admin/secrets/"))
        assert "Nodes check in without a secret: whoever reaches this server may." in html

    def test_says_age_end_and_use(self, page: Client, secret: UpdateSecret) -> None:
        now = timezone.now()
        UpdateSecret.objects.filter(pk=secret.pk).update(created_at=now - timedelta(400))
        passes.note([Used(secret.digest, now, "192.0.2.9")])
        html = html_of(page.get("/admin/secrets/"))
        assert "Nodes check in with or without one of 1 secret." in html
        assert "192.0.2.9" in html
        assert "Rotate it." in html
        update_secrets.set_end(secret, days=3, by=make_operator("bo"))
        assert "nodes still use it" in html_of(page.get("/admin/secrets/"))

    def test_says_what_comes_from_settings_and_never_what_it_is(
        self, page: Client, settings: Any
    ) -> None:
        settings.UPDATE_SECRETS = ["s3cret-one", "s3cret-two"]
        passes.note([Used(digest("s3cret-two"), timezone.now(), "192.0.2.9")])
        html = html_of(page.get("/admin/secrets/"))
        assert "Setting 1" in html
        assert "192.0.2.9" in html
        assert "s3cret" not in html

    def test_keeps_what_ended_apart(self, page: Client, secret: UpdateSecret) -> None:
        update_secrets.revoke(secret, by=make_operator("bo"))
        assert ">all nodes<" not in html_of(page.get("/admin/secrets/"))
        assert ">all nodes<" in html_of(page.get("/admin/secrets/?state=ended"))
        assert page.get("/admin/secrets/?after=x").status_code == 400

    def test_offers_auditors_nothing(self, secret: UpdateSecret, heard: None) -> None:
        auditor = permit(Operator.objects.create_user("eve"), Role.AUDITOR)
        content = log_in(auditor).get("/admin/secrets/").content.decode().partition("<main")[2]
        assert '<form method="post"' not in content


class TestVerbs:
    def test_make_one_that_groups_then_tell(self, page: Client) -> None:
        answer = page.post("/admin/secrets/make/", {"name": "all"})
        assert "no-store" in answer["Cache-Control"]
        value = value_in(answer)
        assert value in html_of(page.get(f"/groups/{seeded_group().pk}/"))
        assert value not in html_of(page.get("/admin/secrets/"))

    def test_hide_it_from_who_may_not_change_the_group(
        self, page: Client, viewer: Operator
    ) -> None:
        group = seeded_group()
        value = value_in(page.post("/admin/secrets/make/", {"name": "x", "group": group.pk}))
        assert value not in html_of(log_in(viewer).get(f"/groups/{group.pk}/"))
        assert "&lt;secret&gt;" in html_of(log_in(viewer).get(f"/groups/{group.pk}/"))
        assert value not in html_of(page.get(f"/groups/{seeded_group('beta').pk}/"))

    def test_rotate(self, page: Client, secret: UpdateSecret) -> None:
        answer = page.post(f"/admin/secrets/{secret.pk}/rotate/", {"days": "7"})
        assert digest(value_in(answer)) in passes.passes()
        secret.refresh_from_db()
        assert secret.ends_at
        page.post(f"/admin/secrets/{secret.pk}/end/", {"days": ""})
        secret.refresh_from_db()
        assert secret.ends_at is None

    @pytest.mark.parametrize("days", ["", "x", "999"])
    def test_say_what_is_wrong(self, page: Client, secret: UpdateSecret, days: str) -> None:
        answer = page.post(f"/admin/secrets/{secret.pk}/rotate/", {"days": days}, follow=True)
        assert "Say for how many days" in html_of(answer)
        secret.refresh_from_db()
        assert secret.ends_at is None

    def test_revoke_what_was_typed(self, page: Client, secret: UpdateSecret) -> None:
        path = f"/admin/secrets/{secret.pk}/revoke/"
        assert "Nothing was done" in html_of(page.post(path, {"confirmed": "all"}, follow=True))
        page.post(path, {"confirmed": "all nodes"})
        secret.refresh_from_db()
        assert secret.revoked_at

    def test_keep_the_last(self, page: Client, secret: UpdateSecret) -> None:
        plain = UpdateSecret.objects.get(digest=PLAIN)
        page.post(f"/admin/secrets/{plain.pk}/revoke/", {"confirmed": plain.name})
        answer = page.post(
            f"/admin/secrets/{secret.pk}/revoke/", {"confirmed": "all nodes"}, follow=True
        )
        assert "make another first" in html_of(answer)
        page.post("/admin/secrets/plain/", {"days": "7"})
        assert PLAIN in passes.holding(timezone.now())


class TestOverview:
    def test_says_what_is_old_and_what_ends_in_use(
        self, page: Client, secret: UpdateSecret
    ) -> None:
        now = timezone.now()
        make_node(last_seen_at=now)
        UpdateSecret.objects.filter(pk=secret.pk).update(created_at=now - timedelta(366))
        other = update_secrets.create("berlin", by=make_operator("bo")).secret
        UpdateSecret.objects.filter(pk=other.pk).update(
            ends_at=now + timedelta(3), last_used_at=now
        )
        html = html_of(page.get("/"))
        assert "node secret older than a year: all nodes" in html
        assert "node secret in use, and ending within a week: berlin" in html

    def test_says_nothing_of_it_to_others(self, secret: UpdateSecret, viewer: Operator) -> None:
        make_node(last_seen_at=timezone.now())
        UpdateSecret.objects.update(created_at=timezone.now() - timedelta(366))
        assert "older than a year" not in html_of(log_in(viewer).get("/"))
