import re

import pytest
from django.test import Client

from oemupdates.domain.access import Role
from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.models import Channel, DeadEnd, Floor, Operator, Payload
from oemupdates.services.groups import channels as verbs
from oemupdates.services.releases import releases
from tests.dashboard.conftest import PASSWORD, log_in, permit
from tests.services.makers import make_node, make_release, seeded_channel, seeded_group


@pytest.fixture
def channel(db: None) -> Channel:
    return seeded_channel()


def send(page: Client, channel: Channel, verb: str, **form: object) -> str:
    """Do something to a channel, and give the page that follows."""
    answer = page.post(f"/channels/{channel.pk}/{verb}", form, follow=True)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def shown(page: Client, channel: Channel, **asked: object) -> str:
    """What would follow another target."""
    answer = page.get(f"/channels/{channel.pk}/move/", asked)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_the_list_shows_targets_and_links_nodes(page: Client, channel: Channel) -> None:
    channel.target = make_release("4593.2.1")
    channel.save()
    make_node()
    html = page.get("/channels/").content.decode()
    assert ">4593.2.1</a>" in html
    assert f'href="/nodes/?group={seeded_group().pk}">1</a>' in html


@pytest.mark.parametrize("number", ["On target", "In progress", "Behind", "Nodes"])
def test_every_number_leads_to_as_many_nodes(page: Client, channel: Channel, number: str) -> None:
    channel.target = make_release("4593.2.1")
    channel.save()
    beta = seeded_group("beta")
    beta.channel = channel
    beta.save()
    for group in (beta, seeded_group()):
        make_node(group=group, version="4593.2.1")
        make_node(group=group, version="4628.0.0", state="downloading")
        make_node(group=group, version="4459.2.1", state="downloading")
        make_node(group=group, version="4459.2.1", state="failed")
        make_node(group=group, version="unreadable", state="waiting")
    for path in ("/channels/", f"/channels/{channel.pk}/"):
        html = page.get(path).content.decode()
        links = re.findall(rf'data-label="{number}"><a href="([^"]+)">(\d+)</a>', html)
        assert links
        for link, shown in links:
            rows = page.get(link.replace("&amp;", "&")).content.decode().count("<tr data-row")
            assert rows == int(shown), link


def test_a_page_says_since_when_and_by_whom_it_offers_what(
    page: Client, channel: Channel, admin: Operator
) -> None:
    first, second = make_release("4459.2.1"), make_release("4593.2.1")
    verbs.set_target(channel, first, by=None)
    verbs.set_target(Channel.objects.get(pk=channel.pk), second, by=admin, why="a week in beta")
    html = " ".join(page.get(f"/channels/{channel.pk}/").content.decode().split())
    assert "set by admin <time" in html
    assert html.count("“a week in beta”") == 2
    moves = html.partition("Targets so far")[2]
    assert moves.index("4593.2.1") < moves.index("4459.2.1")
    listed = page.get("/channels/").content.decode()
    assert "by admin" in listed


def test_a_page_says_what_its_nodes_wait_for(page: Client, channel: Channel) -> None:
    channel.target = make_release("4593.2.1", payloads=(OS_PAYLOAD,))
    channel.save()
    make_node(oem="vmware")
    make_node(oem="azure")
    html = " ".join(page.get(f"/channels/{channel.pk}/").content.decode().split())
    assert ">2 nodes</a> wait, because 4593.2.1 lacks" in html
    assert "oem-vmware.gz (1)" in html


class TestMaking:
    def test_makes_renames_and_takes_away(self, page: Client) -> None:
        made = page.post("/channels/create/", {"name": "canary", "architecture": "amd64"})
        channel = Channel.objects.get(name="canary")
        assert made["location"] == f"/channels/{channel.pk}/"
        html = send(page, channel, "rename/", name="early", why="clearer")
        assert "early</h1>" in html.replace(' <span class="mute">amd64</span>', "")
        assert "“clearer”" in html
        html = send(page, channel, "delete/", confirmed="canary")
        assert "Type early to take the channel away." in html
        assert Channel.objects.filter(pk=channel.pk).exists()
        html = send(page, channel, "delete/", confirmed="early")
        assert "early (amd64) is taken away." in html
        assert not Channel.objects.filter(pk=channel.pk).exists()

    def test_twice_is_refused_in_words(self, page: Client, channel: Channel) -> None:
        said = {"name": "stable", "architecture": "amd64"}
        answer = page.post("/channels/create/", said, follow=True)
        assert "Channel stable (amd64) exists already." in answer.content.decode()

    def test_one_with_followers_stays(self, page: Client, channel: Channel) -> None:
        html = send(page, channel, "delete/", confirmed="stable")
        assert "is followed by 1 group: give them another channel first." in html


