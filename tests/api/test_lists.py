import csv
import io
import itertools
from datetime import UTC, datetime

import pytest
from django.test import Client

from oemupdates.domain.access import Role
from oemupdates.models import Activity
from oemupdates.services.access import operators
from oemupdates.services.shared import activity
from tests.api.conftest import session, somebody
from tests.services.makers import make_activity, make_node, make_release, seeded_group


class TestPages:
    @pytest.mark.parametrize("path", ["groups", "channels", "releases"])
    def test_lead_on_to_the_end_and_back(self, api: Client, path: str) -> None:
        for number in range(7):
            make_release(f"4593.2.{number}")
        everything = api.get(f"/api/v1/{path}").json()["items"]
        pages = []
        address = f"/api/v1/{path}?limit=3"
        while address:
            page = api.get(address).json()
            pages.append(page)
            address = page["next"]
        assert [item for page in pages for item in page["items"]] == everything
        assert pages[0]["previous"] is None
        for before, after in itertools.pairwise(pages):
            assert api.get(after["previous"]).json()["items"] == before["items"]

    def test_keep_the_other_parameters(self, api: Client) -> None:
        page = api.get("/api/v1/groups?architecture=arm64&limit=1&fields=name").json()
        assert page["items"] == [{"name": "alpha"}]
        assert "architecture=arm64" in page["next"]
        assert api.get(page["next"]).json()["items"] == [{"name": "beta"}]

    def test_refuse_a_cursor_of_another_list(self, api: Client) -> None:
        address = api.get("/api/v1/groups?limit=1").json()["next"]
        other = api.get(address.replace("groups", "channels"))
        assert other.status_code == 422
        assert other.json()["type"] == "/api/problems/unprocessable"

    def test_refuse_a_cursor_that_was_tampered_with(self, api: Client) -> None:
        address = api.get("/api/v1/groups?limit=1").json()["next"]
        assert api.get(address[:-3] + "abc").status_code == 422

    @pytest.mark.parametrize("limit", ["0", "501", "many", ""])
    def test_have_at_most_500_rows(self, api: Client, limit: str) -> None:
        answer = api.get(f"/api/v1/groups?limit={limit}")
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["parameter"] == "limit"

    def test_cost_the_same_however_many_rows(
        self, api: Client, django_assert_num_queries: object
    ) -> None:
        api.get("/api/v1/channels")
        with django_assert_num_queries(6):  # type: ignore[operator]
            assert len(api.get("/api/v1/channels").json()["items"]) == 10
        with django_assert_num_queries(6):  # type: ignore[operator]
            api.get("/api/v1/channels?limit=1")


class TestParameters:
    def test_that_nobody_knows_are_refused_by_name(self, api: Client) -> None:
        answer = api.get("/api/v1/groups?colour=red")
        assert answer.status_code == 400
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json() == {
            "type": "/api/problems/invalid",
            "title": "The request is not valid",
            "status": 400,
            "detail": "See errors for what is wrong.",
            "errors": [{"parameter": "colour", "detail": "There is no such parameter."}],
        }

    def test_that_are_said_twice_are_refused(self, api: Client) -> None:
        answer = api.get("/api/v1/groups?limit=1&limit=2")
        assert answer.status_code == 400

    def test_choose_fields_in_the_order_that_they_were_asked_for(self, api: Client) -> None:
        item = api.get("/api/v1/groups?fields=name,id&limit=1").json()["items"][0]
        assert list(item) == ["name", "id"]

    def test_that_name_a_field_that_is_none_are_refused(self, api: Client) -> None:
        answer = api.get("/api/v1/groups?fields=name,colour")
        assert answer.json()["errors"] == [
            {"parameter": "fields", "detail": "There is no field 'colour'."}
        ]


class TestTables:
    def test_hold_the_whole_list(self, api: Client) -> None:
        answer = api.get("/api/v1/groups?format=csv&fields=id,name,channel&limit=1")
        assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert answer.headers["Content-Disposition"] == 'attachment; filename="groups.csv"'
        rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))
        assert len(rows) == 10
        assert rows[0]["name"] == "alpha"

    def test_come_by_accept_too(self, api: Client) -> None:
        answer = api.get("/api/v1/groups", headers={"Accept": "text/csv"})
        assert answer.headers["Content-Type"].startswith("text/csv")

    def test_hold_no_formula(self, api: Client) -> None:
        group = seeded_group()
        activity.record(verb="group.edited", subject=group, by=None, why="=HYPERLINK(1)")
        answer = api.get("/api/v1/activity?format=csv&fields=why")
        assert "'=HYPERLINK(1)" in b"".join(answer.streaming_content).decode()


class TestReach:
    def test_shows_the_groups_within_it_alone(self, db: None) -> None:
        mine, other = seeded_group("stable"), seeded_group("beta")
        caller = session(somebody("berlin", Role.OPERATOR, group=mine))
        assert [item["id"] for item in caller.get("/api/v1/groups").json()["items"]] == [mine.pk]
        assert caller.get(f"/api/v1/groups/{mine.pk}").status_code == 200
        assert caller.get(f"/api/v1/groups/{other.pk}").status_code == 404

    def test_of_nobody_is_401_and_of_nothing_403(self, db: None) -> None:
        stranger = Client().get("/api/v1/groups")
        assert stranger.status_code == 401
        assert stranger.headers["WWW-Authenticate"] == 'Bearer realm="OEM Fleet"'
        assert session(somebody("nothing")).get("/api/v1/groups").status_code == 403


