"""What the overview and the bell say that needs somebody."""

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from oemupdates.domain.access import Role
from oemupdates.domain.node import State
from oemupdates.models import Channel, Heartbeat, Operator, RejectedRequest
from oemupdates.services.groups import groups
from oemupdates.services.nodes import nodes
from oemupdates.services.releases import releases
from tests.dashboard.conftest import log_in, permit
from tests.dashboard.overview_maker import aim, text
from tests.services.makers import make_node, make_release, seeded_channel, seeded_group


class TestNeedsYou:
    def shown(self, page: Client) -> str:
        return text(page).partition("Needs you")[2].partition("</section>")[0]

    @pytest.fixture(autouse=True)
    def _target(self, db: None) -> None:
        aim(seeded_channel(), "4459.2.1")

    @pytest.mark.parametrize(
        ("given", "words", "link"),
        [
            ({"state": State.FAILED}, "failed to update", "/nodes/?state=failed"),
            ({"state": State.ROLLED_BACK}, "rolled back", "/nodes/?state=rolled_back"),
            ({"is_dark": True}, "not heard for too long", "/nodes/?dark=1"),
            ({"group": None}, "unassigned", "/nodes/?unassigned=1"),
        ],
    )
    def test_links_to_nodes_in_trouble(
        self, page: Client, given: dict[str, object], words: str, link: str
    ) -> None:
        make_node(**given)
        shown = self.shown(page)
        assert words in shown
        assert f'href="{link}"' in shown
        assert page.get(link).content.decode().count('<th scope="row"') == 1

    def test_names_held_nodes(self, page: Client, admin: Operator) -> None:
        nodes.hold(make_node(), by=admin, because="disk")
        assert "<b>1</b> node held by operators" in self.shown(page)

    def test_names_a_group_with_updates_off(self, page: Client, admin: Operator) -> None:
        make_node()
        groups.switch_updates(seeded_group(), on=False, by=admin)
        groups.switch_updates(seeded_group("beta"), on=False, by=admin)
        shown = self.shown(page)
        assert "group with updates off: stable (amd64)" in shown
        assert "beta" not in shown, "no node is in it"

    def test_names_a_channel_whose_target_is_blocked(self, page: Client, admin: Operator) -> None:
        make_node()
        channel = seeded_channel()
        assert channel.target
        releases.block(channel.target, by=admin, because="bad kernel")
        assert "stable (amd64) aims at 4459.2.1, which is blocked" in self.shown(page)

    def test_names_a_channel_with_nodes_and_no_target(self, page: Client) -> None:
        make_node(group=seeded_group("beta"))
        assert "channel beta (amd64) has nodes and no target" in self.shown(page)

    @pytest.mark.parametrize(
        ("oem", "payloads", "says"),
        [
            ("azure", ("flatcar_production_update.gz",), True),
            ("azure", ("flatcar_production_update.gz", "oem-azure.gz"), False),
            ("", ("flatcar_production_update.gz",), False),
        ],
    )
    def test_names_a_target_that_lacks_a_payload_its_nodes_need(
        self, page: Client, oem: str, payloads: tuple[str, ...], says: object
    ) -> None:
        release = make_release("4593.2.1", payloads=payloads)
        Channel.objects.filter(pk=seeded_channel().pk).update(target=release)
        for _ in range(2):
            make_node(oem=oem, version="4459.2.1", state=State.WAITING)
        make_node(oem=oem, version="4593.2.1")  # has arrived, and needs nothing there
        words = "<b>2</b> nodes need what stable (amd64)&#x27;s target lacks: oem-azure.gz"
        shown = self.shown(page)
        assert (words in shown) is says
        if says:
            (behind,) = re.findall(r'href="(/nodes/\?q=oem[^"]+)"', shown)
            assert page.get(unescape(behind)).text.count('<th scope="row"') == 2

    def test_says_that_what_is_missing_was_dropped_upstream(self, page: Client) -> None:
        release = make_release("4722.0.0")
        Channel.objects.filter(pk=seeded_channel().pk).update(target=release)
        make_node(oem="packet", version="4459.2.1")
        assert "lacks: oem-packet.gz, which Flatcar no longer builds" in self.shown(page)

    @pytest.mark.parametrize(("hours", "is_shown"), [(23, True), (25, False)])
    def test_names_requests_rejected_within_a_day(
        self, page: Client, hours: int, *, is_shown: bool
    ) -> None:
        make_node()
        at = timezone.now() - timedelta(hours=hours)
        RejectedRequest.objects.create(
            day=at.date(), reason="doctype", source="x", times=7, first_at=at, last_at=at
        )
        assert ("<b>7</b> requests rejected" in self.shown(page)) is is_shown

    def test_has_a_line_for_each_class_of_drift_that_needs_somebody(self, page: Client) -> None:
        for drift in ("oem_not_merged", "in_sync ext_missing", "oem_not_merged ext_missing"):
            make_node(oem="azure", drift=drift)
        make_node(oem="azure", drift="oem_unported report_never")
        shown = self.shown(page)
        assert "<b>2</b> nodes with drift: Not merged" in shown
        assert "<b>2</b> nodes with drift: Extension missing" in shown
        assert "No sysext" not in shown
        listed = page.get("/nodes/?drift=oem_not_merged").content.decode()
        assert listed.count('<th scope="row"') == 2


