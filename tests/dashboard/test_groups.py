import re
from typing import Any

import pytest
from django.test import Client

from oemupdates.dashboard.groups import group_list
from oemupdates.dashboard.groups.group_policy import PolicyForm
from oemupdates.domain.node import State
from oemupdates.models import Group
from oemupdates.services.nodes import nodes
from tests.services.makers import (
    last_activity,
    limit,
    make_node,
    make_release,
    seeded_channel,
    seeded_group,
)


def text(page: Client, path: str) -> str:
    return " ".join(page.get(path).content.decode().split())


@pytest.fixture
def group(db: None) -> Group:
    """The stable group, aiming at 4593.2.1, with one node on target, two going, three behind."""
    channel = seeded_channel()
    channel.target = make_release("4593.2.1")
    channel.save()
    make_node(version="4593.2.1")
    for state in (State.DOWNLOADING, State.DEFERRED):
        make_node(state=state)
    for state in (State.WAITING, State.FAILED, State.UP_TO_DATE):
        make_node(state=state)
    return seeded_group()


def policy(group: Group, **changes: object) -> dict[str, object]:
    """What the form of a group's policy sends, with some of it changed."""
    sent = PolicyForm(instance=group).initial
    form = {name: value for name, value in sent.items() if value not in {None, False}}
    return form | changes


