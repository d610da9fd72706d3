from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.http import urlencode

from oemupdates.domain.checkin import DERIVED, OBSERVED, REPORTED
from oemupdates.domain.drift_words import APART, IN_STEP
from oemupdates.domain.node import State
from oemupdates.models import Operator, RejectedRequest
from tests.dashboard.conftest import log_in
from tests.dashboard.overview_maker import aim, limited, text
from tests.services.makers import make_node, seeded_channel, seeded_group


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


@pytest.mark.parametrize("path", ["/overview/now/", "/start/arrived/"])
def test_what_is_asked_for_again_and_again_is_sent_once(page: Client, path: str) -> None:
    make_node(first_seen_at=timezone.now() - timedelta(days=90))
    tag = page.get(path).headers["ETag"]
    again = page.get(path, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
