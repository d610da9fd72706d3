import csv
import io
import json
import re
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from oemupdates.domain.access import Role
from oemupdates.models import Activity, ActivityCheck, Operator
from oemupdates.services.access import operators
from oemupdates.services.groups import groups
from oemupdates.services.nodes import nodes
from oemupdates.services.shared import activity_chain
from tests.dashboard.conftest import log_in, permit
from tests.services.makers import (
    make_activity,
    make_node,
    make_operator,
    make_token,
    seeded_group,
)

ENTRY = "data-row><svg"


def text(page: Client, query: str = "") -> str:
    return " ".join(page.get(f"/activity/{query}").content.decode().split())


def entries(page: Client, query: str = "") -> list[str]:
    """What each entry says, without its markup."""
    html = text(page, query)
    found = re.findall(r'<li class="calm" id="activity-\d+" data-row>.*?</svg>(.*?)<time', html)
    return [re.sub(r"<[^>]+>", "", one).strip() for one in found]


def exported(page: Client, query: str) -> str:
    answer = page.get(f"/activity/export/?{query}")
    assert answer.status_code == 200
    return b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]


class TestEntry:
    def test_says_who_did_what_to_what_with_before_after_and_why(
        self, page: Client, admin: Operator
    ) -> None:
        group = seeded_group()
        groups.edit(group, by=admin, max_under_way=20, why="carefully")
        assert entries(page)[0] == "admin changed group stable (amd64)"
        html = text(page)
        assert f'changed group <a href="/groups/{group.pk}/">stable (amd64)</a>' in html
        assert 'max under way: <span class="before">nothing</span> → <b>20</b>' in html
        assert "“carefully”" in html

    def test_folds_many_values(self, page: Client, admin: Operator) -> None:
        for number in (3, 4):
            make_activity(
                at=timezone.now(),
                verb="release.imported",
                subject_kind="release",
                subject=f"with {number}",
                after={f"file {value}": "x" for value in range(number)},
            )
        html = text(page)
        assert "4 values, and more" in html
        assert "3 values" not in html
        assert html.count('<th scope="row">file 0</th>') == 2

    def test_reads_times_as_times(self, page: Client, admin: Operator) -> None:
        until = timezone.now() + timedelta(days=1)
        nodes.hold(make_node(), by=admin, because="disk", until=until)
        assert f"<b>{until:%Y-%m-%d %H:%M} UTC</b>" in text(page)

    def test_is_of_somebody_where_nobody_knows_them(self, page: Client) -> None:
        make_activity(
            at=timezone.now(), verb="operator.log_in_failed", subject_kind="operator",
            subject="an unknown name", address="192.0.2.7",
        )  # fmt: skip
        assert entries(page)[0] == "Somebody failed to log in as an unknown name"

    def test_tells_whence_somebody_came_to_those_alone_who_may_know(
        self, page: Client, viewer: Operator, admin: Operator
    ) -> None:
        token = make_token(admin, name="nightly")
        make_activity(
            at=timezone.now(), subject_kind="channel", verb="channel.created", subject="alpha",
            actor=admin, token=token, address="192.0.2.7", request_id="req-12345",
        )  # fmt: skip
        secrets = ("nightly", "192.0.2.7", "req-12345")
        assert all(secret in text(page) for secret in secrets)
        seen = text(log_in(viewer))
        assert "made channel" in seen
        assert not any(secret in seen for secret in secrets)
        assert all(secret in exported(page, "format=json") for secret in secrets)
        told = exported(log_in(viewer), "format=json")
        assert not any(secret in told for secret in secrets)

    def test_shows_hostile_words_as_words(self, page: Client) -> None:
        make_activity(at=timezone.now(), subject="<script>alert(1)</script>", why="<b>x")
        html = text(page)
        assert "<script>alert" not in html
        assert "“&lt;b&gt;x”" in html


class TestTabs:
    def test_tell_people_from_the_system(self, page: Client, admin: Operator) -> None:
        groups.switch_updates(seeded_group(), on=False, by=None)
        groups.switch_updates(seeded_group("beta"), on=False, by=admin)
        system, people = entries(page, "?tab=system"), entries(page, "?tab=people")
        assert system == ["The system switched updates off in group stable (amd64)"]
        assert people[0] == "admin switched updates off in group beta (amd64)"
        assert set(entries(page)) == {*system, *people}
        assert 'href="?tab=people" aria-current="page"' in text(page, "?tab=people")


