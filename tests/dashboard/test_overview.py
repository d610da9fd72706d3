from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from oemupdates.domain.checkin import DERIVED, OBSERVED, REPORTED
from oemupdates.domain.node import State
from oemupdates.models import Channel, Operator, RejectedRequest
from oemupdates.services import groups, nodes, releases
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
        assert "SERVER=http://testserver/v1/update GROUP=stable" in html
        assert "./manage.py import_release" in html

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
        assert "2 nodes: all are up to date. Nothing needs you." in text(page)

    def test_counts_who_is_on_the_way_and_who_waits(self, page: Client) -> None:
        aim(seeded_channel(), "4459.2.1")
        make_node()
        make_node(state=State.DOWNLOADING)
        make_node(state=State.REBOOT_PENDING)
        make_node(state=State.WAITING)
        expected = "4 nodes: 1 are up to date, 2 on their way, 1 waiting. Nothing needs you."
        assert expected in text(page)

    def test_says_how_many_things_need_somebody(self, page: Client) -> None:
        aim(seeded_channel(), "4459.2.1")
        make_node(state=State.FAILED)
        assert "1 node: 0 are up to date. 1 thing needs you." in text(page)


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
        assert (words in self.shown(page)) is says

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

    def test_links_to_oem_sysexts_that_are_not_their_os(self, page: Client) -> None:
        make_node(oem="azure", oem_basis=OBSERVED, oem_version="4459.2.0")
        make_node(oem="azure", oem_basis=OBSERVED)
        make_node(oem="azure", oem_basis=DERIVED, oem_version="4459.2.1")
        assert "<b>2</b> nodes whose OEM sysext is not" in self.shown(page)
        listed = page.get("/nodes/?sysext=different&sysext=not_merged").content.decode()
        assert listed.count('<th scope="row"') == 2


class TestOem:
    def test_never_shows_a_birth_version_as_a_current_one(self, page: Client) -> None:
        make_node(oem="vmware", oem_basis=REPORTED, birth_version="13.0.10")
        html = text(page)
        assert "13.0.10" not in html
        assert "oem=vmware&amp;basis=reported" in html

    def test_each_number_leads_to_its_nodes(self, page: Client) -> None:
        for basis, version in ((OBSERVED, "4459.2.1"), (OBSERVED, "4459.2.0"), (OBSERVED, "")):
            make_node(oem="azure", oem_basis=basis, oem_version=version)
        make_node(oem="azure", oem_basis=DERIVED, oem_version="4459.2.1")
        make_node(oem="azure", oem_basis=REPORTED)
        make_node()
        page.get("/")
        for query, expected in {
            "oem=azure": 5,
            "oem=azure&basis=observed": 3,
            "oem=azure&basis=derived": 1,
            "oem=azure&basis=reported": 1,
            "oem=azure&sysext=same": 2,
            "oem=azure&sysext=different": 1,
            "oem=azure&sysext=not_merged": 1,
            "oem=-": 1,
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
