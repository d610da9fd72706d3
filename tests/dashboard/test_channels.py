import pytest
from django.test import Client

from oemupdates.models import Channel, DeadEnd, Floor
from tests.services.makers import make_node, make_release, seeded_channel, seeded_group


@pytest.fixture
def channel(db: None) -> Channel:
    return seeded_channel()


def send(page: Client, channel: Channel, verb: str, **form: object) -> str:
    """Do something to a channel, and give the page that follows."""
    answer = page.post(f"/channels/{channel.pk}/{verb}", form, follow=True)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_the_list_shows_targets_and_links_nodes(page: Client, channel: Channel) -> None:
    channel.target = make_release("4593.2.1")
    channel.save()
    make_node()
    html = page.get("/channels/").content.decode()
    assert ">4593.2.1</a>" in html
    assert f'href="/nodes/?group={seeded_group().pk}">1</a>' in html


class TestTarget:
    def test_is_set_with_a_reason(self, page: Client, channel: Channel) -> None:
        release = make_release("4593.2.1")
        html = send(page, channel, "target/", release=release.pk, why="tested for a week")
        assert "stable (amd64) aims at 4593.2.1." in html
        assert "“tested for a week”" in html
        assert Channel.objects.get(pk=channel.pk).target == release

    def test_is_taken_away(self, page: Client, channel: Channel) -> None:
        channel.target = make_release("4593.2.1")
        channel.save()
        html = send(page, channel, "target/", release="")
        assert "has no target, so its groups hear of no update" in html
        assert Channel.objects.get(pk=channel.pk).target is None

    def test_of_another_architecture_cannot_be_chosen(
        self, page: Client, channel: Channel
    ) -> None:
        release = make_release("4593.2.1", architecture="arm64")
        html = send(page, channel, "target/", release=release.pk)
        assert "Target: Select a valid choice." in html
        assert Channel.objects.get(pk=channel.pk).target is None

    def test_without_an_os_payload_is_refused_in_words(
        self, page: Client, channel: Channel
    ) -> None:
        release = make_release("4593.2.1", payloads=())
        assert "nodes could not update to it" in send(page, channel, "target/", release=release.pk)


class TestFloors:
    def test_are_added_and_removed(self, page: Client, channel: Channel) -> None:
        release = make_release("4459.2.4")
        make_node(version="4459.2.4")
        html = send(page, channel, "floors/", release=release.pk, because="new format")
        assert "4459.2.4 is a floor of stable (amd64)." in html
        assert "new format" in html
        assert f'/nodes/?group={seeded_group().pk}&amp;version=4459.2.4">1</a>' in html
        floor = Floor.objects.get()
        html = send(page, channel, f"floors/{floor.pk}/remove/")
        assert "4459.2.4 is no floor of stable (amd64) any more." in html
        assert not Floor.objects.exists()

    def test_need_a_reason(self, page: Client, channel: Channel) -> None:
        html = send(page, channel, "floors/", release=make_release().pk)
        assert "Why: This field is required." in html
        assert not Floor.objects.exists()

    def test_of_another_channel_are_not_there(self, page: Client, channel: Channel) -> None:
        floor = Floor.objects.create(
            channel=seeded_channel("beta"), release=make_release(), reason="x"
        )
        answer = page.post(f"/channels/{channel.pk}/floors/{floor.pk}/remove/")
        assert answer.status_code == 404


class TestDeadEnds:
    def test_are_added_and_removed(self, page: Client, channel: Channel) -> None:
        html = send(page, channel, "dead-ends/", version="3510.2.0", because="no way on")
        assert "3510.2.0 is a dead end of stable (amd64)." in html
        dead_end = DeadEnd.objects.get()
        send(page, channel, f"dead-ends/{dead_end.pk}/remove/")
        assert not DeadEnd.objects.exists()

    def test_are_versions(self, page: Client, channel: Channel) -> None:
        html = send(page, channel, "dead-ends/", version="latest", because="no way on")
        assert "is no Flatcar version like 4593.2.1" in html

    def test_of_another_channel_are_not_there(self, page: Client, channel: Channel) -> None:
        dead_end = DeadEnd.objects.create(
            channel=seeded_channel("beta"), version="3510.2.0", reason="x"
        )
        answer = page.post(f"/channels/{channel.pk}/dead-ends/{dead_end.pk}/remove/")
        assert answer.status_code == 404
