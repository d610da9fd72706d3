"""Users and their roles over the API."""

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client

from oemupdates.domain.access import Role
from oemupdates.models import Operator, RoleGrant
from tests.api.conftest import problem, send, session, somebody
from tests.services.makers import last_activity, make_token, seeded_group

pytestmark = pytest.mark.django_db


class TestUsers:
    def test_are_made_with_a_password_for_one_time(self, api: Client) -> None:
        answer = send(api, "POST", "users", {"username": "bo"})
        assert answer.status_code == 201
        assert answer.headers["Cache-Control"] == "no-store"
        made = Operator.objects.get(username="bo")
        assert made.check_password(answer.json()["password"])
        assert answer.json()["user"]["must_change_password"] is True

    def test_are_made_for_scripts(self, api: Client) -> None:
        said = {"username": "robot", "is_service_account": True}
        shown = send(api, "POST", "users", said).json()
        assert shown["password"] is None
        assert shown["user"]["is_service_account"] is True
        token = {"name": "ci", "scopes": ["fleet.read"], "operator": "robot"}
        assert problem(send(api, "POST", "tokens", token)) == (409, "cannot-make-token")
        pk = shown["user"]["id"]
        assert send(api, "POST", f"users/{pk}/roles", {"role": "viewer"}).status_code == 201
        assert send(api, "POST", "tokens", token).status_code == 201

    def test_of_one_name_are_one(self, api: Client) -> None:
        answer = send(api, "POST", "users", {"username": "ADMIN"})
        assert problem(answer) == (409, "cannot-make-operator")

    def test_are_switched_off_and_on(self, api: Client) -> None:
        bo = somebody("bo", Role.VIEWER)
        theirs, token = session(bo), make_token(bo)
        shown = send(api, "POST", f"users/{bo.pk}/active", {"on": False, "why": "left"}).json()
        assert shown["is_active"] is False
        assert theirs.get("/api/v1/me").status_code == 401
        token.refresh_from_db()
        assert token.revoked_at
        assert send(api, "POST", f"users/{bo.pk}/active", {"on": True}).json()["is_active"] is True

    def test_get_another_password(self, api: Client) -> None:
        bo = somebody("bo", Role.VIEWER)
        password = send(api, "POST", f"users/{bo.pk}/password").json()["password"]
        assert Operator.objects.get(pk=bo.pk).check_password(password)

    def test_do_not_switch_off_themselves(self, api: Client, admin: Operator) -> None:
        answer = send(api, "POST", f"users/{admin.pk}/active", {"on": False})
        assert problem(answer) == (409, "cannot-switch-operator")


class TestRoles:
    def test_are_given_and_taken(self, api: Client) -> None:
        bo, group = somebody("bo"), seeded_group()
        said = {"role": "operator", "group": group.pk}
        shown = send(api, "POST", f"users/{bo.pk}/roles", said).json()
        (role,) = shown["roles"]
        assert (role["role"], role["group"]["id"]) == ("operator", group.pk)
        again = send(api, "POST", f"users/{bo.pk}/roles", said)
        assert problem(again) == (409, "cannot-give-role")
        gone = send(api, "DELETE", f"users/{bo.pk}/roles/{role['id']}")
        assert gone.status_code == 204
        assert not RoleGrant.objects.filter(operator=bo).exists()

    def test_are_for_groups_that_exist(self, api: Client) -> None:
        bo = somebody("bo")
        answer = send(api, "POST", f"users/{bo.pk}/roles", {"role": "viewer", "group": 999_999})
        assert problem(answer) == (422, "unprocessable")

    def test_stay_with_the_last_administrator(self, api: Client, admin: Operator) -> None:
        grant = RoleGrant.objects.get(operator=admin)
        answer = send(api, "DELETE", f"users/{admin.pk}/roles/{grant.pk}")
        assert problem(answer) == (409, "last-administrator")

    def test_of_the_first_account_become_ordinary(self, api: Client) -> None:
        first = Operator.objects.create_superuser("first")
        shown = send(api, "POST", f"users/{first.pk}/ordinary", {"why": "set up"}).json()
        assert shown["is_superuser"] is False

    def test_that_lost_their_second_factor_log_in_without(self, api: Client) -> None:
        bo = somebody("bo", Role.VIEWER)
        path = f"users/{bo.pk}/factors/reset"
        assert problem(send(api, "POST", path)) == (409, "cannot-remove-factor")
        Authenticator.objects.create(user=bo, type="totp", data={})
        assert send(api, "POST", path, {"why": "lost"}).status_code == 200
        assert not Authenticator.objects.exists()
        assert last_activity().verb == "operator.factors_reset"

    def test_say_what_they_may(self, api: Client) -> None:
        roles = {one["role"]: one for one in api.get("/api/v1/roles").json()["roles"]}
        assert set(roles) == {role.value for role in Role}
        assert "server.administer" in roles["admin"]["permissions"]
        assert "fleet.change" not in roles["approver"]["in_a_group"]

    @pytest.mark.parametrize("role", [Role.VIEWER, Role.APPROVER])
    def test_are_not_shown_to_all(self, role: Role) -> None:
        assert session(somebody("bo", role)).get("/api/v1/roles").status_code == 403
