"""The page of one node."""

import json
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.html import escape

from oemupdates.dashboard.nodes.tracing import QUESTIONS
from oemupdates.domain.access import Role
from oemupdates.domain.checkin import DERIVED, OBSERVED, REPORTED
from oemupdates.domain.event import Meaning
from oemupdates.domain.node import State
from oemupdates.domain.reason import Why
from oemupdates.models import Answer, Event, Floor, Node, VersionInterval
from tests.dashboard.conftest import log_in, permit
from tests.services.makers import (
    make_node,
    make_operator,
    make_release,
    seeded_channel,
    seeded_group,
)

DAY = timedelta(days=1)
NOW = timezone.now()


def text(page: Client, node: Node, query: str = "") -> str:
    answer = page.get(f"/nodes/{node.pk}/?{query}")
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def why(page: Client, node: Node) -> str:
    return text(page, node).partition('aria-label="Why"')[2].partition("</section>")[0]


def timeline(page: Client, node: Node, query: str = "") -> str:
    return text(page, node, query).partition("What happened")[2]


class TestWhy:
    def test_says_every_reason_and_what_would_change_it(self, page: Client) -> None:
        reasons = [[Why.UPDATES_OFF, "stable", ""], [Why.LIMIT, "5", ""]]
        node = make_node(state=State.WAITING, answer="noupdate", reasons=json.dumps(reasons))
        shown = why(page, node)
        assert "Nothing is offered to it." in shown
        assert "Updates are switched off in its group stable." in shown
        assert "Needs somebody: Switch the group&#x27;s updates on." in shown
        assert "5 nodes of its group are under way, which is the limit." in shown
        assert "Waits for: Another node of the group finishes or fails." in shown

    @pytest.mark.parametrize("code", list(Why))
    def test_knows_every_code(self, page: Client, code: Why) -> None:
        node = make_node(answer="noupdate", reasons=json.dumps([[code, "one", "two"]]))
        assert "does not know" not in why(page, node)

    @pytest.mark.parametrize(
        "stored", ["", "[]", "nonsense", '{"a": 1}', '[["brand_new", "x", "y"]]', '[[], 7, ["x"]]']
    )
    def test_never_fails_over_what_is_stored(self, page: Client, stored: str) -> None:
        assert why(page, make_node(reasons=stored))

    @pytest.mark.parametrize(
        ("given", "words"),
        [
            ({"state": State.UP_TO_DATE, "answer": "noupdate"}, "as it is up to date"),
            ({"state": State.NEW}, "has not asked for an update yet"),
            ({"state": State.OFFERED, "answer": "offer 4593.2.1"}, "It is offered 4593.2.1."),
            ({"state": State.DOWNLOADING, "target_version": "4593.2.1"}, "It downloads 4593.2.1."),
            ({"state": State.FAILED, "target_version": "4593.2.1"}, "update to 4593.2.1 failed"),
            ({"state": State.ROLLED_BACK, "rolled_back_version": "4593.2.1"}, "tried 4593.2.1"),
            ({"state": State.ROLLED_BACK, "answer": "noupdate"}, "Nothing is offered to it."),
        ],
    )
    def test_begins_with_what_the_node_heard(
        self, page: Client, given: dict[str, object], words: str
    ) -> None:
        assert words in why(page, make_node(**given))

    def test_names_the_last_error_with_advice(self, page: Client) -> None:
        node = make_node(state=State.FAILED, last_error_code=10)
        assert "Last error 10: payload hash mismatch. The payload host serves" in why(page, node)


class TestNextCheckIn:
    @pytest.mark.parametrize(
        ("minutes", "words"), [(60, '</time> <span class="note">at the latest'), (70, "was due")]
    )
    def test_is_at_the_latest_after_one_and_a_half_intervals(
        self, page: Client, minutes: int, words: str
    ) -> None:
        node = make_node(last_seen_at=timezone.now() - timedelta(minutes=minutes))
        assert words in text(page, node)

    def test_is_not_promised_of_a_pxe_node(self, page: Client) -> None:
        assert "Next check-in" not in text(page, make_node(is_pxe=True))


