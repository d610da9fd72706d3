"""The pages of API tokens: one's own, a service account's, and all of them."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from oemupdates.domain.access import Role
from oemupdates.models import ApiToken, Operator
from tests.dashboard.conftest import log_in, permit
from tests.services.makers import make_node, make_token, seeded_group


def html_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def secret_in(answer: Any) -> str:
    return re.findall(r"flt_[\w-]{40,}", answer.content.decode())[0]


@pytest.fixture
def berlin(heard: None) -> Operator:
    """Somebody who operates one group."""
    return permit(Operator.objects.create_user("berlin"), Role.OPERATOR, seeded_group())


class TestEnding:
    """Tokens that scripts use and that end soon are told of where everything is that needs one."""

    @pytest.fixture(autouse=True)
    def _node(self, heard: None) -> None:
        make_node()

    def token(self, owner: Operator, *, days: int = 13, used: int = 30, **given: Any) -> ApiToken:
        now = timezone.now()
        times = {"expires_at": now + timedelta(days), "last_used_at": now - timedelta(used)}
        return make_token(owner, **(times | given))

    def test_are_told_to_their_owner_with_the_way_to_them(self, berlin: Operator) -> None:
        self.token(berlin, name="ours")
        self.token(berlin, name="another", days=15)
        html = html_of(log_in(berlin).get("/"))
        assert "<b>1</b> of your API tokens in use, and ending within 14 days" in html
        assert "ours" not in html_of(log_in(berlin).get("/wallboard/"))
        listed = html_of(log_in(berlin).get(re.findall(r"/tokens/\?state=ending", html)[0]))
        assert "ours" in listed
        assert "another" not in listed

    def test_are_told_of_everybody_to_who_reads_security(
        self, page: Client, berlin: Operator, viewer: Operator
    ) -> None:
        self.token(berlin, name="ours")
        words = "<b>1</b> API token in use, and ending within 14 days: ours of berlin"
        html = html_of(page.get("/"))
        assert words in html
        assert 'href="/admin/tokens/?state=ending"' in html
        assert "ending within" not in html_of(log_in(viewer).get("/"))
        assert "1 token in use, ending within 14 days" in html_of(page.get("/admin/"))
        assert "ours" in html_of(page.get("/admin/tokens/?state=ending"))

    @pytest.mark.parametrize(
        "given", [{"days": 15}, {"days": -1}, {"used": 32}, {"revoked_at": timezone.now()}]
    )
    def test_are_those_alone_that_are_used_and_end_soon(
        self, page: Client, berlin: Operator, given: dict[str, Any]
    ) -> None:
        self.token(berlin, **given)
        assert "ending within" not in html_of(page.get("/"))
        assert "No token in use ends soon" in html_of(page.get("/admin/tokens/?state=ending"))


class TestMaking:
    def test_shows_a_secret_that_opens_the_api(self, berlin: Operator) -> None:
        said = {"name": "ci", "scopes": ["fleet.read"], "days": "90", "networks": "127.0.0.0/8"}
        answer = log_in(berlin).post("/tokens/make/", said)
        assert answer.status_code == 200
        assert "no-store" in answer["Cache-Control"]
        secret = secret_in(answer)
        asked = Client().get("/api/v1/groups", headers={"Authorization": f"Bearer {secret}"})
        assert [one["name"] for one in asked.json()["items"]] == ["stable"]
        assert secret not in html_of(log_in(berlin).get("/tokens/"))
        token = ApiToken.objects.get()
        assert not token.is_limited_to_groups
        assert token.networks == ["127.0.0.0/8"]

    def test_offers_no_more_than_one_may(self, berlin: Operator) -> None:
        html = html_of(log_in(berlin).get("/tokens/make/"))
        assert 'value="nodes.operate"' in html
        assert 'value="server.administer"' not in html
        assert html.count("<option") == 1  # their one group
        said = {"name": "ci", "scopes": ["server.administer"], "days": "90"}
        assert log_in(berlin).post("/tokens/make/", said).status_code == 400
        other = {"name": "ci", "scopes": ["fleet.read"], "days": "90"}
        other |= {"groups": [str(seeded_group("beta").pk)]}
        assert log_in(berlin).post("/tokens/make/", other).status_code == 400
        assert not ApiToken.objects.exists()

    @pytest.mark.parametrize(
        "wrong", [{"days": "367"}, {"networks": "10.0.0.1/8"}, {"name": ""}, {"scopes": []}]
    )
    def test_says_why_not_and_keeps_what_was_typed(
        self, berlin: Operator, wrong: dict[str, Any]
    ) -> None:
        said: dict[str, Any] = {"name": "my script", "scopes": ["fleet.read"], "days": "90"}
        answer = log_in(berlin).post("/tokens/make/", said | wrong)
        assert answer.status_code == 400
        assert "name" in wrong or 'value="my script"' in html_of(answer)

    def test_is_done_for_service_accounts_by_admins(self, page: Client) -> None:
        robot = permit(Operator.objects.create_user("robot", is_service_account=True), Role.VIEWER)
        said = {"name": "ci", "scopes": ["fleet.read"], "days": "30"}
        secret = secret_in(page.post(f"/admin/users/{robot.pk}/tokens/", said))
        asked = Client().get("/api/v1/me", headers={"Authorization": f"Bearer {secret}"})
        assert asked.json()["username"] == "robot"

    def test_is_not_done_for_people(self, page: Client, berlin: Operator) -> None:
        assert page.get(f"/admin/users/{berlin.pk}/tokens/").status_code == 404

    def test_needs_a_role_first(self, page: Client) -> None:
        robot = Operator.objects.create_user("robot", is_service_account=True)
        assert "Give it a role first" in html_of(page.get(f"/admin/users/{robot.pk}/tokens/"))


class TestLists:
    def test_show_ones_own(self, page: Client, berlin: Operator) -> None:
        make_token(berlin, name="of-berlin")
        make_token(name="of-another")
        html = html_of(log_in(berlin).get("/tokens/"))
        assert "of-berlin" in html
        assert "of-another" not in html
        every = html_of(page.get("/admin/tokens/"))
        assert "of-berlin" in every
        assert "of-another" in every

    def test_of_somebody_alone(self, page: Client, berlin: Operator) -> None:
        make_token(berlin, name="of-berlin")
        make_token(name="of-another")
        html = html_of(page.get("/admin/tokens/?owner=berlin"))
        assert "of-berlin" in html
        assert "of-another" not in html

    def test_keep_what_ended_apart(self, page: Client) -> None:
        now = timezone.now()
        make_token(name="valid-one")
        make_token(name="revoked-one", revoked_at=now)
        make_token(name="old-one", created_at=now - timedelta(2), expires_at=now - timedelta(1))
        valid = html_of(page.get("/admin/tokens/"))
        ended = html_of(page.get("/admin/tokens/?state=ended"))
        assert "valid-one" in valid
        assert "valid-one" not in ended
        for name in ("revoked-one", "old-one"):
            assert name in ended
            assert name not in valid

    def test_say_that_a_link_is_damaged(self, page: Client) -> None:
        assert page.get("/tokens/?after=xyz").status_code == 400


class TestRevoking:
    def test_ends_ones_own(self, berlin: Operator) -> None:
        token = make_token(berlin)
        answer = log_in(berlin).post(f"/tokens/{token.pk}/revoke/", {"why": "leaked"})
        assert answer["Location"] == "/tokens/"
        assert ApiToken.objects.get(pk=token.pk).revoked_at

    def test_of_others_takes_an_admin(self, page: Client, berlin: Operator) -> None:
        token = make_token()
        path = f"/tokens/{token.pk}/revoke/"
        assert log_in(berlin).post(path).status_code == 404
        auditor = permit(Operator.objects.create_user("eve"), Role.AUDITOR)
        assert log_in(auditor).post(path).status_code == 403
        assert not ApiToken.objects.get(pk=token.pk).revoked_at
        page.post(path)
        assert ApiToken.objects.get(pk=token.pk).revoked_at