class TestList:
    def test_shows_the_three_numbers_with_their_lists(self, page: Client, group: Group) -> None:
        html = text(page, "/groups/")
        for standing, number in (("on_target", 1), ("in_progress", 2), ("behind", 3)):
            link = f"/nodes/?group={group.pk}&amp;standing={standing}"
            assert f'<a href="{link}">{number}</a>' in html

    def test_puts_groups_with_nodes_first(self, page: Client, group: Group) -> None:
        html = text(page, "/groups/")
        assert html.index(">stable</a>") < html.index(">alpha</a>")
        assert html.count("no nodes") == 9

    def test_puts_the_worst_of_them_before(self, page: Client, group: Group) -> None:
        make_node(group=seeded_group("beta"))
        dark, stopped = seeded_group("lts"), seeded_group("edge")
        for _number in range(2):
            make_node(group=dark, is_dark=True)
        make_node(group=stopped)
        Group.objects.filter(pk=stopped.pk).update(updates_enabled=False)
        html = text(page, "/groups/")
        places = [html.index(f">{name}</a>") for name in ("lts", "stable", "beta", "edge")]
        assert places == sorted(places)
        assert f'href="/nodes/?group={dark.pk}&amp;dark=1">' in html
        assert "2 dark" in html
        assert "1 failing" in html

    def test_says_each_policy_in_a_sentence(self, page: Client, group: Group) -> None:
        limit(group, 50)
        html = text(page, "/groups/")
        assert "Follows stable to 4593.2.1, at most 50 at once." in html
        assert "Follows beta, which has no target." in html

    def test_shows_what_its_nodes_run(self, page: Client, group: Group) -> None:
        html = text(page, "/groups/")
        link = f"/nodes/?group={group.pk}&amp;version=4459.2.1"
        assert f'<a href="{link}">4459.2.1 83%</a>' in html

    def test_counts_held_nodes(self, page: Client, group: Group) -> None:
        nodes.hold(group.nodes.earliest("pk"), by=None, because="disk")
        link = f"/nodes/?group={group.pk}&amp;held=1"
        assert f'<a href="{link}">1</a>' in text(page, "/groups/")

    def test_finds_groups_by_name_and_track(self, page: Client, group: Group) -> None:
        Group.objects.filter(pk=group.pk).update(name="berlin", track="de-1")
        for words in ("BERL", "de-"):
            html = text(page, f"/groups/?q={words}")
            assert html.count("<tr id=") == 1
            assert "berlin" in html
        assert "No group is found" in text(page, "/groups/?q=nothing")

    def test_goes_on_where_a_page_ends(
        self, page: Client, group: Group, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(group_list, "PAGE_ROWS", 4)
        seen: list[str] = []
        path = "/groups/"
        while path:
            html = page.get(path).content.decode()
            seen += re.findall(r'<tr id="group-(\d+)"', html)
            further = re.search(r'href="(\?after=[^"]+)" rel="next"', html)
            path = f"/groups/{further[1]}" if further else ""
        assert len(seen) == len(set(seen)) == Group.objects.count() == 10

    def test_says_of_a_damaged_link_that_it_is_one(self, page: Client, group: Group) -> None:
        answer = page.get("/groups/?after=damaged")
        assert answer.status_code == 400
        assert "is damaged" in answer.content.decode()

    def test_asks_no_more_for_many_groups(
        self, page: Client, group: Group, django_assert_max_num_queries: Any
    ) -> None:
        for number in range(40):
            one = Group.objects.create(
                application=group.application,
                architecture="amd64",
                name=f"g{number}",
                track=f"g{number}",
                channel=group.channel,
            )
            make_node(group=one, state=State.FAILED)
        with django_assert_max_num_queries(12):
            page.get("/groups/")


class TestPage:
    def test_says_the_policy_in_words(self, page: Client, group: Group) -> None:
        limit(group, 50)
        html = text(page, f"/groups/{group.pk}/")
        assert "At most 50 of them are between offer and reboot at once." in html
        assert "They ask every 45 min, and are dark after 6 h of silence." in html
        assert "after 3 failed post-install steps or 10 failed downloads." in html
        assert "lacks the payload of a node&#x27;s OEM is withheld" in html

    def test_shows_the_very_words_for_a_node(self, page: Client, group: Group) -> None:
        html = text(page, f"/groups/{group.pk}/")
        assert "<code>GROUP=stable SERVER=http://testserver/v1/update</code>" in html
        assert "variant: flatcar version: 1.0.0 storage: files: - path:" in html
        assert "data:,GROUP=stable%0ASERVER=http://testserver/v1/update%0A" in html

    def test_names_the_old_words_for_its_track(self, page: Client, group: Group) -> None:
        assert "9a2deb70-37be-4026-853f-bfdd6b347bbe" in text(page, f"/groups/{group.pk}/")

    def test_works_without_a_channel(self, page: Client, group: Group) -> None:
        Group.objects.update(channel=None)
        html = text(page, f"/groups/{group.pk}/")
        assert "follow no channel" in html
        assert "No target" in html


class TestUpdates:
    def test_are_switched_off_and_on_with_a_reason(self, page: Client, group: Group) -> None:
        where = f"/groups/{group.pk}/updates/"
        page.post(where, {"on": "0", "why": "holidays"})
        assert not Group.objects.get(pk=group.pk).updates_enabled
        html = text(page, f"/groups/{group.pk}/")
        assert "Updates are off: nothing is offered to them." in html
        assert "admin</b> switched updates off in it" in html
        assert "“holidays”" in html
        page.post(where, {"on": "1"})
        assert Group.objects.get(pk=group.pk).updates_enabled

    def test_that_are_off_already_say_so(self, page: Client, group: Group) -> None:
        answer = page.post(f"/groups/{group.pk}/updates/", {"on": "1"}, follow=True)
        assert "are on already" in answer.content.decode()


class TestEdit:
    def test_changes_what_was_changed_and_writes_down_only_that(
        self, page: Client, group: Group
    ) -> None:
        form = policy(group, max_under_way=20, why="carefully")
        answer = page.post(f"/groups/{group.pk}/edit/", form)
        assert answer.status_code == 302
        assert Group.objects.get(pk=group.pk).max_under_way == 20
        activity = last_activity()
        assert (activity.before, activity.after) == (
            {"max_under_way": None},
            {"max_under_way": 20},
        )
        assert activity.why == "carefully"

    def test_takes_a_limit_away_and_a_channel(self, page: Client, group: Group) -> None:
        limit(group, 50)
        page.post(f"/groups/{group.pk}/edit/", policy(group, max_under_way="", channel=""))
        changed = Group.objects.get(pk=group.pk)
        assert (changed.max_under_way, changed.channel) == (None, None)

    def test_offers_channels_of_its_architecture_alone(self, page: Client, group: Group) -> None:
        html = page.get(f"/groups/{group.pk}/edit/").content.decode()
        options = html.partition('<select name="channel"')[2].partition("</select>")[0]
        assert "stable (amd64)" in options
        assert "arm64" not in options

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"poll_interval_seconds": 60}, "2700"),
            ({"name": ""}, "This field is required."),
            ({"name": "beta"}, "Another group for amd64 is named beta."),
            ({"track": "beta"}, "Nodes that ask for track beta belong to"),
            ({"track": "two words"}, "is no track"),
            ({"max_under_way": 0}, "to let none in, switch updates off"),
            ({"max_under_way": -1}, "greater than or equal to 0"),
            ({"max_under_way": "many"}, "Enter a whole number."),
            ({"channel": 424242}, "Select a valid choice."),
            ({"max_postinst_failures": 2000}, "A limit of failures is from 1 to 1000"),
        ],
    )
    def test_says_what_is_wrong_and_keeps_what_was_typed(
        self, page: Client, group: Group, changes: dict[str, object], words: str
    ) -> None:
        form = policy(group, description="typed", **changes)
        answer = page.post(f"/groups/{group.pk}/edit/", form)
        assert answer.status_code == 400
        html = answer.content.decode()
        assert words in html
        assert "typed" in html
        assert Group.objects.get(pk=group.pk).description == ""
