import re

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from oemupdates.dashboard.overview import wallboard
from oemupdates.domain.access import Role
from oemupdates.domain.node import State
from oemupdates.models import Group, Operator, ShareLink
from oemupdates.services.access import share_links
from oemupdates.services.groups import channels
from oemupdates.services.nodes import nodes
from tests.dashboard.conftest import log_in, permit
from tests.services.makers import make_node, make_release, seeded_channel, seeded_group


@pytest.fixture
def berlin(heard: None) -> Group:
    """A group with a node on target, a dark one, and one that failed; beta has one more."""
    channels.set_target(seeded_channel(), make_release("4593.2.1"), by=None)
    group = seeded_group()
    group.name = "berlin"
    group.save()
    make_node(version="4593.2.1", group=group)
    make_node(group=group, is_dark=True, state=State.WAITING)
    make_node(group=group, state=State.FAILED)
    make_node(group=seeded_group("beta"))
    return group


def text(client: Client, path: str) -> str:
    """What a page says, without its tags."""
    answer = client.get(path)
    assert answer.status_code == 200, path
    return " ".join(re.sub(r"<[^>]*>", " ", answer.content.decode()).split())


def secret_address(group: Group | None, name: str = "wallboard_shared") -> str:
    link = share_links.make_wallboard("Kitchen", group=group, by=None, now=timezone.now())
    return reverse(f"dashboard:{name}", args=[share_links.secret_of(link)])


