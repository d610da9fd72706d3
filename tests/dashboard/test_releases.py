import gzip
import re
from datetime import timedelta
from typing import Any

from django.test import Client
from django.utils import timezone

from oemupdates.dashboard.releases import releases
from oemupdates.dashboard.releases.adoption import adoption_chart
from oemupdates.domain.access import EVERYWHERE, Role
from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.models import Operator, Package, PackageList, Payload, Release, Sample
from oemupdates.services.counters import samples
from oemupdates.services.groups import channels
from tests.dashboard.conftest import PASSWORD, log_in, permit
from tests.services.makers import flatcar, make_node, make_release, seeded_channel, seeded_group


def text(page: Client, release: Release) -> str:
    return " ".join(page.get(f"/releases/{release.pk}/").content.decode().split())


def line(html: str, name: str) -> str:
    """One line of the checklist."""
    checklist = html.partition('id="h-payloads"')[2]
    found = re.search(rf'<th scope="row" class="long">(?:<a [^>]*>)?{name}<.*?</tr>', checklist)
    return found[0] if found else ""


def test_the_list_stands_newest_first_by_number(page: Client) -> None:
    for version in ("4593.2.9", "4593.2.10", "4081.2.0"):
        make_release(version)
    html = page.get("/releases/").content.decode()
    order = [html.index(f">{version}</a>") for version in ("4593.2.10", "4593.2.9", "4081.2.0")]
    assert order == sorted(order)


def test_the_list_links_to_the_nodes_of_the_architecture(page: Client) -> None:
    make_release("4459.2.1")
    make_node(version="4459.2.1")
    make_node(version="4459.2.1", architecture="arm64")
    html = page.get("/releases/").content.decode()
    assert 'href="/nodes/?version=4459.2.1&amp;architecture=amd64">1</a>' in html


class TestChecklist:
    def test_shows_what_nodes_of_the_fleet_would_miss(self, page: Client) -> None:
        release = make_release("4593.2.1", payloads=(OS_PAYLOAD, "oem-azure.gz"))
        make_node(oem="azure")
        make_node(oem="vmware")
        make_node(oem="vmware", architecture="arm64")
        html = text(page, release)
        assert "Verified" in line(html, "oem-azure.gz")
        assert "hashes only, signature not checked" in line(html, "oem-azure.gz")
        assert "1 node of azure" in line(html, "oem-azure.gz")
        assert "Missing" in line(html, "oem-vmware.gz")
        assert "1 node of vmware" in line(html, "oem-vmware.gz")
        assert "1 of them waits" in line(html, "oem-vmware.gz")
        assert "every node" in line(html, OS_PAYLOAD)

    def test_shows_the_os_payload_as_missing(self, page: Client) -> None:
        assert "Missing" in line(text(page, make_release(payloads=())), OS_PAYLOAD)

    def test_expects_nothing_that_flatcar_never_shipped(self, page: Client) -> None:
        make_node(oem="acme-metal")
        assert line(text(page, make_release("4593.2.1")), "oem-acme-metal.gz") == ""

    def test_says_what_is_not_verified(self, page: Client) -> None:
        release = make_release(payloads=(OS_PAYLOAD, "flatcar-python.gz"))
        Payload.objects.filter(name="flatcar-python.gz").update(is_verified=False)
        html = text(page, release)
        assert "Not verified" in line(html, "flatcar-python.gz")
        assert "nodes that enabled it; they do not tell" in line(html, "flatcar-python.gz")

    def test_calls_nothing_verified_whose_contents_nobody_checked(self, page: Client) -> None:
        release = make_release(payloads=(OS_PAYLOAD, "oem-azure.gz"))
        because = "unsquashfs is not installed here"
        Payload.objects.filter(name="oem-azure.gz").update(unread_because=because)
        found = line(text(page, release), "oem-azure.gz")
        assert "Contents not checked" in found
        assert f"signature not checked; {because}" in found

    def test_says_what_is_damaged_on_the_disk(self, page: Client) -> None:
        release = make_release()
        Payload.objects.update(is_verified=False, damaged_because="it is gone")
        found = line(text(page, release), OS_PAYLOAD)
        assert "Damaged" in found
        assert "it is gone" in found

    def test_shows_what_is_inside_who_signed_it_and_where_it_is(self, page: Client) -> None:
        folder = "https://mirror.example.net/amd64-usr/4593.2.1/"
        release = make_release(payloads=(OS_PAYLOAD, "oem-azure.gz"), codebase=folder)
        Payload.objects.filter(name="oem-azure.gz").update(
            own_version="2.12.0.4-r2", built_for="4593.2.1", signed_by="update-payload-key"
        )
        found = line(text(page, release), "oem-azure.gz")
        assert "2.12.0.4-r2" in found
        assert 'data-label="Built for">4593.2.1<' in found
        assert "signed by update-payload-key" in found
        assert f'href="{folder}oem-azure.gz"' in found

    def test_links_to_our_own_folder_what_is_hosted_here(self, page: Client) -> None:
        found = line(text(page, make_release()), OS_PAYLOAD)
        assert f'/payloads/amd64-usr/4593.2.1/{OS_PAYLOAD}"' in found

    def test_gives_the_whole_digest_to_copy(self, page: Client) -> None:
        assert f'data-copy="{"2" * 64}"' in text(page, make_release())


