"""The demo fleet on the pages: who is offered what, when."""

import uuid

import pytest
from django.test import Client
from django.utils import timezone

from oemupdates.domain.access import Role
from oemupdates.domain.demo import APPLICATION
from oemupdates.models import Application, DemoFleet, Operator
from tests.dashboard.conftest import log_in, permit
from tests.services.makers import make_node, make_release, seeded_group

LOAD, REMOVE = "Load the demo fleet", "Remove the demo fleet"


def html(page: Client, path: str = "/") -> str:
    return " ".join(page.get(path).content.decode().split())


@pytest.fixture
def loading(admin: Operator) -> DemoFleet:
    return DemoFleet.objects.create(by=admin, asked_at=timezone.now(), step=50)


def test_is_offered_on_an_empty_server_to_those_who_administer(
    page: Client, viewer: Operator
) -> None:
    assert LOAD in html(page)
    assert LOAD not in html(log_in(viewer))
    make_node()
    assert LOAD not in html(page)
    assert REMOVE not in html(page)


def test_is_loaded_by_one_button(page: Client, admin: Operator) -> None:
    answer = page.post("/demo/load/", follow=True)
    assert "The demo fleet is on its way." in answer.content.decode()
    assert DemoFleet.objects.get().by == admin
    again = page.post("/demo/load/", follow=True)
    assert "already" in again.content.decode()


def test_says_how_far_it_is(page: Client, loading: DemoFleet) -> None:
    for path in ("/", "/demo/now/"):
        assert "day 12 of 30" in html(page, path)
        assert REMOVE in html(page, path)
    DemoFleet.objects.update(problem="The disk is full.")
    assert "It does not go on: The disk is full." in html(page)


def test_is_marked_on_the_overview_and_removed_by_one_button(
    page: Client, viewer: Operator, loading: DemoFleet
) -> None:
    make_node()
    DemoFleet.objects.update(state=DemoFleet.State.THERE)
    assert "This is a demo fleet." in html(page)
    assert "This is a demo fleet." in html(log_in(viewer))
    assert REMOVE not in html(log_in(viewer))
    answer = page.post("/demo/remove/", follow=True)
    assert "is being removed" in answer.content.decode()
    assert DemoFleet.objects.get().state == DemoFleet.State.REMOVING
    assert REMOVE not in html(page)


def test_has_its_releases_marked_among_the_newest(page: Client) -> None:
    make_node()
    application = Application.objects.create(uuid=uuid.UUID(APPLICATION), name="demo")
    make_release("4593.2.1", application=application)
    make_release("4593.2.0")
    newest = html(page).partition("Newest releases")[2].partition("</section>")[0]
    demo, real = newest.split("4593.2.0</a>")
    assert "4593.2.1</a>" in demo
    assert "Demo" in demo
    assert "Demo" not in real


@pytest.mark.parametrize("path", ["/demo/load/", "/demo/remove/"])
def test_takes_an_administrator_and_a_token_of_the_page(
    admin: Operator, loading: DemoFleet, path: str
) -> None:
    for role in (Role.APPROVER, Role.AUDITOR):
        someone = permit(Operator.objects.create_user(f"{role}"), role)
        assert log_in(someone).post(path).status_code == 403
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(admin)
    assert strict.post(path).status_code == 403
    assert DemoFleet.objects.get().state == DemoFleet.State.LOADING


def test_is_nothing_to_those_who_see_some_groups(admin: Operator, loading: DemoFleet) -> None:
    someone = permit(Operator.objects.create_user("someone"), Role.VIEWER, seeded_group())
    assert "demo fleet" not in html(log_in(someone))
    assert "demo fleet" not in html(log_in(someone), "/demo/now/")


def test_leaves_a_watched_overview_without_nodes(page: Client) -> None:
    assert "No node is left." in html(page, "/overview/now/")