class TestFilters:
    def test_narrow_to_a_person(self, page: Client, admin: Operator) -> None:
        groups.switch_updates(seeded_group(), on=False, by=make_operator("ben"))
        groups.switch_updates(seeded_group("beta"), on=False, by=admin)
        assert entries(page, "?actor=ben") == ["ben switched updates off in group stable (amd64)"]

    def test_narrow_to_a_verb_a_kind_and_a_thing(self, page: Client, admin: Operator) -> None:
        group = seeded_group()
        groups.switch_updates(group, on=False, by=admin)
        nodes.archive(first := make_node(name="one"), by=admin)
        nodes.archive(make_node(name="two"), by=admin)
        assert len(entries(page, "?verb=node.archived")) == 2
        assert entries(page, "?kind=group") == [
            "admin switched updates off in group stable (amd64)"
        ]
        assert entries(page, f"?kind=node&id={first.pk}") == ["admin archived node one"]
        assert entries(page, "?kind=node&verb=group.updates_off") == []

    def test_narrow_to_a_group_and_its_nodes(self, page: Client, admin: Operator) -> None:
        stable, beta = seeded_group(), seeded_group("beta")
        groups.switch_updates(stable, on=False, by=admin)
        nodes.archive(make_node(group=stable, name="mine"), by=admin)
        nodes.archive(make_node(group=beta, name="other"), by=admin)
        assert entries(page, f"?group={stable.pk}") == [
            "admin archived node mine",
            "admin switched updates off in group stable (amd64)",
        ]
        assert "Group: stable (amd64)" in text(page, f"?group={stable.pk}")

    def test_narrow_to_a_time(self, page: Client) -> None:
        now = timezone.now().replace(microsecond=0)
        for hours in (48, 24, 1):
            make_activity(at=now - timedelta(hours=hours), subject=f"{hours} h")
        since = f"{now - timedelta(hours=30):%Y-%m-%dT%H:%M}"
        until = f"{now - timedelta(hours=2):%Y-%m-%dT%H:%M}"
        assert [one[-4:] for one in entries(page, f"?from={since}")][-2:] == [" 1 h", "24 h"]
        assert [one[-4:] for one in entries(page, f"?until={until}")] == ["24 h", "48 h"]
        assert [one[-4:] for one in entries(page, f"?from={since}&until={until}")] == ["24 h"]

    def test_are_each_taken_off_by_a_link(self, page: Client) -> None:
        html = text(page, "?kind=node&tab=people")
        assert '<a class="pill on words" href="?tab=people"' in html
        assert '<a class="note" href="?tab=people">Clear all</a>' in html

    @pytest.mark.parametrize(
        ("query", "words"),
        [
            ("?kind=gizmo", "There is no activity about"),
            ("?verb=node.exploded", "Nobody ever does"),
            ("?actor=nobody%00", "Nobody is called"),
            ("?tab=others", "There is no tab"),
            ("?group=999999", "There is no such group"),
            ("?group=x", "is a number"),
            ("?id=99999999999999999999999999", "is a number"),
            ("?from=yesterday", "no date and time"),
            ("?after=zzz", "is damaged"),
        ],
    )
    def test_say_what_is_wrong_with_an_address(self, page: Client, query: str, words: str) -> None:
        for path in ("/activity/", "/activity/newest/"):
            assert page.get(f"{path}{query}").status_code == 400
        answer = page.get(f"/activity/{query}")
        assert words in answer.content.decode()
        export = page.get(f"/activity/export/{query}")
        assert export.status_code == (200 if "after" in query else 400)

    def test_cost_the_same_however_much_was_done(
        self, page: Client, django_assert_max_num_queries: Any
    ) -> None:
        for _ in range(20):
            make_activity(at=timezone.now(), token=make_token())
        page.get("/activity/")
        with django_assert_max_num_queries(14) as asked:
            page.get("/activity/?tab=system&kind=node")
        assert not [one for one in asked.captured_queries if "COUNT(" in one["sql"]]


class TestPages:
    def test_lead_back_to_the_first_entry(self, page: Client, admin: Operator) -> None:
        for number in range(60):
            make_activity(at=timezone.now(), actor=admin, subject=f"node-{number}")
        seen, query = list[str](), ""
        for _ in range(2):
            html = text(page, query)
            seen += re.findall(r"held node (node-\d+)</span>", html)
            following = re.search(r'href="(\?after=[^"]+)" rel="next"', html)
            query = following[1] if following else ""
        assert seen == [f"node-{number}" for number in range(59, -1, -1)]