class TestBlock:
    def test_takes_a_reason_and_is_seen_everywhere(self, page: Client) -> None:
        release = make_release("4593.2.1")
        channel = seeded_channel()
        channel.target = release
        channel.save()
        page.post(f"/releases/{release.pk}/block/", {"because": "kernel panics"})
        assert "kernel panics. It is offered to nobody." in text(page, release)
        assert "Blocked" in page.get("/releases/").content.decode()
        assert "Blocked" in page.get("/channels/").content.decode()
        assert "which is blocked" in page.get(f"/channels/{channel.pk}/").content.decode()

    def test_without_a_reason_is_refused(self, page: Client) -> None:
        release = make_release()
        answer = page.post(f"/releases/{release.pk}/block/", follow=True)
        assert "Say why" in answer.content.decode()
        assert Release.objects.get().blocked_at is None

    def test_is_lifted(self, page: Client) -> None:
        release = make_release()
        page.post(f"/releases/{release.pk}/block/", {"because": "kernel panics"})
        page.post(f"/releases/{release.pk}/unblock/", {"why": "false alarm"})
        assert Release.objects.get().blocked_at is None
        assert "“false alarm”" in text(page, release)


class TestGaps:
    def test_are_counted_with_a_link_that_finds_as_many(self, page: Client) -> None:
        release = make_release("4593.2.1", payloads=(OS_PAYLOAD, "oem-azure.gz"))
        for version in ("4459.2.1", "4459.2.4", "4593.2.1"):
            make_node(oem="vmware", version=version)
        html = text(page, release)
        link = re.search(r'data-label="Nodes that wait"><a href="([^"]+)">2</a>', html)
        assert link is not None
        found = page.get(link[1].replace("&amp;", "&")).content.decode()
        assert found.count("<tr data-row") == 2
        assert "2 nodes" in " ".join(page.get("/releases/").content.decode().split())

    def test_say_what_cannot_be_mended(self, page: Client) -> None:
        make_node(oem="packet")
        html = text(page, make_release("4722.0.0"))
        assert "Flatcar builds no payload of packet for it any more" in html


class TestAdoption:
    def test_is_drawn_from_the_samples(self, page: Client) -> None:
        release = make_release("4593.2.1")
        assert "No node ran it in the last 30 days" in text(page, release)
        now = timezone.now()
        make_node(version="4593.2.1")
        samples.take(now - timedelta(days=9))
        make_node(version="4593.2.1")
        html = text(page, release)
        assert "2 nodes run 4593.2.1 on any architecture; 9 days ago it was 1." in html

    def test_of_a_version_among_the_others_is_not_known(self, db: None) -> None:
        at = timezone.now() - timedelta(days=5)
        counts = {"4459.2.1": 9, "others": 3}
        Sample.objects.create(at=at, dimension="version", counts=counts, is_first_of_day=True)
        at += timedelta(days=1)
        counts = {"4459.2.1": 9, "4593.2.1": 3}
        Sample.objects.create(at=at, dimension="version", counts=counts, is_first_of_day=True)
        chart = adoption_chart(EVERYWHERE, timezone.now(), "4593.2.1", 4)
        assert chart is not None
        assert chart.series[0].values == [None, 3.0, 4.0]