class TestFacts:
    def test_call_a_birth_version_a_birth_version(self, page: Client) -> None:
        node = make_node(oem="vmware", oem_basis=REPORTED, birth_version="13.0.10")
        html = text(page, node)
        assert "<dt>Birth version</dt><dd>13.0.10 <span" in html
        assert "says nothing about today" in html
        assert "unknown: its check-ins do not tell" in html

    def test_tell_observed_from_derived(self, page: Client) -> None:
        observed = make_node(
            oem="azure", oem_basis=OBSERVED, oem_version="4459.2.1", oem_build="2.13"
        )
        derived = make_node(oem="azure", oem_basis=DERIVED, oem_version="4459.2.1")
        assert "observed</span>" in text(page, observed)
        assert "for OS 4459.2.1, build 2.13" in text(page, observed)
        assert "derived</span>" in text(page, derived)

    def test_say_for_how_long_an_oem_stands_as_it_does(self, page: Client) -> None:
        node = make_node(oem="azure", oem_basis=DERIVED, oem_version="4459.2.1")
        assert "unchanged for" not in text(page, node)
        VersionInterval.objects.create(
            node=node,
            version="4459.2.1",
            oem="azure",
            oem_version="4459.2.1",
            oem_basis=DERIVED,
            started_at=timezone.now() - timedelta(hours=50),
        )
        assert "unchanged for 2 d" in text(page, node)

    def test_point_at_a_sysext_that_is_not_the_oss(self, page: Client) -> None:
        different = make_node(oem="azure", oem_basis=OBSERVED, oem_version="4459.2.0")
        missing = make_node(oem="azure", oem_basis=OBSERVED)
        assert "not its OS's" in text(page, different)
        assert "not merged" in text(page, missing)

    def test_show_the_group_its_channel_and_target(self, page: Client) -> None:
        channel = seeded_channel()
        channel.target = make_release("4593.2.1")
        channel.save()
        html = text(page, make_node())
        assert "stable (amd64)</a>, target 4593.2.1" in html

    def test_say_what_an_unassigned_node_asked_for(self, page: Client) -> None:
        html = text(page, make_node(group=None, track="stabel", state=State.UNASSIGNED))
        assert "asks for track stabel" in html


class TestTimeline:
    def test_merges_events_answers_versions_and_verbs_newest_first(self, page: Client) -> None:
        now = timezone.now()
        node = make_node()
        VersionInterval.objects.create(node=node, version="4459.2.1", started_at=now - 4 * DAY)
        Answer.objects.create(
            node=node,
            at=now - 3 * DAY,
            answer="offer 4593.2.1",
            reasons=json.dumps([[Why.TARGET, "4593.2.1", ""]]),
        )
        Event.objects.create(
            node=node,
            at=now - 2 * DAY,
            meaning=Meaning.FAILED,
            type=3,
            result=0,
            code=10,
            flags="custom server, resumed download",
            version="4459.2.1",
            target_version="4593.2.1",
        )
        page.post(f"/nodes/{node.pk}/hold/", {"because": "bad disk"})
        shown = timeline(page, node)
        order = [
            shown.index(words)
            for words in (
                "admin held it",
                "Update failed",
                "Heard an offer of 4593.2.1",
                "Runs 4459.2.1",
            )
        ]
        assert order == sorted(order)
        assert "Error 10: payload hash mismatch. The payload host serves" in shown
        assert "custom server</span>" in shown
        assert "resumed download</span>" in shown
        assert "4593.2.1 is its channel&#x27;s target." in shown
        assert "“bad disk”" in shown

    def test_goes_on_page_by_page_without_a_gap(self, page: Client) -> None:
        now = timezone.now().replace(microsecond=0)
        node = make_node()
        for number in range(70):
            Event.objects.create(
                node=node,
                at=now - number * DAY,
                meaning=Meaning.OTHER,
                type=number,
                result=7,
            )
        seen: list[int] = []
        query = ""
        for _ in range(3):
            shown = timeline(page, node, query)
            seen += [int(part.split(",")[0]) for part in shown.split("Event type ")[1:]]
            query = shown.partition('href="?before=')[2].partition("#")[0].replace("%3A", ":")
            query = f"before={query}" if query else ""
        assert seen == list(range(70))

    def test_keeps_what_happened_at_one_moment_on_one_page(self, page: Client) -> None:
        node = make_node()
        at = timezone.now() - DAY
        for number in range(31):
            Event.objects.create(node=node, at=at, meaning=Meaning.OTHER, type=number, result=7)
        assert timeline(page, node).count("Event type ") == 31

    @pytest.mark.parametrize("before", ["x", "2026-01-01", "0001-01-01T00:00:00+14:00"])
    def test_says_when_its_link_is_damaged(self, page: Client, before: str) -> None:
        answer = page.get(f"/nodes/{make_node().pk}/", {"before": before})
        assert answer.status_code == 400
        assert "is damaged" in answer.content.decode()

    def test_survives_a_meaning_that_it_does_not_know(self, page: Client) -> None:
        node = make_node()
        Event.objects.create(
            node=node, at=timezone.now(), meaning="from_the_future", type=99, result=1
        )
        assert "Event type 99, result 1." in timeline(page, node)