class TestReach:
    def test_of_a_group_shows_its_own_and_what_all_share(
        self, admin: Operator, viewer: Operator
    ) -> None:
        stable, beta = seeded_group(), seeded_group("beta")
        nodes.archive(make_node(group=stable, name="mine"), by=admin)
        nodes.archive(make_node(group=beta, name="other"), by=admin)
        groups.switch_updates(beta, on=False, by=admin)
        make_activity(at=timezone.now(), verb="channel.created", subject_kind="channel")
        make_activity(at=timezone.now(), verb="bulk.started", subject_kind="bulkchange")
        operators.logged_in(admin)
        someone = permit(Operator.objects.create_user("someone"), Role.OPERATOR, stable)
        limited = log_in(someone)
        told = [one.split(" ", 1)[1] for one in entries(limited)]
        assert told == ["system made channel", "archived node mine"]
        assert f'"actor": "{admin}"' in exported(limited, "format=json")
        assert "other" not in exported(limited, "format=csv")
        assert limited.get(f"/activity/?group={beta.pk}").status_code == 400
        everything = entries(log_in(viewer))
        assert any("archived node other" in one for one in everything)
        assert any("began" in one for one in everything)
        assert not any("logged in" in one for one in everything)

    def test_names_nobody_to_those_who_see_some_groups(self, admin: Operator) -> None:
        someone = permit(Operator.objects.create_user("someone"), Role.VIEWER, seeded_group())
        assert "?actor=admin" not in text(log_in(someone))


class TestExport:
    def test_is_a_table_that_no_spreadsheet_calculates(self, page: Client) -> None:
        make_activity(at=timezone.now(), subject="=1+1", why="+2", before={"a": "@x"})
        rows = list(csv.DictReader(io.StringIO(exported(page, "format=csv&kind=node"))))
        assert [(row["To"], row["Why"], row["Did"]) for row in rows] == [
            ("'=1+1", "'+2", "held node")
        ]
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in rows[0].values())

    def test_proves_itself_by_its_hashes(self, page: Client) -> None:
        for _ in range(3):
            make_activity(at=timezone.now())
        rows = json.loads(exported(page, "format=json"))
        assert len(rows) == Activity.objects.count()
        for newer, older in pairwise(rows):
            assert newer["previous_hash"] == older["hash"]

    def test_is_as_long_as_it_must(
        self, page: Client, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Any
    ) -> None:
        monkeypatch.setattr("oemupdates.dashboard.frame.exporting.CHUNK", 4)
        for number in range(10):
            make_activity(at=timezone.now(), subject=f"n{number}")
        with django_assert_max_num_queries(14):
            rows = json.loads(exported(page, "format=json&kind=node"))
        assert [row["subject"] for row in rows] == [f"n{number}" for number in range(9, -1, -1)]

    def test_of_nothing_is_empty(self, page: Client) -> None:
        assert json.loads(exported(page, "format=json&verb=webhook.tested")) == []

    def test_knows_its_kinds(self, page: Client) -> None:
        answer = page.get("/activity/export/?format=xlsx")
        assert answer.status_code == 400
        assert "csv or json" in answer.content.decode()


class TestFollowing:
    def test_is_told_that_nothing_changed(self, page: Client) -> None:
        make_activity(at=timezone.now() - timedelta(days=90), subject="first")
        before = page.get("/activity/newest/?kind=node")
        tag = before.headers["ETag"]
        again = page.get("/activity/newest/?kind=node", headers={"If-None-Match": tag})
        assert (again.status_code, again.content) == (304, b"")
        make_activity(at=timezone.now(), subject="second")
        changed = page.get("/activity/newest/?kind=node", headers={"If-None-Match": tag})
        assert changed.status_code == 200
        assert "second" in changed.content.decode()

    def test_begins_at_the_newest_page_alone(self, page: Client) -> None:
        for _ in range(51):
            make_activity(at=timezone.now())
        assert 'data-live="activity"' in text(page)
        following = re.search(r'href="(\?after=[^"]+)" rel="next"', text(page))
        assert following
        assert 'data-live="activity"' not in text(page, following[1])
        assert 'data-live="activity"' not in text(page, "?until=2100-01-01T00:00")


class TestVerified:
    def test_says_how_far(self, page: Client) -> None:
        assert "Nothing was verified yet." in text(page)
        row = make_activity(at=timezone.now())
        activity_chain.check()
        assert f"up to row {row.pk:,}" in text(page)

    def test_shouts_where_it_is_not_whole(self, page: Client) -> None:
        make_activity(at=timezone.now())
        activity_chain.check()
        ActivityCheck.objects.update(problem="Row 7 is not what was written: it was changed.")
        make_node()
        assert "This is not what was written." in text(page)
        words = "Activity was tampered with. Row 7 is not what was written"
        for path in ("/", "/admin/system/"):
            assert words in " ".join(page.get(path).content.decode().split()), path