class TestCompare:
    def test_tells_what_is_different(self, page: Client) -> None:
        before = make_release("4459.2.4", payloads=(OS_PAYLOAD, "oem-azure.gz", "oem-ami.gz"))
        after = make_release("4593.2.1", payloads=(OS_PAYLOAD, "oem-azure.gz"))
        Payload.objects.filter(release=before, name="oem-azure.gz").update(own_version="2.9.1.1")
        Payload.objects.filter(release=after, name="oem-azure.gz").update(
            own_version="2.12.0.4", sha256="3" * 64
        )
        make_node(oem="azure")
        html = page.get(f"/releases/{after.pk}/compare/?with={before.pk}").content.decode()
        html = " ".join(html.split())
        assert "2 payloads are not what 4459.2.4 has, 1 is the same." in html
        assert '<span class="before">2.9.1.1</span> <b>2.12.0.4</b>' in html
        assert ">1 of azure</a>" in html
        assert html.index("oem-azure.gz") < html.index("oem-ami.gz") < html.index(OS_PAYLOAD)

    def test_begins_with_the_one_before(self, page: Client) -> None:
        for version in ("4459.2.4", "4628.0.0", "4081.2.0"):
            make_release(version)
        make_release("4500.0.0", architecture="arm64")
        html = text(page, make_release("4593.2.1"))
        assert re.findall(r"<option[^>]*>([\d.]+)<", html) == ["4459.2.4", "4628.0.0", "4081.2.0"]

    def test_with_what_is_none_is_not_there(self, page: Client) -> None:
        release = make_release()
        assert page.get(f"/releases/{release.pk}/compare/?with=x").status_code == 404


class TestList:
    def test_goes_on_where_a_page_ends(self, page: Client, monkeypatch: Any) -> None:
        monkeypatch.setattr(releases, "PAGE_ROWS", 3)
        for number in range(3):
            make_release(f"4593.2.{number}")
            make_release(f"4593.2.{number}", architecture="arm64")
        make_release("4459.2.10")
        address, seen = "/releases/", []
        while address:
            html = page.get(address).content.decode()
            rows = re.findall(r'/releases/\d+/">([\d.]+)</a> <span class="mute">(\w+)<', html)
            assert len(rows) <= 3
            seen += rows
            older = re.search(r'href="(\?[^"]*)" rel="next"', html)
            address = f"/releases/{older[1].replace('&amp;', '&')}" if older else ""
        assert len(seen) == len(set(seen)) == 7
        assert seen[:3] == [("4593.2.2", "amd64"), ("4593.2.2", "arm64"), ("4593.2.1", "amd64")]
        assert seen[-1] == ("4459.2.10", "amd64")

    def test_is_narrowed(self, page: Client) -> None:
        channel, offered = seeded_channel(), make_release("4593.2.1")
        channel.target = offered
        channel.save()
        make_release("4593.2.1", architecture="arm64")
        make_release("4459.2.4")
        for query, number in (
            ("architecture=arm64", 1),
            ("only=offered", 1),
            ("only=blocked", 0),
            ("version=4593", 2),
            ("version=4593&architecture=amd64", 1),
        ):
            html = page.get(f"/releases/?{query}").content.decode()
            assert html.count("<tr data-row") == number, query

    def test_begins_anew_after_a_damaged_link(self, page: Client) -> None:
        make_release()
        for after in ("x", "WzFd", "WyIAIiwgImFtZDY0IiwgMV0"):
            answer = page.get("/releases/", {"after": after})
            assert answer.status_code == 400
            assert "4593.2.1" in answer.content.decode()


class TestReach:
    def test_numbers_are_those_of_the_groups_that_one_may_see(self, heard: None) -> None:
        beta = seeded_group("beta")
        release = make_release("4593.2.1", payloads=(OS_PAYLOAD,))
        for group, times in ((beta, 1), (seeded_group(), 3), (None, 5)):
            for _ in range(times):
                make_node(version="4593.2.1", group=group, oem="azure")
                make_node(version="4459.2.1", group=group, oem="vmware")
        somebody = Operator.objects.create_user("limited", password=PASSWORD)
        limited = log_in(permit(somebody, Role.VIEWER, beta))
        html = text(limited, release)
        assert ">1 node</a>" in html
        mine = '<a href="/nodes/?version=4593.2.1&amp;architecture=amd64">1</a>'
        assert f'{mine} of <a href="/nodes/?architecture=amd64">2 amd64 nodes</a>' in html
        assert 'data-label="Nodes that wait"><a' in html
        assert re.findall(r">(\d+) nodes? of", html) == ["1", "1"]
        listed = limited.get("/releases/").content.decode()
        assert 'architecture=amd64">1</a>' in listed
        other = make_release("4459.2.1")
        compared = limited.get(f"/releases/{release.pk}/compare/?with={other.pk}")
        assert compared.status_code == 200