class TestRibbon:
    def test_shows_each_version_for_as_long_as_it_ran(self, page: Client) -> None:
        node = make_node()
        now = timezone.now()
        VersionInterval.objects.create(
            node=node, version="4459.2.1", started_at=now - 4 * DAY, ended_at=now - DAY
        )
        VersionInterval.objects.create(node=node, version="4593.2.1", started_at=now - DAY)
        html = text(page, node)
        assert '<svg x="0.00%" width="75.00%"' in html
        assert '<svg x="75.00%" width="25.00%"' in html
        assert '<td class="num">3 d</td>' in html, "the table that says the same"


class TestTrace:
    def test_shows_every_step_in_order_with_what_it_said(self, page: Client) -> None:
        reasons = json.dumps([[Why.HELD, "bad disk", ""], [Why.LIMIT, "5", ""]])
        shown = text(page, make_node(answer="noupdate", reasons=reasons))
        steps = shown.partition("step by step")[2].partition("</section>")[0]
        at = [steps.index(escape(question)) for question in QUESTIONS.values()]
        assert at == sorted(at)
        assert steps.count("Refused") == 2
        assert "It is held: bad disk." in steps

    def test_says_what_was_not_asked(self, page: Client) -> None:
        reasons = json.dumps([[Why.NO_TARGET, "stable", ""]])
        shown = text(page, make_node(answer="noupdate", reasons=reasons))
        assert shown.count("Not asked") == len(QUESTIONS) - 2


class TestWay:
    def test_names_each_floor_with_its_reason(self, page: Client) -> None:
        channel, floor = seeded_channel(), make_release("4500.0.0")
        channel.target = make_release("4593.2.1")
        channel.save()
        Floor.objects.create(channel=channel, release=floor, reason="New partition table.")
        node = make_node(group=channel.groups.get(), version="4459.0.0")
        way = text(page, node).partition("The way to the target")[2].partition("</section>")[0]
        assert way.index("4459.0.0") < way.index("4500.0.0") < way.index("4593.2.1")
        assert "New partition table." in way

    def test_says_where_it_ends_and_what_would_help(self, page: Client) -> None:
        channel = seeded_channel()
        channel.target = make_release("4593.2.1", blocked_because="It eats disks.", blocked_at=NOW)
        channel.save()
        shown = text(page, make_node(group=channel.groups.get(), version="4459.0.0"))
        assert "No way on from 4459.0.0" in shown
        assert "It eats disks. Unblock the release, or move the channel." in shown


class TestSaid:
    def test_is_shown_to_those_who_may_read_it_alone(self, page: Client) -> None:
        group = seeded_group()
        node = make_node(group=group)
        said = json.dumps({"machine_id": node.machine_id, "updater": "update_engine-0.4.10"})
        Answer.objects.create(node=node, at=NOW, answer="noupdate", reasons="[]", said=said)
        assert "update_engine-0.4.10" in text(page, node)
        viewer = log_in(permit(make_operator("bob"), Role.VIEWER, group))
        assert "update_engine-0.4.10" not in text(viewer, node)


class TestRibbonsOem:
    def test_marks_what_was_out_of_step(self, page: Client) -> None:
        node = make_node()
        VersionInterval.objects.create(
            node=node,
            started_at=NOW,
            version="4593.2.1",
            oem="azure",
            oem_version="4459.0.0",
            oem_basis=OBSERVED,
        )
        assert '<rect class="oem bad"' in text(page, node)
