import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from django.utils.http import urlencode

from oemupdates.domain.access import Role
from oemupdates.domain.checkin import DERIVED, OBSERVED, REPORTED
from oemupdates.domain.drift_words import APART, IN_STEP
from oemupdates.domain.node import State
from oemupdates.models import Channel, Heartbeat, Operator, RejectedRequest
from oemupdates.services import groups, nodes, releases, samples
from tests.dashboard.conftest import PASSWORD, log_in, permit
from tests.services.makers import make_node, make_release, seeded_channel, seeded_group


def text(page: Client, path: str = "/") -> str:
    return " ".join(page.get(path).content.decode().split())


def aim(channel: Channel, version: str) -> None:
    channel.target = make_release(version)
    channel.save()


class TestWithoutNodes:
    def test_tells_how_to_start_with_the_very_words_to_copy(self, page: Client) -> None:
        html = text(page)
        assert "No node has called yet" in html
        assert "GROUP=stable SERVER=http://testserver/v1/update" in html
        assert "./manage.py import_release" in html
        assert '<a href="/releases/upstreams/">Let a channel follow an upstream</a>' in html

    def test_shows_a_secret_only_to_who_may_shape_groups(
        self, page: Client, viewer: Operator, settings: object
    ) -> None:
        settings.UPDATE_SECRETS = ["s3cret", "old"]  # type: ignore[attr-defined]
        assert "SERVER=http://testserver/v1/update/s3cret" in text(page)
        client = Client()
        client.force_login(viewer)
        html = text(client)
        assert "SERVER=http://testserver/v1/update/&lt;secret&gt;" in html
        assert "s3cret" not in html


class TestSentence:
    def test_says_when_all_is_well(self, page: Client) -> None:
        aim(seeded_channel(), "4459.2.1")
        make_node()
        make_node()
        assert "2 nodes: all report, all up to date. Nothing needs you." in text(page)

    def test_counts_who_is_on_the_way_and_who_waits(self, page: Client) -> None:
        aim(seeded_channel(), "4459.2.1")
        make_node()
        make_node(state=State.DOWNLOADING)
        make_node(state=State.REBOOT_PENDING)
        make_node(state=State.WAITING)
        expected = "4 nodes: all report, 1 up to date, 2 under way, 1 waiting. Nothing needs you."
        assert expected in text(page)

    def test_says_how_many_things_need_somebody(self, page: Client) -> None:
        aim(seeded_channel(), "4459.2.1")
        make_node(state=State.FAILED)
        assert "1 node: all report, 1 failing. 1 thing needs you." in text(page)


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


class TestOem:
    def test_never_shows_a_birth_version_as_a_current_one(self, page: Client) -> None:
        make_node(oem="vmware", oem_basis=REPORTED, birth_version="13.0.10")
        html = text(page)
        assert "13.0.10" not in html
        assert "oem=vmware&amp;basis=reported" in html

    def test_each_number_leads_to_its_nodes(self, page: Client) -> None:
        for drift in ("in_sync", "oem_version_mismatch", "oem_not_merged report_never"):
            make_node(oem="azure", oem_basis=OBSERVED, drift=drift, drift_basis="beacon")
        make_node(oem="azure", oem_basis=DERIVED, drift="assumed_in_sync report_never")
        make_node(oem="azure", oem_basis=REPORTED, drift="oem_not_migrated")
        make_node()
        page.get("/")
        for query, expected in {
            "oem=azure": 5,
            "oem=azure&basis=observed": 3,
            "oem=azure&basis=derived": 1,
            "oem=azure&basis=reported": 1,
            urlencode([("oem", "azure"), *(("drift", one) for one in IN_STEP)]): 2,
            urlencode([("oem", "azure"), *(("drift", one) for one in APART)]): 2,
            "oem=azure&version=4459.2.1&drift=oem_not_merged": 1,
            "oem=-": 1,
            urlencode([("drift", one) for one in APART]): 2,
            "drift_basis=report&drift_basis=beacon": 3,
        }.items():
            assert f'href="/nodes/?{query.replace("&", "&amp;")}"' in text(page), query
            listed = page.get(f"/nodes/?{query}").content.decode()
            assert listed.count('<th scope="row"') == expected, query


class TestVersions:
    def test_stand_newest_first_by_number_and_not_by_text(self, page: Client) -> None:
        for version in ("4459.2.10", "4459.2.9", "10000.0.0", "not-a-version"):
            make_node(version=version)
        section = text(page).partition("OS versions")[2].partition("</section>")[0]
        order = [section.index(f">{v}<") for v in ("10000.0.0", "4459.2.10", "4459.2.9")]
        assert order == sorted(order)
        assert section.index(">not-a-version<") > max(order)

    def test_say_which_channel_aims_at_them(self, page: Client) -> None:
        aim(seeded_channel(), "4459.2.1")
        make_node()
        assert "target of stable" in text(page)