class TestHolds:
    @pytest.mark.parametrize(
        ("ends", "words"),
        [
            (timedelta(hours=23), "1</b> node whose hold ends within a day"),
            (timedelta(hours=-1), "1</b> node whose hold has ended"),
            (timedelta(hours=25), None),
        ],
    )
    def test_that_end_are_named_with_the_way_to_them(
        self, page: Client, ends: timedelta, words: str | None
    ) -> None:
        held = {"is_held": True, "held_because": "disk", "held_by": "ann"}
        make_node(**held, held_until=timezone.now() + ends)
        make_node(**held, held_until=timezone.now() + timedelta(days=9))
        html = text(page)
        assert "2</b> nodes held by operators" in html
        links = re.findall(r'<a href="(/nodes/\?q=hold_ends[^"]+)">', html)
        assert len(links) == (words is not None)
        assert words is None or words in html
        for link in links:
            assert page.get(unescape(link)).text.count('<th scope="row"') == 1


class TestRejectedRequests:
    @pytest.mark.parametrize(
        ("before", "last", "words"),
        [
            (0, 9, "within a day"),
            (0, 10, "within a day, and none the day before"),
            (5, 10, "within a day"),
            (4, 10, "within a day, more than twice the 4 the day before"),
        ],
    )
    def test_rise(self, page: Client, before: int, last: int, words: str) -> None:
        make_node()
        for times, hours in ((before, 30), (last, 1)):
            at = timezone.now() - timedelta(hours=hours)
            RejectedRequest.objects.create(
                day=at.date(),
                reason="doctype",
                source=str(hours),
                times=times,
                first_at=at,
                last_at=at,
            )
        assert f"rejected, the last {words}</span>" in text(page)


class TestOwnHealth:
    def test_is_told_in_words_and_needs_nobody_while_it_works(self, page: Client) -> None:
        aim(seeded_channel(), "4459.2.1")
        make_node()
        html = text(page)
        assert re.search(r"The worker was heard \d s ago\.", html)
        assert "Nothing needs you" in html

    def test_needs_somebody_when_the_worker_is_gone(self, page: Client) -> None:
        aim(seeded_channel(), "4459.2.1")
        make_node()
        Heartbeat.objects.filter(name="worker").delete()
        needs = text(page).partition("Needs you")[2].partition("</section>")[0]
        assert "The worker was never heard" in needs
        assert 'href="/admin/system/"' in needs


class TestBell:
    def test_rings_as_often_as_the_overview_says(self, page: Client) -> None:
        assert page.get("/overview/bell/").content == b"0"
        cache.clear()
        make_node(state=State.FAILED)
        make_node(is_dark=True)
        number = int(page.get("/overview/bell/").content)
        assert number >= 2
        assert f"{number} things need you" in page.get("/").content.decode()

    def test_is_worked_out_once_for_all_who_see_the_same(
        self, page: Client, django_assert_max_num_queries: Callable[..., Any]
    ) -> None:
        page.get("/overview/bell/")
        with django_assert_max_num_queries(3):
            answer = page.get("/overview/bell/")
        assert "max-age=30" in answer["Cache-Control"]
        assert "private" in answer["Cache-Control"]

    def test_tells_nobody_of_groups_that_they_do_not_see(self, page: Client) -> None:
        make_node(state=State.FAILED, group=seeded_group("beta"))
        someone = permit(Operator.objects.create_user("someone"), Role.VIEWER, seeded_group())
        assert int(page.get("/overview/bell/").content) >= 1
        assert log_in(someone).get("/overview/bell/").content == b"0"

    def test_stands_on_every_page(self, page: Client) -> None:
        assert 'data-bell="/overview/bell/"' in page.get("/groups/").content.decode()
