import xml.etree.ElementTree as ET

import pytest
from django.test import Client
from django.urls import reverse

from oemupdates.domain.access import Role
from oemupdates.domain.node import State
from oemupdates.models import Group, Operator, ShareLink
from oemupdates.services.access import share_links
from oemupdates.services.groups import channels
from tests.dashboard.conftest import log_in, permit
from tests.services.makers import NOW, make_node, make_release, seeded_channel, seeded_group


@pytest.fixture
def group(db: None) -> Group:
    channels.set_target(seeded_channel(), make_release("4593.2.1"), by=None)
    return seeded_group()


def address(group: Group) -> str:
    link = share_links.make_badge(group, by=None, now=NOW)
    return reverse("dashboard:badge", args=[share_links.secret_of(link)])


def said(path: str) -> str:
    """What the picture says to those who cannot see it, which is what stands in it."""
    picture = ET.fromstring(Client().get(path).content)  # noqa: S314 - it is our own
    texts = [text.text for text in picture.iter("{http://www.w3.org/2000/svg}text")]
    label = picture.attrib["aria-label"]
    assert label == f"{texts[0]}: {texts[1]}"
    return label


class TestBadge:
    def test_says_how_far_the_group_is(self, group: Group) -> None:
        for _number in range(49):
            make_node(version="4593.2.1")
        make_node(state=State.DOWNLOADING)
        assert said(address(group)) == "stable: 98% on 4593.2.1"

    @pytest.mark.parametrize(("there", "words"), [(1, "100% on"), (0, "0% on")])
    def test_says_all_and_none_of_these_alone(self, group: Group, there: int, words: str) -> None:
        make_node(version="4593.2.1" if there else "4459.2.1")
        assert words in said(address(group))

    def test_does_not_round_up_to_all(self, group: Group) -> None:
        for _number in range(250):
            make_node(version="4593.2.1")
        make_node()
        assert "99% on" in said(address(group))

    def test_says_what_is_missing(self, group: Group) -> None:
        assert said(address(group)) == "stable: no nodes"
        other = seeded_group("beta")
        make_node(group=other)
        assert said(address(other)) == "beta: no target"

    def test_escapes_what_people_wrote(self, group: Group) -> None:
        Group.objects.filter(pk=group.pk).update(name='<b>"&日本')
        assert said(address(group)) == '<b>"&日本: no nodes'

    def test_is_for_strangers_and_caches(self, group: Group) -> None:
        answer = Client().get(address(group))
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("image/svg+xml")
        assert answer.headers["Cache-Control"] == "public, max-age=60"
        assert "Set-Cookie" not in answer.headers
        assert b"style" not in answer.content
        assert b"script" not in answer.content

    def test_is_not_sent_twice(self, group: Group) -> None:
        path = address(group)
        etag = Client().get(path).headers["ETag"]
        again = Client().get(path, headers={"If-None-Match": etag})
        assert (again.status_code, again.content) == (304, b"")

    def test_changes_its_etag_with_its_words(self, group: Group) -> None:
        path = address(group)
        before = Client().get(path).headers["ETag"]
        Group.objects.filter(pk=group.pk).update(name="berlin")
        assert Client().get(path).headers["ETag"] != before

    @pytest.mark.parametrize("secret", ["x" * 43, "x", "x" * 44, "-" * 43])
    def test_is_not_there_with_a_wrong_secret(self, group: Group, secret: str) -> None:
        address(group)
        assert Client().get(f"/badges/{secret}.svg").status_code == 404

    def test_is_gone_once_it_is_revoked(self, group: Group) -> None:
        path = address(group)
        assert Client().get(path).status_code == 200
        share_links.revoke_badge(group, by=None)
        assert Client().get(path).status_code == 404

    def test_is_cheap(self, group: Group, django_assert_num_queries) -> None:
        path = address(group)
        Client().get(path)
        with django_assert_num_queries(1):
            Client().get(path)
        with django_assert_num_queries(1):
            Client().get(f"/badges/{'x' * 43}.svg")

    def test_is_for_those_without_a_role_too(self, group: Group) -> None:
        client = log_in(Operator.objects.create_user("nobody"))
        assert client.get(address(group)).status_code == 200


class TestOnTheGroupsPage:
    def test_is_made_shown_renewed_and_revoked(self, page: Client, group: Group) -> None:
        here = f"/groups/{group.pk}/"
        assert "Make a badge" in page.get(here).content.decode()
        page.post(f"{here}badge/")
        first = ShareLink.objects.get()
        path = reverse("dashboard:badge", args=[share_links.secret_of(first)])
        html = page.get(here).content.decode()
        assert f'<img src="{path}" alt="stable: no nodes"' in html
        assert f"[![stable](http://testserver{path})](http://testserver{here})" in html
        page.post(f"{here}badge/")
        assert Client().get(path).status_code == 404
        page.post(f"{here}badge/revoke/")
        assert not ShareLink.objects.exists()
        html = page.post(f"{here}badge/revoke/", follow=True).content.decode()
        assert "has no badge" in html

    def test_is_not_told_to_those_who_only_look(self, viewer: Operator, group: Group) -> None:
        path = address(group)
        html = log_in(viewer).get(f"/groups/{group.pk}/").content.decode()
        assert path not in html
        assert "Those who may change the group" in html

    def test_is_made_by_an_operator_of_the_group_alone(self, heard: None, group: Group) -> None:
        client = log_in(permit(Operator.objects.create_user("op"), Role.OPERATOR, group))
        assert client.post(f"/groups/{group.pk}/badge/").status_code == 302
        other = seeded_group("beta")
        assert client.post(f"/groups/{other.pk}/badge/").status_code == 403
        assert ShareLink.objects.count() == 1

    def test_that_no_key_opens_says_so(self, page: Client, group: Group, settings) -> None:
        address(group)
        ShareLink.objects.update(sealed_secret="damaged")
        html = page.get(f"/groups/{group.pk}/").content.decode()
        assert "FLEET_SECRET_KEY is not the one that sealed it" in html
        assert "New address" in html
