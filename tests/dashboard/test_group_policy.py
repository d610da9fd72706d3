"""Making, changing and taking away groups, and what a policy would mean before it is one."""

from typing import Any

import pytest
from django.test import Client

from oemupdates.dashboard.groups.group_policy import PolicyForm
from oemupdates.domain.access import Role
from oemupdates.domain.node import State
from oemupdates.models import Group, Node, Operator
from oemupdates.services.groups import channels
from oemupdates.services.nodes import nodes
from tests.dashboard.conftest import log_in, permit
from tests.services.makers import (
    last_activity,
    make_node,
    make_release,
    seeded_channel,
    seeded_group,
)


@pytest.fixture
def group(heard: None) -> Group:
    """The stable group, whose nodes are on four versions; beta aims at an older one."""
    channel = channels.set_target(seeded_channel(), make_release("4593.2.1"), by=None)
    channels.add_dead_end(channel, "3510.2.0", by=None, because="Reads no new payloads")
    channels.set_target(seeded_channel("beta"), make_release("4459.2.4"), by=None)
    for version in ("4593.2.1", "4459.2.1", "4459.2.1", "3510.2.0"):
        make_node(version=version)
    return seeded_group()


def policy(group: Group, **changes: object) -> dict[str, object]:
    sent = PolicyForm(instance=group).initial
    form = {name: value for name, value in sent.items() if value not in {None, False}}
    return form | changes


def meaning(answer: Any) -> str:
    """What stands beside the form, as one line of text."""
    html = answer.content.decode().partition('id="meaning"')[2].partition("</section>")[0]
    return " ".join(html.replace("&#x27;", "'").split())


class TestMeaning:
    def test_is_the_policy_as_it_is_before_anything_is_typed(
        self, page: Client, group: Group
    ) -> None:
        said = meaning(page.get(f"/groups/{group.pk}/edit/"))
        assert "follow channel stable to 4593.2.1." in said
        assert "2 nodes would get 4593.2.1." in said
        assert "1 node runs the target, or something newer." in said
        assert "1 node would get nothing. Its version 3510.2.0 is a dead end" in said
        assert "new</span>" not in said

    def test_shows_what_would_be_new_and_changes_nothing(self, page: Client, group: Group) -> None:
        form = policy(group, channel=seeded_channel("beta").pk, max_under_way=2, preview="1")
        answer = page.post(f"/groups/{group.pk}/edit/", form)
        said = meaning(answer)
        assert answer.status_code == 200
        assert said.count("new</span>") == 2
        assert "<b>At most 2 of them are between offer and reboot at once.</b>" in said
        assert "3 nodes would get 4459.2.4." in said
        assert Group.objects.get(pk=group.pk).max_under_way is None

    def test_warns_of_a_track_that_nodes_do_not_ask_for(self, page: Client, group: Group) -> None:
        form = policy(group, track="other", preview="1")
        said = meaning(page.post(f"/groups/{group.pk}/edit/", form))
        assert "4 nodes ask for track stable" in said
        assert "leaves the group" in said

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"poll_interval_seconds": "x"}, "Poll interval, in seconds: Enter a whole number."),
            ({"dark_after_seconds": 60}, "may be quiet for 4050"),
            ({"name": ""}, "Name: This field is required."),
            ({"track": "beta"}, "belong to beta"),
        ],
    )
    def test_says_what_is_wrong_before_it_is_saved(
        self, page: Client, group: Group, changes: dict[str, object], words: str
    ) -> None:
        form = policy(group, preview="1", **changes)
        assert words in meaning(page.post(f"/groups/{group.pk}/edit/", form))

    def test_says_that_updates_are_off(self, page: Client, group: Group) -> None:
        Group.objects.update(updates_enabled=False)
        said = meaning(page.get(f"/groups/{group.pk}/edit/"))
        assert "none of this happens before they are switched on" in said


class TestEditing:
    def test_renames_a_group(self, page: Client, group: Group) -> None:
        page.post(f"/groups/{group.pk}/edit/", policy(group, name="berlin", why="It is there"))
        assert Group.objects.get(pk=group.pk).name == "berlin"
        assert last_activity().why == "It is there"

    def test_is_for_operators_of_the_group(self, group: Group) -> None:
        here = log_in(permit(Operator.objects.create_user("op"), Role.OPERATOR, group))
        assert here.get(f"/groups/{group.pk}/edit/").status_code == 200
        assert here.get(f"/groups/{seeded_group('beta').pk}/edit/").status_code == 403

    def test_is_not_offered_to_those_who_only_look(self, viewer: Operator, group: Group) -> None:
        client = log_in(viewer)
        html = client.get(f"/groups/{group.pk}/").content.decode()
        assert "Edit policy" not in html
        assert "Switch updates" not in html
        assert "Delete group" not in html
        assert client.get(f"/groups/{group.pk}/edit/").status_code == 403


