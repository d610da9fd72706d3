import pytest
from django.db import OperationalError
from django.middleware.csrf import get_token
from django.test import Client, RequestFactory

from oemupdates.api.frame import reading
from oemupdates.domain.access import Role
from oemupdates.models import Operator
from tests.api.conftest import problem, send, session, somebody
from tests.services.makers import seeded_group


class TestEtags:
    def test_spare_what_is_known_already(self, api: Client) -> None:
        address = f"/api/v1/groups/{seeded_group().pk}"
        etag = api.get(address).headers["ETag"]
        again = api.get(address, headers={"If-None-Match": f'"other", W/{etag}'})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["ETag"] == etag

    def test_differ_with_the_fields(self, api: Client) -> None:
        address = f"/api/v1/groups/{seeded_group().pk}"
        whole, part = api.get(address), api.get(f"{address}?fields=name")
        assert whole.headers["ETag"] != part.headers["ETag"]
        assert api.get(address, headers={"If-None-Match": part.headers["ETag"]}).status_code == 200

    def test_change_with_what_is_shown(self, api: Client) -> None:
        group = seeded_group()
        etag = api.get("/api/v1/groups").headers["ETag"]
        group.description = "other"
        group.save()
        again = api.get("/api/v1/groups", headers={"If-None-Match": etag})
        assert again.status_code == 200


class TestAddresses:
    @pytest.mark.parametrize(
        "path",
        [
            *("v1/nothing", "v1/groups/", "v1/groups/-1", "v1/groups/0", "v1/groups/1%0A2"),
            *("", "v1/", "v2/groups", "apps/", "apps/one/groups", "nothing/"),
        ],
    )
    def test_that_are_none_are_a_problem(self, api: Client, path: str) -> None:
        answer = api.get(f"/api/{path}")
        assert answer.status_code == 404
        assert answer.headers["Content-Type"] == "application/problem+json"

    @pytest.mark.parametrize("path", ["/api", "/api/v1", "/api/docs", "/api/problems"])
    def test_get_the_last_slash_that_they_lack(self, api: Client, path: str) -> None:
        assert api.get(path).headers["Location"] == f"{path}/"

    def test_with_a_key_beyond_all_keys_show_nothing(self, api: Client) -> None:
        assert api.get(f"/api/v1/groups/{2**70}").status_code == 404

    @pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options", "trace"])
    def test_know_their_methods(self, api: Client, method: str) -> None:
        answer = getattr(api, method)("/api/v1/activity")
        assert answer.status_code == 405
        assert answer.json()["type"] == "/api/problems/wrong-method"
        assert answer.headers["Allow"] == "GET, HEAD"

    def test_speak_json_alone(self, api: Client) -> None:
        answer = api.get("/api/v1/groups", headers={"Accept": "text/html"})
        assert answer.status_code == 406

    def test_answer_head_without_a_body(self, api: Client) -> None:
        answer = api.head("/api/v1/groups")
        assert (answer.status_code, answer.content) == (200, b"")


def test_every_problem_has_a_page(client: Client, db: None) -> None:
    kinds = client.get("/api/problems/").json()["items"]
    assert {"/api/problems/cannot-hold", "/api/problems/invalid"} <= {
        kind["type"] for kind in kinds
    }
    for kind in kinds:
        page = client.get(kind["type"]).json()
        assert page == kind
        assert page["detail"].endswith(".")


def test_a_one_time_password_opens_nothing(db: None) -> None:
    operator = somebody("new", Role.ADMIN)
    operator.must_change_password = True
    operator.save()
    answer = session(operator).get("/api/v1/groups")
    assert (answer.status_code, answer.json()["type"]) == (403, "/api/problems/not-permitted")


class TestBodies:
    @pytest.mark.parametrize(
        "raw",
        [b"{", b"{'a': 1}", b"NaN", b'{"a": 1, "a": 2}', b"\xff", b'"\\ud800"', b"[" * 2000],
    )
    def test_that_are_no_json_are_refused(self, api: Client, raw: bytes) -> None:
        answer = api.post("/api/v1/groups", raw, content_type="application/json")
        assert problem(answer) == (400, "bad-json")

    def test_are_not_nested_deep(self, api: Client) -> None:
        raw = b"[" * 9 + b"]" * 9
        answer = api.post("/api/v1/groups", raw, content_type="application/json")
        assert problem(answer) == (400, "bad-json")

    @pytest.mark.parametrize("raw", [b"[]", b"1", b'"x"', b"null"])
    def test_are_objects(self, api: Client, raw: bytes) -> None:
        answer = api.post("/api/v1/groups", raw, content_type="application/json")
        assert problem(answer) == (400, "invalid")

    @pytest.mark.parametrize(
        "kind",
        [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/json; charset=latin-1",
        ],
    )
    def test_of_another_kind_are_refused(self, api: Client, kind: str) -> None:
        answer = api.post("/api/v1/groups", b'{"name": "x"}', content_type=kind)
        assert problem(answer) == (415, "unsupported-media-type")

    def test_that_are_compressed_are_refused(self, api: Client) -> None:
        answer = api.post(
            "/api/v1/groups",
            b"x",
            content_type="application/json",
            headers={"Content-Encoding": "gzip"},
        )
        assert problem(answer) == (415, "unsupported-media-type")

    def test_that_are_too_large_are_not_read(self, api: Client) -> None:
        raw = b'"' + b"x" * reading.MAX_BODY_BYTES + b'"'
        answer = api.post("/api/v1/groups", raw, content_type="application/json")
        assert problem(answer) == (413, "too-large")

    def test_without_a_length_are_refused(self, api: Client) -> None:
        answer = api.post(
            "/api/v1/groups",
            b"",
            content_type="application/json",
            headers={"Transfer-Encoding": "chunked"},
        )
        assert problem(answer) == (411, "length-required")


class TestSessions:
    def test_write_with_their_csrf_token_alone(self, admin: Operator) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(admin)
        said = {"name": "berlin", "architecture": "amd64"}
        assert problem(send(client, "POST", "groups", said)) == (403, "bad-csrf")
        token = get_token(RequestFactory().get("/"))
        client.cookies["csrftoken"] = token
        assert send(client, "POST", "groups", said, X_CSRFToken=token).status_code == 201


def test_a_fault_of_ours_is_a_problem_and_logged(
    admin: Operator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(admin)

    def fail(*_args: object) -> None:
        raise RuntimeError("the reason")

    monkeypatch.setattr("oemupdates.api.groups.groups.within", fail)
    answer = client.get("/api/v1/groups")
    assert problem(answer) == (500, "internal")
    assert "the reason" not in answer.content.decode()
    assert "the reason" in caplog.text


def test_a_database_that_is_busy_is_worth_another_try(
    api: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr("oemupdates.api.groups.groups.within", fail)
    answer = api.get("/api/v1/groups")
    assert problem(answer) == (503, "unavailable")
    assert answer.headers["Retry-After"] == "2"