def test_activity_tells_who_and_why(api: Client) -> None:
    group = seeded_group()
    activity.record(
        verb="group.edited",
        subject=group,
        by=None,
        before={"track": "a"},
        after={"track": "b"},
        why="tidy",
    )
    shown = api.get("/api/v1/activity?actor=system&verb=group.edited").json()["items"][0]
    row = Activity.objects.latest("id")
    assert shown == {
        "id": row.pk,
        "at": row.at.isoformat().replace("+00:00", "Z"),
        "actor": None,
        "verb": "group.edited",
        "subject_kind": "group",
        "subject_id": group.pk,
        "subject": "stable (amd64)",
        "before": {"track": "a"},
        "after": {"track": "b"},
        "why": "tidy",
    }


class TestActivity:
    @pytest.fixture(autouse=True)
    def done(self, db: None) -> None:
        other = make_node(group=seeded_group("beta"))
        somebody_else = somebody("somebody")
        for subject in (
            seeded_group(),
            seeded_group("beta"),
            make_node(),
            other,
            make_release("1.0.0"),
            somebody_else,
        ):
            activity.record(
                verb=f"{type(subject).__name__.lower()}.done", subject=subject, by=None
            )

    @pytest.mark.parametrize(
        ("role", "group", "kinds"),
        [
            (Role.ADMIN, "", ["group", "group", "node", "node", "operator", "release"]),
            (Role.VIEWER, "", ["group", "group", "node", "node", "release"]),
            (Role.VIEWER, "stable", ["group", "node", "release"]),
        ],
    )
    def test_is_told_to_those_whom_it_concerns(
        self, role: Role, group: str, kinds: list[str]
    ) -> None:
        grant = {"group": seeded_group(group)} if group else {}
        caller = session(somebody("ann", role, **grant))
        items = caller.get("/api/v1/activity?actor=system").json()["items"]
        told = [item for item in items if item["verb"].endswith(".done")]
        assert sorted(item["subject_kind"] for item in told) == kinds
        for row in Activity.objects.filter(verb__endswith=".done"):
            expected = 200 if row.pk in {item["id"] for item in told} else 404
            assert caller.get(f"/api/v1/activity/{row.pk}").status_code == expected

    def test_is_narrowed_to_a_group_and_the_nodes_in_it(self) -> None:
        beta = seeded_group("beta")
        caller = session(somebody("ann", Role.VIEWER))
        items = caller.get(f"/api/v1/activity?actor=system&group={beta.pk}").json()["items"]
        told = [item["subject_kind"] for item in items if item["verb"].endswith(".done")]
        assert sorted(told) == ["group", "node"]
        outside = session(somebody("bob", Role.VIEWER, group=seeded_group()))
        assert outside.get(f"/api/v1/activity?group={beta.pk}").json()["items"] == []

    def test_of_the_system_leaves_out_who_failed_to_log_in(self, api: Client) -> None:
        operators.log_in_failed("nobody")
        verbs = {one["verb"] for one in api.get("/api/v1/activity?actor=system").json()["items"]}
        assert "group.done" in verbs
        assert "operator.log_in_failed" not in verbs

    def test_is_narrowed_to_a_time(self, api: Client) -> None:
        for hour in range(6):
            make_activity(at=datetime(2026, 11, 1, hour, tzinfo=UTC), verb="group.edited")
        asked = "&until=2026-11-01T04:00:00Z&since=2026-11-01T02:00:00Z"
        answer = api.get(f"/api/v1/activity?verb=group.edited{asked}").json()
        assert [item["at"][11:13] for item in answer["items"]] == ["04", "03", "02"]
        refused = api.get("/api/v1/activity?since=yesterday")
        assert refused.status_code == 400
        assert refused.json()["errors"][0]["parameter"] == "since"

    def test_is_exported_whole_and_once(self, api: Client) -> None:
        group = seeded_group()
        for _ in range(230):
            activity.record(verb="group.done", subject=group, by=None)
        answer = api.get("/api/v1/activity?verb=group.done&format=csv")
        rows = list(csv.DictReader(io.StringIO(answer.getvalue().decode())))
        keys = [int(row["id"]) for row in rows]
        assert len(keys) == 232
        assert keys == sorted(set(keys), reverse=True)


@pytest.mark.parametrize(
    "moment",
    [
        "2864-12-29T10:37:09-16:28",
        "2026-09-01T12:00:00%2B23:59",
        "9999-12-31T23:59:59-01:00",
        "0001-01-01T00:00:00%2B01:00",
    ],
)
@pytest.mark.parametrize("name", ["since", "until"])
def test_times_of_any_zone_and_year_are_taken(viewer: Client, name: str, moment: str) -> None:
    assert viewer.get(f"/api/v1/activity?{name}={moment}").status_code == 200
