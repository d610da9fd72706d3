"""What a group's page tells of its nodes: which came, were turned away, are held, and when."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from oemupdates.domain.access import Role
from oemupdates.domain.node import State
from oemupdates.models import Group, Operator, RejectedRequest
from oemupdates.services.counters import samples
from oemupdates.services.nodes import nodes
from tests.dashboard.conftest import log_in, permit
from tests.services.groups.test_uptake import DAY, aim, ran
from tests.services.makers import make_node, seeded_group


@pytest.fixture
def group(heard: None) -> Group:
    return seeded_group()


def text(page: Client, path: str) -> str:
    return " ".join(page.get(path).content.decode().split())


def reject(sample: str, reason: str = "bad_values") -> RejectedRequest:
    now = timezone.now()
    return RejectedRequest.objects.create(
        day=now.date(),
        reason=reason,
        source=sample[-40:],
        first_at=now,
        last_at=now,
        times=1,
        sample=sample,
    )


class TestUptake:
    def test_says_how_soon_a_target_was_run_and_what_is_not_known(
        self, page: Client, group: Group
    ) -> None:
        now = timezone.now()
        aim("4593.2.1", now - 9 * DAY)
        ran(now - 8 * DAY, v4459_2_1=3, v4593_2_1=1)
        html = text(page, f"/groups/{group.pk}/").partition('id="uptake"')[2]
        cells = re.findall(r'<td class="num" data-label="(After [^"]+)">(.*?)</td>', html)
        assert [(label, re.sub("<[^>]*>", " ", said).split()) for label, said in cells] == [
            ("After 1 day", ["25%", "1", "of", "4"]),
            ("After 7 days", ["no", "sample"]),
            ("After 14 days", ["to", "come"]),
            ("After 30 days", ["to", "come"]),
        ]

    def test_says_that_it_is_more_where_rare_versions_are_summed_up(
        self, page: Client, group: Group
    ) -> None:
        now = timezone.now()
        aim("4593.2.1", now - 2 * DAY)
        ran(now - DAY, v4593_2_1=3, others=1)
        assert "at least 75%" in text(page, f"/groups/{group.pk}/")

    def test_is_left_out_of_a_group_that_never_had_a_target(
        self, page: Client, group: Group
    ) -> None:
        assert 'id="uptake"' not in text(page, f"/groups/{group.pk}/")


class TestNow:
    def test_says_in_a_sentence_how_the_group_is(self, page: Client, group: Group) -> None:
        make_node(is_dark=True, state=State.FAILED)
        make_node()
        make_node(group=seeded_group("beta"))
        html = text(page, f"/groups/{group.pk}/")
        assert "2 nodes: 1 report, 1 up to date, 1 failing." in html
        failing = f"/nodes/?group={group.pk}&amp;state=failed&amp;state=rolled_back"
        assert f'href="{failing}"' in html
        assert f'href="/nodes/?group={group.pk}&amp;dark=1"' in html

    def test_is_fetched_alone_by_those_who_watch(self, page: Client, group: Group) -> None:
        make_node()
        html = page.get(f"/groups/{group.pk}/now/").content.decode()
        assert html.lstrip().startswith('<div class="stack" id="group-now"')
        assert f'data-live="group:{group.pk}"' in html

    def test_charts_the_samples_of_the_group_alone(self, page: Client, group: Group) -> None:
        make_node(version="4459.2.1")
        make_node(version="4593.2.1", group=seeded_group("beta"))
        for days in (5, 4):
            samples.take(timezone.now() - timedelta(days=days))
        html = text(page, f"/groups/{group.pk}/")
        assert "1 of 1 nodes run 4459.2.1, as" in html
        assert "4593.2.1" not in html.partition('id="versions"')[2].partition("</figure>")[0]
        assert f"/nodes/?group={group.pk}&amp;version=4459.2.1" in html

    @pytest.mark.parametrize("path", ["", "now/", "arrived/"])
    def test_is_not_there_for_those_who_may_not_see_it(self, group: Group, path: str) -> None:
        client = log_in(permit(Operator.objects.create_user("op"), Role.VIEWER, group))
        assert client.get(f"/groups/{group.pk}/{path}").status_code == 200
        assert client.get(f"/groups/{seeded_group('beta').pk}/{path}").status_code == 404
        assert client.get(f"/groups/424242/{path}").status_code == 404

    def test_asks_no_more_for_many_nodes(
        self, page: Client, group: Group, django_assert_max_num_queries
    ) -> None:
        for number in range(20):
            nodes.hold(make_node(version=f"4459.2.{number}"), by=None, because="disk")
        with django_assert_max_num_queries(24):
            page.get(f"/groups/{group.pk}/")


class TestArrival:
    def test_waits_for_the_first_node(self, page: Client, group: Group) -> None:
        make_node(group=seeded_group("beta"))
        assert "Waiting for the first check-in" in text(page, f"/groups/{group.pk}/arrived/")

    def test_is_green_once_it_came(self, page: Client, group: Group) -> None:
        make_node(alias="web-1")
        html = text(page, f"/groups/{group.pk}/arrived/")
        assert 'class="callout good"' in html
        assert "The first check-in arrived." in html
        assert "web-1" in html

    def test_names_the_newest_of_several(self, page: Client, group: Group) -> None:
        make_node(alias="web-1")
        make_node(alias="web-2")
        html = text(page, f"/groups/{group.pk}/arrived/")
        assert "Check-ins arrive." in html
        assert "web-2" in html
        assert "web-1" not in html


class TestTurnedAway:
    def test_requests_for_the_group_are_shown_with_what_to_mend(
        self, page: Client, group: Group
    ) -> None:
        reject('<app track="stable" machineid="">')
        reject('<app track="stable-2" machineid="">', "doctype")
        html = text(page, f"/groups/{group.pk}/")
        assert html.count("A request for this group was") == 1
        assert "The request holds values that no node can have." in html

    def test_older_words_for_the_track_count(self, page: Client, group: Group) -> None:
        reject(f"<app track='{group.uuid}'>")
        reject('<app track="9a2deb70-37be-4026-853f-bfdd6b347bbe">', "doctype")
        html = text(page, f"/groups/{group.pk}/")
        assert html.count("A request for this group was") == 2

    def test_requests_are_for_those_who_read_raw_ones(
        self, viewer: Operator, group: Group
    ) -> None:
        reject('<app track="stable" machineid="">')
        html = text(log_in(viewer), f"/groups/{group.pk}/")
        assert "A request for this group was" not in html

    def test_nodes_of_another_architecture_are_named(self, page: Client, group: Group) -> None:
        given = {"group": None, "state": State.UNASSIGNED, "architecture": "arm64"}
        make_node(alias="arm-1", **given)
        make_node(alias="arm-2", **given | {"track": "other"})
        html = text(page, f"/groups/{group.pk}/")
        assert "it is arm64, and the group is for amd64" in html
        assert "arm-2" not in html

    def test_nodes_of_no_group_are_for_those_who_see_them(self, group: Group) -> None:
        make_node(alias="arm-1", group=None, state=State.UNASSIGNED)
        client = log_in(permit(Operator.objects.create_user("op"), Role.VIEWER, group))
        assert "arm-1" not in text(client, f"/groups/{group.pk}/")


class TestHolds:
    def test_are_those_of_the_group(self, page: Client, group: Group) -> None:
        nodes.hold(make_node(alias="web-1"), by=None, because="Disk is replaced")
        nodes.hold(make_node(group=seeded_group("beta")), by=None, because="Elsewhere")
        html = text(page, f"/groups/{group.pk}/")
        assert "Disk is replaced" in html
        assert "Elsewhere" not in html
        assert "All held nodes" not in html

    def test_are_few_and_lead_to_all(self, page: Client, group: Group) -> None:
        for _number in range(11):
            nodes.hold(make_node(), by=None, because="Disk is replaced")
        html = text(page, f"/groups/{group.pk}/")
        assert html.count("Disk is replaced") == 10
        assert f'<a href="/nodes/?group={group.pk}&amp;held=1">All held nodes' in html


class TestNewNodes:
    @pytest.mark.parametrize("ending", ["bu", "ign"])
    def test_get_the_beacon_and_the_report_as_a_file(
        self, page: Client, group: Group, ending: str
    ) -> None:
        path = f"/groups/{group.pk}/node.{ending}"
        assert path in text(page, f"/groups/{group.pk}/")
        answer = page.get(path)
        assert answer["content-disposition"] == f'attachment; filename="{group.track}.{ending}"'
        assert answer["content-type"].startswith("text/plain")
        assert "no-store" in answer["cache-control"]
        told = answer.content.decode()
        assert f"GROUP={group.track}" in told.replace("%0A", "\n")
        assert "oem-fleet-beacon.timer" in told
        assert "/opt/oem-fleet/report" in told