class TestMaking:
    def test_leads_to_the_snippet_of_the_new_group(self, page: Client, group: Group) -> None:
        form = {"name": "berlin", "architecture": "amd64", "channel": seeded_channel().pk}
        answer = page.post("/groups/new/", form, follow=True)
        made = Group.objects.get(name="berlin")
        assert answer.redirect_chain == [(f"/groups/{made.pk}/", 302)]
        assert (made.track, made.channel) == ("berlin", seeded_channel())
        html = answer.content.decode()
        assert "GROUP=berlin\n" in html
        assert "Waiting for the first check-in" in html

    def test_begins_with_what_the_link_asks_for(self, page: Client, group: Group) -> None:
        asked = {"name": "edge", "track": "edge-7", "architecture": "arm64", "max_under_way": "9"}
        shown = page.get("/groups/new/", asked)
        assert 'value="edge-7"' in shown.content.decode()
        assert shown.context["form"].initial["architecture"] == "arm64"
        assert shown.context["form"].initial["max_under_way"] is None

    def test_shows_in_words_what_it_would_be(self, page: Client, group: Group) -> None:
        form = {"name": "berlin", "architecture": "amd64", "preview": "1"}
        form["channel"] = str(seeded_channel().pk)
        said = meaning(page.post("/groups/new/", form))
        assert "ask for track berlin follow channel stable to 4593.2.1." in said
        assert not Group.objects.filter(name="berlin").exists()

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"name": ""}, "This field is required."),
            ({"name": "beta"}, "named beta"),
            ({"name": "new", "track": "beta"}, "belong to beta"),
            ({"name": "two words"}, "is no track"),
            ({"architecture": "mips"}, "Select a valid choice"),
            ({"architecture": "arm64"}, "carries releases for amd64"),
        ],
    )
    def test_says_what_is_wrong(
        self, page: Client, group: Group, changes: dict[str, str], words: str
    ) -> None:
        form = {"name": "berlin", "architecture": "amd64", "channel": seeded_channel().pk}
        answer = page.post("/groups/new/", form | changes)
        assert answer.status_code == 400
        assert words in answer.content.decode()
        assert Group.objects.count() == 10

    def test_is_for_approvers_everywhere(self, group: Group) -> None:
        here = log_in(permit(Operator.objects.create_user("op"), Role.APPROVER, group))
        assert here.get("/groups/new/").status_code == 403


class TestDeleting:
    def test_needs_the_name_typed(self, page: Client, group: Group) -> None:
        empty = seeded_group("beta")
        answer = page.post(f"/groups/{empty.pk}/delete/", {"confirmed": "Beta"}, follow=True)
        assert "its name was not typed to confirm" in answer.content.decode()
        assert Group.objects.filter(pk=empty.pk).exists()
        answer = page.post(f"/groups/{empty.pk}/delete/", {"confirmed": "beta", "why": "Not used"})
        assert answer.headers["Location"] == "/groups/"
        assert not Group.objects.filter(pk=empty.pk).exists()
        assert (last_activity().verb, last_activity().why) == ("group.deleted", "Not used")

    def test_is_refused_while_nodes_belong_to_it(self, page: Client, group: Group) -> None:
        assert "4 nodes belong to it" in page.get(f"/groups/{group.pk}/").content.decode()
        form = {"confirmed": "stable"}
        answer = page.post(f"/groups/{group.pk}/delete/", form, follow=True)
        assert "stays: 4 nodes belong to it; move them" in answer.content.decode()

    def test_is_refused_while_archived_nodes_would_come_back(
        self, page: Client, group: Group
    ) -> None:
        beta = seeded_group("beta")
        nodes.archive(make_node(group=beta), by=None)
        answer = page.post(f"/groups/{beta.pk}/delete/", {"confirmed": "beta"}, follow=True)
        assert "Archived nodes belong to it" in answer.content.decode()

    def test_is_refused_while_nodes_are_on_their_way_to_it(
        self, page: Client, group: Group
    ) -> None:
        beta = seeded_group("beta")
        moved = make_node(state=State.WAITING)
        Node.objects.filter(pk=moved.pk).update(moved_to=beta, moved_because="Testing")
        answer = page.post(f"/groups/{beta.pk}/delete/", {"confirmed": "beta"}, follow=True)
        assert "moved to it by operators" in answer.content.decode()
