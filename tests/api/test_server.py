from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from oemupdates.domain.access import Permission, Role
from oemupdates.domain.node import State
from oemupdates.models import Operator, RejectedRequest
from oemupdates.services.access import tokens
from oemupdates.services.counters import samples
from oemupdates.services.shared import heartbeats
from tests.api.conftest import problem, send, session, somebody
from tests.services.makers import make_node, seeded_group


def bearing(secret: str) -> Client:
    return Client(headers={"Authorization": f"Bearer {secret}"})


def made(owner: Operator, *scopes: Permission, **terms: Any) -> tokens.Made:
    wanted = tokens.Terms(scopes or tuple(Permission), **terms)
    return tokens.create(owner=owner, by=owner, name="ci", terms=wanted)


class TestMe:
    def test_says_who_asks_and_what_they_may(self, db: None) -> None:
        group = seeded_group()
        caller = session(somebody("berlin", Role.VIEWER, group=group))
        assert caller.get("/api/v1/me?fields=username,token,roles,permissions").json() == {
            "username": "berlin",
            "token": None,
            "roles": [{"role": "viewer", "groups": [group.pk]}],
            "permissions": [
                {"permission": "fleet.read", "everywhere": False, "groups": [group.pk]}
            ],
        }

    def test_says_what_the_token_leaves(self, admin: Operator) -> None:
        shown = bearing(made(admin, Permission.READ_FLEET).secret).get("/api/v1/me").json()
        assert shown["token"] == "ci"
        assert [one["permission"] for one in shown["permissions"]] == ["fleet.read"]


class TestTokens:
    def test_let_in_within_their_scopes(self, admin: Operator) -> None:
        client = bearing(made(admin, Permission.READ_FLEET).secret)
        assert client.get("/api/v1/groups").status_code == 200
        answer = send(client, "POST", "groups", {"name": "x", "architecture": "amd64"})
        assert problem(answer) == (403, "not-allowed")

    def test_need_no_csrf_token(self, admin: Operator) -> None:
        secret = made(admin).secret
        client = Client(enforce_csrf_checks=True, headers={"Authorization": f"Bearer {secret}"})
        answer = send(client, "POST", "groups", {"name": "x", "architecture": "amd64"})
        assert answer.status_code == 201

    @pytest.mark.parametrize(
        "header", ["Bearer flt_wrong", "Bearer ", "", "Basic YTpi", "Bearer \xff", "flt_x"]
    )
    def test_that_are_none_let_nobody_in(self, api: Client, header: str) -> None:
        # Not even with a session beside them.
        answer = api.get("/api/v1/groups", headers={"Authorization": header})
        assert problem(answer) == (401, "not-authenticated")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")

    def test_limits_end_with_the_request(self, admin: Operator, api: Client) -> None:
        client = bearing(made(admin, Permission.READ_FLEET).secret)
        assert client.get("/api/v1/groups").status_code == 200
        answer = send(api, "POST", "groups", {"name": "x", "architecture": "amd64"})
        assert answer.status_code == 201

    def test_are_made_listed_and_revoked(self, api: Client) -> None:
        said = {"name": "ci", "scopes": ["fleet.read"], "groups": [seeded_group().pk]}
        answer = send(api, "POST", "tokens", said, Idempotency_Key="k1")
        assert answer.status_code == 201
        assert answer.headers["Cache-Control"] == "no-store"
        token, secret = answer.json()["token"], answer.json()["secret"]
        assert token["groups"][0]["name"] == "stable"
        assert bearing(secret).get("/api/v1/groups").json()["items"][0]["name"] == "stable"
        assert send(api, "POST", "tokens", said, Idempotency_Key="k1").json()["secret"] == secret
        listed = api.get("/api/v1/tokens")
        assert secret not in listed.content.decode()
        assert [item["id"] for item in listed.json()["items"]] == [token["id"]]
        gone = send(api, "POST", f"tokens/{token['id']}/revoke", {"why": "leaked"})
        assert gone.json()["revoked_at"]
        assert problem(bearing(secret).get("/api/v1/groups")) == (401, "not-authenticated")

    def test_of_others_are_seen_with_the_permission_alone(
        self, admin: Operator, viewer: Client
    ) -> None:
        token = made(admin).token
        assert viewer.get("/api/v1/tokens?operator=admin").json()["items"] == []
        assert viewer.get(f"/api/v1/tokens/{token.pk}").status_code == 404
        assert send(viewer, "POST", f"tokens/{token.pk}/revoke").status_code == 404
        auditor = session(somebody("auditor", Role.AUDITOR))
        assert auditor.get(f"/api/v1/tokens/{token.pk}").status_code == 200
        assert send(auditor, "POST", f"tokens/{token.pk}/revoke").status_code == 403

    def test_are_never_more_than_their_owner(self, viewer: Client) -> None:
        said = {"name": "ci", "scopes": ["server.administer"]}
        assert problem(send(viewer, "POST", "tokens", said)) == (409, "cannot-make-token")