class TestColumns:
    def test_has_a_column_for_each_channel(self, page: Client) -> None:
        published = timezone.now().date() - timedelta(days=3)
        new = make_release("4593.2.1", published_on=published)
        old = make_release("4459.2.1", published_on=published - timedelta(days=100))
        channels.set_target(seeded_channel("stable"), new, by=None)
        channels.add_floor(seeded_channel("stable"), old, by=None, because="Migrates")
        channels.set_target(seeded_channel("beta"), old, by=None)
        for _ in range(3):
            make_node(version="4459.2.1")
        make_node(version="4593.2.1")
        html = " ".join(page.get("/releases/").content.decode().split())
        head = re.findall(r'<th scope="col"[^>]*>(.*?)</th>', html)
        assert head[:4] == ["Release", "Age", "beta", "stable"]
        first, second = (row.partition("</tr>")[0] for row in html.split("<tr data-row>")[1:3])
        assert "3 d ago" in first
        assert ">Target</a>" in first
        assert "25%" in first
        assert f"{old.published_on:%Y-%m-%d}" in second
        assert "Target of beta" in second
        assert "Floor of stable" in second
        assert "75%" in second

    def test_channels_beyond_some_share_a_column(self, page: Client) -> None:
        release = make_release("4593.2.1")
        for number in range(8):
            channel = channels.create(
                flatcar(), name=f"site-{number}", architecture="amd64", by=None
            )
            channels.set_target(channel, release, by=None)
        html = page.get("/releases/").content.decode()
        assert html.count("Target of site-") == releases.MOST_COLUMNS
        assert "Other channels" in html


NOTES = """#### Security fixes:
- Linux ([CVE-2025-1](https://nvd.example.net/1))
- <script>alert(1)</script> is text ([x](javascript:alert(1)))
"""


class TestContents:
    def test_notes_are_folded_by_heading_and_package(self, page: Client) -> None:
        release = make_release(notes=NOTES)
        html = text(page, release)
        assert '<dt>Security fixes</dt> <dd class="long">Linux and 1 more</dd>' in html
        notes = page.get(f"/releases/{release.pk}/notes/").content.decode()
        assert '<a href="https://nvd.example.net/1" rel="noreferrer">CVE-2025-1</a>' in notes
        assert "<summary><b>Linux</b>" in notes
        assert "<script>alert" not in notes
        assert 'href="javascript' not in notes
        empty = page.get(f"/releases/{make_release('1.2.3').pk}/notes/").content.decode()
        assert "There are no notes of it here" in empty

    def test_lists_of_packages_are_pages_of_their_own(self, page: Client) -> None:
        release = make_release()
        for number in range(40):
            image = PackageList.objects.create(
                release=release, name=f"oem-{number}", content="x", is_read=True
            )
            Package.objects.bulk_create(
                Package(
                    package_list=image, name=f"app-{number}/tool{at}", version=f"1.{at}.{number}"
                )
                for at in range(400)
            )
        html = page.get(f"/releases/{release.pk}/").content
        assert b"400 packages" in html
        assert b"app-7/tool9" not in html
        assert len(gzip.compress(html)) < 60 * 1024
        where = f"/releases/{release.pk}/packages/"
        assert "app-7/tool9-1.9.7" in page.get(f"{where}?image=oem-7").content.decode()
        assert "app-0/tool9-1.9.0" in page.get(where).content.decode()
        assert page.get(f"{where}?image=nothing").status_code == 404
        empty = page.get(f"/releases/{make_release('1.2.3').pk}/packages/").content.decode()
        assert "No list of its packages is here" in empty


def test_an_origin_is_forgotten_by_page(page: Client) -> None:
    there = "https://there.example.net/amd64-usr/4593.2.1/"
    release = make_release("4593.2.1", origins=[there])
    assert f"<option>{there}</option>" in text(page, release)
    address = f"/releases/{release.pk}/forget-origin/"
    answer = page.post(address, {"url": there, "why": "a typing error"}, follow=True)
    assert f"{there} is no origin of 4593.2.1 (amd64) any more." in answer.content.decode()
    assert Release.objects.get().origins == []
    assert "Forget an origin" not in text(page, release)
