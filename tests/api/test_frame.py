import pytest
from django.test import Client

from oemupdates.domain.access import Role
from tests.api.conftest import session, somebody
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
    @pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v1/groups/", "/api/v1/groups/-1"])
    def test_that_are_none_are_a_problem(self, api: Client, path: str) -> None:
        answer = api.get(path)
        assert answer.status_code == 404
        assert answer.headers["Content-Type"] == "application/problem+json"

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
