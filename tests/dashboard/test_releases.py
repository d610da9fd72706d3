from django.test import Client

from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.models import Payload, Release
from tests.services.makers import make_node, make_release, seeded_channel


def text(page: Client, release: Release) -> str:
    return " ".join(page.get(f"/releases/{release.pk}/").content.decode().split())


def line(html: str, name: str) -> str:
    """One line of the checklist."""
    return html.partition(f'<th scope="row">{name}</th>')[2].partition("</tr>")[0]


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
        assert "1 node of azure" in line(html, "oem-azure.gz")
        assert "Missing" in line(html, "oem-vmware.gz")
        assert "1 node of vmware" in line(html, "oem-vmware.gz")
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
