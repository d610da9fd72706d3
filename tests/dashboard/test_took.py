"""What a node's timeline, a release's page and the OEM page say of what was taken from here."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from oemupdates.domain.event import Meaning
from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.models import Answer, DownloadCount, Event, Group, Node, NodeDownload, Release
from tests.dashboard.test_node import timeline
from tests.services.makers import make_node, make_release, seeded_group

NEW = "4593.2.1"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def release(db: None) -> Release:
    return make_release(NEW, payloads=(OS_PAYLOAD, "oem-azure.gz", "oem-qemu.gz"))


def updated(
    *taken: str, urls_since: timedelta | None = -60 * MINUTE, said: str = '{"track":"stable"}'
) -> Node:
    """A node that began an update half an hour ago, took some files and applied it."""
    now = timezone.now()
    since = None if urls_since is None else now + urls_since
    Group.objects.filter(pk=seeded_group().pk).update(
        has_node_urls=since is not None, node_urls_since=since
    )
    node = make_node(oem="azure")
    for meaning, ago in ((Meaning.DOWNLOAD_STARTED, 30), (Meaning.APPLIED, 20)):
        Event.objects.create(
            node=node,
            at=now - ago * MINUTE,
            meaning=meaning,
            type=3,
            result=1,
            target_version=NEW,
        )
    Answer.objects.create(
        node=node, at=now - 31 * MINUTE, answer=f"offer {NEW}", reasons="[]", said=said
    )
    for name in taken:
        take(node, name, at=now - 25 * MINUTE)
    return node


def take(node: Node, name: str, **changes: object) -> None:
    at = changes.pop("at", timezone.now())
    values = {"whole": 1, "size": 1000, "is_boot": False, "first_at": at, "last_at": at} | changes
    NodeDownload.objects.create(
        node=node, day=timezone.now().date(), version=NEW, name=name, **values
    )


class TestTimeline:
    def test_shows_what_a_node_took_before_it_applied_it(
        self, page: Client, release: Release
    ) -> None:
        shown = timeline(page, updated(OS_PAYLOAD, "oem-azure.gz"))
        words = ["Update applied", "Took oem-azure.gz from this server", "Download started"]
        assert [shown.index(one) for one in words] == sorted(map(shown.index, words))
        assert f"1000 bytes of {NEW} in 1 request." in shown
        assert "public host" not in shown
        assert "another host" not in shown

    def test_says_that_a_node_was_sent_on_for_a_file(self, page: Client, release: Release) -> None:
        node = updated(OS_PAYLOAD)
        take(node, "oem-azure.gz", whole=0, redirected=2, size=0)
        shown = timeline(page, node)
        assert "Asked this server for oem-azure.gz" in shown
        assert "Sent on to the bucket" in shown
        assert "taken: 2 requests." in shown
        assert "public host" not in shown

    def test_says_that_a_node_used_the_public_host(self, page: Client, release: Release) -> None:
        shown = timeline(page, updated(OS_PAYLOAD))
        assert "Used the public host for oem-azure.gz" in shown
        assert "oem-qemu.gz" not in shown
        assert "another host" not in shown

    def test_says_that_a_node_took_the_os_from_another_host(
        self, page: Client, release: Release
    ) -> None:
        assert f"Took {OS_PAYLOAD} from another host" in timeline(page, updated("oem-azure.gz"))

    def test_says_so_of_a_node_that_took_nothing_here(
        self, page: Client, release: Release
    ) -> None:
        shown = timeline(page, updated())
        assert f"Took {OS_PAYLOAD} from another host" in shown
        assert "Used the public host for oem-azure.gz" in shown

    @pytest.mark.parametrize(
        "then",
        [
            {"urls_since": None},
            {"urls_since": -10 * MINUTE},
            {"said": '{"track":"edge"}'},
            {"said": ""},
        ],
    )
    def test_claims_nothing_where_nobody_knows_whether_it_was_sent_here(
        self, page: Client, release: Release, then: dict[str, Any]
    ) -> None:
        shown = timeline(page, updated(**then))
        assert "Update applied" in shown
        assert "host" not in shown

    def test_claims_nothing_of_a_group_that_is_sent_to_the_origin_first(
        self, page: Client, release: Release
    ) -> None:
        node = updated(OS_PAYLOAD)
        Group.objects.update(payload_source="origin_first", node_urls_since=None)
        assert "host" not in timeline(page, node)

    def test_claims_nothing_of_a_release_that_another_host_has(
        self, page: Client, release: Release
    ) -> None:
        Release.objects.update(codebase="https://files.example.net/")
        assert "public host" not in timeline(page, updated())

    def test_tells_parts_and_boots_from_the_rest(self, page: Client, release: Release) -> None:
        node = make_node(oem="azure")
        take(node, OS_PAYLOAD, whole=0, partial=2)
        take(node, "oem-azure.gz", is_boot=True)
        shown = timeline(page, node)
        assert f"Began to take {OS_PAYLOAD} from this server" in shown
        assert "in 2 requests." in shown
        assert "Took oem-azure.gz from this server at boot" in shown
        take(node, "oem-qemu.gz", is_boot=True, whole=0, partial=1, size=0)
        assert "Asked for oem-qemu.gz at boot, which is not here" in timeline(page, node)


class TestCounts:
    @pytest.fixture(autouse=True)
    def _taken(self, release: Release) -> None:
        today = timezone.now().date()
        for name, ago, is_boot, whole, partial in (
            (OS_PAYLOAD, 0, False, 12, 3),
            (OS_PAYLOAD, 1, False, 30, 0),
            ("oem-azure.gz", 0, True, 2, 0),
        ):
            DownloadCount.objects.create(
                day=today - timedelta(days=ago),
                architecture="amd64",
                version=NEW,
                name=name,
                is_boot=is_boot,
                whole=whole,
                partial=partial,
                size=whole * 1024,
            )

    def test_are_on_the_release_and_over_the_api(self, page: Client, release: Release) -> None:
        shown = page.get(f"/releases/{release.pk}/").content.decode()
        card = " ".join(shown.partition('id="taken"')[2].partition("</section>")[0].split())
        assert '<td class="num" data-label="Whole">42</td>' in card
        assert '<td class="num" data-label="In part">3</td>' in card
        assert "42.0 KB" in card
        listed = page.get(f"/api/v1/releases/{release.pk}/downloads").json()["items"]
        assert [(row["name"], row["whole"], row["is_boot"]) for row in listed] == [
            ("oem-azure.gz", 2, True),
            (OS_PAYLOAD, 12, False),
            (OS_PAYLOAD, 30, False),
        ]

    def test_of_boots_are_on_the_oem_page(self, page: Client, release: Release) -> None:
        shown = page.get("/oem/").content.decode()
        card = shown.partition('id="boots"')[2].partition("</section>")[0]
        assert "oem-azure.gz" in card
        assert OS_PAYLOAD not in card
        assert "not here" not in card
        DownloadCount.objects.filter(is_boot=True).update(whole=0, partial=2, size=0)
        assert "not here: asked for 2 times in vain" in page.get("/oem/").content.decode()
        taken = page.get(f"/releases/{release.pk}/").content.decode().partition('id="taken"')[2]
        assert "oem-azure.gz" not in taken.partition("</section>")[0]
        DownloadCount.objects.filter(is_boot=True).update(day=timezone.now() - timedelta(days=31))
        assert 'id="boots"' not in page.get("/oem/").content.decode()

    def test_of_a_node_are_over_the_api(self, page: Client, release: Release) -> None:
        node = make_node()
        take(node, "oem-azure.gz")
        (row,) = page.get(f"/api/v1/nodes/{node.pk}/downloads").json()["items"]
        assert (row["version"], row["name"], row["whole"], row["size"]) == (
            NEW,
            "oem-azure.gz",
            1,
            1000,
        )