class TestNow:
    def test_is_the_part_that_changes_and_says_where_from(self, page: Client) -> None:
        make_node()
        html = text(page, "/overview/now/")
        assert html.startswith('<div class="stack" id="overview" data-live="overview"')
        assert 'data-live-src="/overview/now/"' in text(page)

    def test_is_worked_out_once_for_all_who_watch(
        self, page: Client, django_assert_max_num_queries: Callable[..., Any]
    ) -> None:
        make_node()
        text(page, "/overview/now/")
        with django_assert_max_num_queries(4):
            text(page, "/overview/now/")

    def test_shows_nobody_what_another_sees(self, page: Client) -> None:
        make_node()
        make_node(group=seeded_group("beta"))
        assert "2 nodes" in text(page, "/overview/now/")
        assert "1 node:" in text(limited("beta"), "/overview/now/")
        assert "1 node:" in text(limited("stable"), "/overview/now/")


def limited(name: str) -> Client:
    somebody = Operator.objects.create_user(f"for-{name}", password=PASSWORD)
    return log_in(permit(somebody, Role.VIEWER, seeded_group(name)))


class TestReach:
    def test_sums_only_the_groups_of_who_looks(self, heard: None) -> None:
        make_node(version="4459.2.1", oem="azure", state=State.FAILED)
        make_node(version="4593.2.1", group=seeded_group("beta"))
        html = text(limited("beta"))
        assert "1 node: all report, it up to date." in html
        assert "4459.2.1" not in html
        assert "azure" not in html
        assert "failed to update" not in html

    def test_tells_of_rejected_requests_only_who_may_read_them(
        self, viewer: Operator, page: Client
    ) -> None:
        make_node()
        now = timezone.now()
        RejectedRequest.objects.create(
            day=now.date(), reason="doctype", source="x", times=7, first_at=now, last_at=now
        )
        assert "requests rejected" in text(page)
        assert "requests rejected" not in text(log_in(viewer))


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


class TestThirtyDays:
    def test_chart_says_in_words_and_a_table_what_it_draws(self, page: Client) -> None:
        node = make_node(version="4459.2.1")
        now = timezone.now()
        samples.take(now - timedelta(days=10))
        samples.take(now - timedelta(days=5))
        make_node(version="4593.2.1")
        html = text(page)
        assert "1 of 2 nodes run" in html
        assert "OS versions as a table" in html
        assert node.version in html.partition("OS versions as a table")[2]

    def test_are_hours_while_there_are_few_days(self, page: Client) -> None:
        make_node()
        samples.take(timezone.now() - timedelta(hours=5))
        assert "1 of 1 nodes run 4459.2.1, as 5 h ago." in text(page) or "6 h ago" in text(page)

    def test_have_no_chart_before_the_first_sample(self, page: Client) -> None:
        make_node()
        assert "begins with the first hourly sample" in text(page)


class TestThen:
    def test_shows_the_fleet_of_the_last_sample(self, page: Client) -> None:
        make_node(oem="azure")
        then = timezone.now() - timedelta(days=3)
        samples.take(then)
        make_node()
        html = text(page, f"/?at={then.strftime('%Y-%m-%dT%H:59')}")
        assert "1 node: all report, it up to date." in html
        assert then.strftime("%Y-%m-%d %H:00") in html

    def test_says_when_there_is_no_sample_so_old(self, page: Client) -> None:
        make_node()
        assert "No sample was taken before 2026-01-01 00:00 UTC" in text(
            page, "/?at=2026-01-01T00:00:00Z"
        )

    def test_refuses_what_is_still_to_come(self, page: Client) -> None:
        answer = page.get("/", {"at": "2199-01-01"})
        assert (answer.status_code, "still to come" in answer.text) == (400, True)

    @pytest.mark.parametrize("at", ["yesterday", "0001-01-01", "2026-13-01"])
    def test_refuses_what_is_no_moment(self, page: Client, at: str) -> None:
        make_node()
        answer = page.get("/", {"at": at})
        assert answer.status_code == 400
        assert "no date and time" in answer.content.decode()


class TestStart:
    def test_waits_and_turns_green_at_the_first_check_in(self, page: Client) -> None:
        assert "Waiting for the first check-in" in text(page)
        node = make_node()
        html = text(page, "/start/arrived/")
        assert "The first check-in arrived." in html
        assert f'href="/nodes/{node.pk}/"' in html
        assert "good" in html

    def test_says_what_was_rejected_meanwhile(self, page: Client) -> None:
        now = timezone.now()
        RejectedRequest.objects.create(
            day=now.date(), reason="doctype", source="x", times=7, first_at=now, last_at=now
        )
        assert "it says what to mend" in text(page)


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


@pytest.mark.parametrize("path", ["/overview/now/", "/start/arrived/"])
def test_what_is_asked_for_again_and_again_is_sent_once(page: Client, path: str) -> None:
    make_node(first_seen_at=timezone.now() - timedelta(days=90))
    tag = page.get(path).headers["ETag"]
    again = page.get(path, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")


def test_a_past_moment_may_be_of_any_zone(page: Client) -> None:
    assert page.get("/?at=2026-01-29T10:37:09-16:28").status_code == 200