class TestPreview:
    def test_says_who_would_get_it_before_anything_is_done(
        self, page: Client, channel: Channel
    ) -> None:
        release = make_release("4593.2.1", payloads=(OS_PAYLOAD, "oem-azure.gz"))
        make_node(oem="azure")
        make_node(oem="vmware")
        html = shown(page, channel, release=release.pk)
        assert "1 of 2 nodes would get 4593.2.1." in html
        assert "1 would never get there" in html
        assert "lacks oem-vmware.gz" in html
        assert "Offer 4593.2.1</button>" in html
        assert Channel.objects.get(pk=channel.pk).target is None

    def test_offers_no_button_for_what_would_be_refused(
        self, page: Client, channel: Channel
    ) -> None:
        release = releases.block(make_release("4593.2.1"), by=None, because="broken")
        html = shown(page, channel, release=release.pk)
        assert "4593.2.1 (amd64) is blocked: broken" in html
        assert "Offer 4593.2.1</button>" not in html

    def test_warns_of_an_older_release_and_of_what_is_not_verified(
        self, page: Client, channel: Channel
    ) -> None:
        verbs.set_target(channel, make_release("4628.0.0"), by=None)
        older = make_release("4593.2.1", payloads=(OS_PAYLOAD, "oem-azure.gz"))
        Payload.objects.filter(name="oem-azure.gz").update(is_verified=False)
        html = shown(page, channel, release=older.pk)
        assert "no node is ever downgraded" in html
        assert "1 of its payloads is not verified: oem-azure.gz." in html

    def test_of_no_target_and_of_none_of_its_releases(
        self, page: Client, channel: Channel
    ) -> None:
        verbs.set_target(channel, make_release("4593.2.1"), by=None)
        make_node()
        assert "1 node would hear of no update any more." in shown(page, channel, release="none")
        other = make_release("4628.0.0", architecture="arm64")
        for wanted in ("x", other.pk):
            answer = page.get(f"/channels/{channel.pk}/move/", {"release": wanted})
            assert answer.status_code == 404

    def test_is_not_acted_on_once_somebody_else_moved_the_target(
        self, page: Client, channel: Channel
    ) -> None:
        mine, theirs = make_release("4593.2.1"), make_release("4628.0.0")
        verbs.set_target(channel, theirs, by=None)
        html = send(page, channel, "target/", release=mine.pk, seen="")
        assert "was changed by someone else meanwhile" in html
        assert Channel.objects.get(pk=channel.pk).target == theirs
        send(page, channel, "target/", release=mine.pk, seen=theirs.pk)
        assert Channel.objects.get(pk=channel.pk).target == mine


class TestReach:
    @pytest.fixture
    def limited(self, channel: Channel, heard: None) -> Client:
        """Somebody who may see the group beta, which follows stable's channel with stable."""
        beta = seeded_group("beta")
        beta.channel = channel
        beta.save()
        channel.target = make_release("4593.2.1", payloads=(OS_PAYLOAD,))
        channel.save()
        for group, times in ((beta, 1), (seeded_group(), 3)):
            for _ in range(times):
                make_node(group=group, oem="vmware", version="4459.2.1", state="waiting")
                make_node(group=group, version="4593.2.1")
        somebody = Operator.objects.create_user("limited", password=PASSWORD)
        return log_in(permit(somebody, Role.VIEWER, beta))

    def test_lists_count_only_groups_that_one_may_see(
        self, limited: Client, channel: Channel
    ) -> None:
        row = re.search(
            rf'<a href="/channels/{channel.pk}/">.*?</tr>',
            limited.get("/channels/").content.decode(),
            re.DOTALL,
        )
        assert row is not None
        assert re.findall(r">(\d+)</a>", row[0]) == ["1", "1", "2"]
        assert "/groups/" + str(seeded_group().pk) not in row[0]

    def test_pages_count_only_groups_that_one_may_see(
        self, limited: Client, channel: Channel
    ) -> None:
        html = " ".join(limited.get(f"/channels/{channel.pk}/").content.decode().split())
        assert "1 group follows it." in html
        assert "Numbers are those of the groups that you may see." in html
        assert f"/groups/{seeded_group().pk}/" not in html
        assert ">1 node</a> waits, because" in html
        main = html.partition("<main")[2]
        assert set(re.findall(r'<a[^>]*href="/nodes[^>]*>(\d+)</a>', main)) == {"1", "2"}

    def test_previews_count_only_groups_that_one_may_see(
        self, limited: Client, channel: Channel
    ) -> None:
        html = shown(limited, channel, release=make_release("4628.0.0").pk)
        assert "1 of 2 nodes would get 4628.0.0." in html
        assert "Only groups that you may see are counted." in html
        assert '<button class="button primary">Offer' not in html


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