class TestRates:
    @pytest.fixture(params=["own", "redis"])
    def slow(self, request: pytest.FixtureRequest, settings: Any) -> None:
        settings.API_REQUESTS_A_MINUTE = 3
        if request.param == "redis":
            settings.REDIS_URL = request.getfixturevalue("valkey_url")

    def test_are_told_and_kept(self, slow: None, db: None) -> None:
        client = session(somebody(f"ann-{timezone.now().timestamp()}", Role.VIEWER))
        for left in (2, 1, 0):
            answer = client.get("/api/v1/me")
            assert answer.status_code == 200
            assert answer.headers["RateLimit-Limit"] == "3"
            assert answer.headers["RateLimit-Remaining"] == str(left)
        over = client.get("/api/v1/me")
        assert problem(over) == (429, "too-many-requests")
        assert 15 <= int(over.headers["Retry-After"]) <= 21
        other = session(somebody(f"bob-{timezone.now().timestamp()}", Role.VIEWER))
        assert other.get("/api/v1/me").status_code == 200

    def test_outlive_redis(self, settings: Any, db: None) -> None:
        settings.API_REQUESTS_A_MINUTE = 3
        settings.REDIS_URL = "redis://127.0.0.1:1/0"
        assert session(somebody("zoe", Role.VIEWER)).get("/api/v1/me").status_code == 200


class TestSystem:
    def test_says_how_the_server_is(self, api: Client, viewer: Client) -> None:
        shown = api.get("/api/v1/system").json()
        parts = {part["name"]: part for part in shown["parts"]}
        assert parts["database"]["level"] == "fine"
        assert parts["worker"]["level"] == shown["level"] == "trouble"
        heartbeats.beat("take_sample", timezone.now(), found=7)
        shown = api.get("/api/v1/system").json()
        tasks = {task["name"]: task for task in shown["clock"]}
        assert (tasks["take_sample"]["found"], tasks["take_sample"]["seconds"]) == (7, 60)
        assert tasks["verify_activity"]["last_at"] is None
        assert {one["name"] for one in shown["versions"]} >= {"Python", "Django", "Celery"}
        assert problem(viewer.get("/api/v1/system")) == (403, "not-allowed")


class TestRejected:
    def test_is_for_those_who_may_see_what_was_sent(self, api: Client, viewer: Client) -> None:
        now = timezone.now()
        RejectedRequest.objects.create(
            day=now.date(), reason="doctype", source="192.0.2.1", first_at=now, last_at=now
        )
        shown = api.get("/api/v1/rejected?reason=doctype").json()["items"]
        assert (shown[0]["source"], shown[0]["day"]) == ("192.0.2.1", f"{now:%Y-%m-%d}")
        assert api.get("/api/v1/rejected?reason=other").json()["items"] == []
        assert problem(viewer.get("/api/v1/rejected")) == (403, "not-allowed")
        for day, number in ((now, 1), (now - timedelta(days=1), 0)):
            found = api.get(f"/api/v1/rejected?day={day:%Y-%m-%d}").json()["items"]
            assert len(found) == number
        assert problem(api.get("/api/v1/rejected?day=today")) == (400, "invalid")

    def test_are_summed_up_beside_the_tracks_without_a_group(
        self, api: Client, viewer: Client
    ) -> None:
        now = timezone.now()
        for source, times in (("192.0.2.1", 3), ("192.0.2.2", 4)):
            RejectedRequest.objects.create(
                day=now.date(),
                reason="doctype",
                source=source,
                times=times,
                first_at=now,
                last_at=now,
            )
        make_node(group=None, state=State.UNASSIGNED, track="tokyo")
        shown = api.get("/api/v1/rejected/summary").json()
        (reason,) = shown["reasons"]
        assert (reason["reason"], reason["times"], reason["sources"]) == ("doctype", 7, 2)
        assert shown["tracks"] == [{"track": "tokyo", "architecture": "amd64", "nodes": 1}]
        assert problem(viewer.get("/api/v1/rejected/summary")) == (403, "not-allowed")


class TestSamples:
    def test_are_of_the_callers_groups(self, api: Client) -> None:
        make_node(version="4593.2.1")
        make_node(version="4593.2.1", group=seeded_group("beta"))
        samples.take(timezone.now())
        shown = api.get("/api/v1/samples?dimension=version").json()
        assert shown["samples"][-1]["counts"] == {"4593.2.1": 2}
        caller = session(somebody("beta", Role.VIEWER, group=seeded_group("beta")))
        shown = caller.get("/api/v1/samples?dimension=version").json()
        assert shown["samples"][-1]["counts"] == {"4593.2.1": 1}

    def test_are_bounded(self, api: Client) -> None:
        since = (timezone.now() - timedelta(days=800)).strftime("%Y-%m-%dT%H:%M:%SZ")
        answer = api.get(f"/api/v1/samples?dimension=version&since={since}")
        assert problem(answer) == (422, "unprocessable")
        assert problem(api.get("/api/v1/samples")) == (400, "invalid")