class TestWallboard:
    def test_shows_the_fleet_in_a_few_words(self, page: Client, berlin: Group) -> None:
        said = text(page, "/wallboard/")
        assert "Fleet as of" in said
        for words in ("Nodes 4", "Up to date 50%", "Failing 1", "Dark 1"):
            assert words in said
        assert "1 node failed to update" in said
        assert re.search(r"berlin amd64 1 1 33%", said)
        assert "beta amd64 no target" in said

    def test_shows_the_groups_that_the_url_names(self, page: Client, berlin: Group) -> None:
        said = text(page, f"/wallboard/?group={berlin.pk}")
        assert said.count("Nodes 3") == 1
        assert "berlin as of" in said
        assert "beta" not in said
        assert (
            f'data-wall="/wallboard/now/?group={berlin.pk}"'
            in page.get(f"/wallboard/?group={berlin.pk}").content.decode()
        )

    @pytest.mark.parametrize("group", ["424242", "x", "-1", "9" * 30])
    def test_knows_no_other_groups(self, page: Client, berlin: Group, group: str) -> None:
        assert page.get(f"/wallboard/?group={group}").status_code == 404

    def test_shows_nobody_more_than_they_may_see(self, berlin: Group) -> None:
        client = log_in(permit(Operator.objects.create_user("op"), Role.VIEWER, berlin))
        assert "beta" not in text(client, "/wallboard/")
        assert "Nodes 3" in text(client, "/wallboard/now/")
        assert client.get(f"/wallboard/?group={seeded_group('beta').pk}").status_code == 404

    def test_is_worth_looking_at_without_nodes(self, page: Client) -> None:
        said = text(page, "/wallboard/")
        assert "Nodes 0 Up to date &ndash; Under way 0" in said
        assert "No node yet." in said
        assert "No node is in a group yet." in said
        assert "All is well" not in said
        assert "%" not in said

    def test_says_that_all_is_well_when_there_are_nodes(self, page: Client) -> None:
        channels.set_target(seeded_channel(), make_release("4593.2.1"), by=None)
        make_node(version="4593.2.1")
        said = text(page, "/wallboard/now/")
        assert "Up to date 100%" in said
        assert "Nothing. All is well." in said

    def test_shows_the_worst_groups_first_and_how_many_more(
        self, page: Client, berlin: Group, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(wallboard, "GROUPS_SHOWN", 1)
        for _number in range(9):
            make_node(group=seeded_group("beta"))
        said = text(page, "/wallboard/")
        assert "berlin amd64" in said
        assert "beta amd64" not in said
        assert "and 1 more" in said

    @pytest.mark.parametrize(
        ("query", "theme"), [("?theme=dark", "dark"), ("?theme=light", "light"), ("", "system")]
    )
    def test_takes_its_theme_from_the_url(
        self, page: Client, berlin: Group, query: str, theme: str
    ) -> None:
        html = page.get(f"/wallboard/{query}").content.decode()
        assert f'data-theme="{theme}"' in html

    def test_is_worked_out_once_for_all_screens(
        self, page: Client, berlin: Group, django_assert_max_num_queries
    ) -> None:
        page.get("/wallboard/now/")
        with django_assert_max_num_queries(5):
            page.get("/wallboard/now/")

    def test_asks_no_more_for_many_groups(
        self, page: Client, berlin: Group, django_assert_max_num_queries
    ) -> None:
        for number in range(30):
            other = Group.objects.create(
                application=berlin.application,
                architecture="amd64",
                name=f"g{number}",
                track=f"g{number}",
            )
            make_node(group=other)
        cache.clear()
        with django_assert_max_num_queries(30):
            page.get("/wallboard/now/")

    def test_has_another_build_when_its_files_are_others(
        self, page: Client, berlin: Group, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def build() -> str:
            cache.clear()
            found = re.search(r'data-build="(\w+)"', page.get("/wallboard/now/").content.decode())
            assert found
            return found[1]

        before = build()
        assert build() == before
        monkeypatch.setattr(wallboard, "static", lambda name: f"/static/new.{name}")
        assert build() != before


class TestShared:
    def test_is_seen_without_a_log_in(self, berlin: Group) -> None:
        path = secret_address(None)
        assert "Nodes 4" in text(Client(), path)
        assert "Nodes 4" in text(Client(), f"{path}now/")
        assert "Back to the pages" not in text(Client(), path)

    def test_shows_its_group_alone(self, berlin: Group) -> None:
        said = text(Client(), secret_address(berlin))
        assert "Nodes 3" in said
        assert "beta" not in said

    def test_shows_nothing_of_what_was_rejected_or_held(self, berlin: Group) -> None:
        nodes.hold(berlin.nodes.earliest("pk"), by=None, because="a secret matter")
        assert "secret matter" not in text(Client(), secret_address(None))

    @pytest.mark.parametrize("name", ["wallboard_shared", "wallboard_shared_now"])
    def test_is_kept_from_caches_and_other_servers(self, berlin: Group, name: str) -> None:
        answer = Client().get(secret_address(None, name))
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "Set-Cookie" not in answer.headers

    def test_is_gone_once_it_is_revoked(self, berlin: Group) -> None:
        path = secret_address(None)
        share_links.revoke_wallboard(ShareLink.objects.get(), by=None)
        assert Client().get(path).status_code == 404
        assert Client().get(f"{path}now/").status_code == 404
        assert Client().get(f"/wallboard/{'x' * 43}/").status_code == 404

    def test_opens_no_other_page(self, berlin: Group) -> None:
        client = Client()
        client.get(secret_address(None))
        assert client.get("/wallboard/").status_code == 302

    def test_takes_nothing_but_a_look(self, berlin: Group) -> None:
        assert Client().post(secret_address(None)).status_code == 405


class TestLinks:
    def test_are_made_shown_and_revoked(self, page: Client, berlin: Group) -> None:
        page.post("/wallboard/links/", {"name": "Office", "group": berlin.pk})
        link = ShareLink.objects.get()
        assert (link.name, link.group) == ("Office", berlin)
        path = reverse("dashboard:wallboard_shared", args=[share_links.secret_of(link)])
        assert f"http://testserver{path}" in page.get("/wallboard/links/").content.decode()
        page.post(f"/wallboard/links/{link.pk}/revoke/", {"why": "moved"})
        assert not ShareLink.objects.exists()

    def test_say_when_they_were_used(self, page: Client, berlin: Group) -> None:
        path = secret_address(None)
        assert "never" in text(page, "/wallboard/links/")
        Client().get(path)
        assert "never" not in text(page, "/wallboard/links/")

    def test_need_a_name(self, page: Client, berlin: Group) -> None:
        answer = page.post("/wallboard/links/", {"name": ""})
        assert answer.status_code == 400
        assert "This field is required." in answer.content.decode()

    def test_show_no_more_than_whoever_makes_them_may_change(self, berlin: Group) -> None:
        client = log_in(permit(Operator.objects.create_user("op"), Role.OPERATOR, berlin))
        secret_address(None)
        assert "Kitchen" not in text(client, "/wallboard/links/")
        for group in ("", str(seeded_group("beta").pk)):
            answer = client.post("/wallboard/links/", {"name": "Mine", "group": group})
            assert answer.status_code == 400
        client.post("/wallboard/links/", {"name": "Mine", "group": berlin.pk})
        assert "Mine" in text(client, "/wallboard/links/")
        of_all = ShareLink.objects.get(group=None)
        assert client.post(f"/wallboard/links/{of_all.pk}/revoke/").status_code == 403

    def test_that_no_key_opens_say_so(self, page: Client, berlin: Group) -> None:
        secret_address(None)
        ShareLink.objects.update(sealed_secret="damaged")
        assert "Unreadable" in text(page, "/wallboard/links/")
