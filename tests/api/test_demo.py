"""The demo fleet over the API; what it is made of is its service's matter."""

import pytest
from django.test import Client

from oemupdates.domain.access import Role
from oemupdates.models import DemoFleet
from oemupdates.services.demo import demo
from tests.api.conftest import etag, problem, send, session, somebody
from tests.services.makers import make_node, seeded_group

pytestmark = pytest.mark.django_db


def test_is_asked_for_watched_and_removed(api: Client) -> None:
    assert api.get("/api/v1/demo").json()["state"] == "none"
    asked = send(api, "POST", "demo")
    assert (asked.status_code, asked.json()["state"]) == (202, "loading")
    assert asked.json()["by"]["username"] == "admin"
    read = etag(api, "demo")
    DemoFleet.objects.update(step=50, problem="The disk is full.")
    shown = api.get("/api/v1/demo").json()
    assert (shown["day"], shown["days"]) == (12, 30)
    assert (shown["nodes"], shown["nodes_left"]) == (120, 0)
    assert shown["problem"] == "The disk is full."
    gone = send(api, "DELETE", "demo", If_Match=read)
    assert (gone.status_code, gone.json()["state"]) == (202, "removing")
    assert gone.json()["nodes_left"] == 0
    demo.advance(seconds=60)
    assert api.get("/api/v1/demo").json()["state"] == "none"


def test_is_refused_where_it_cannot_be(api: Client) -> None:
    assert problem(send(api, "DELETE", "demo", If_Match="*")) == (409, "cannot-remove")
    assert problem(send(api, "DELETE", "demo")) == (428, "version-required")
    make_node()
    assert problem(send(api, "POST", "demo")) == (409, "cannot-load")


def test_is_removed_by_who_saw_it_as_it_is(api: Client) -> None:
    read = etag(api, "demo")
    send(api, "POST", "demo")
    assert problem(send(api, "DELETE", "demo", If_Match=read)) == (412, "stale-version")


def test_is_shown_to_who_sees_the_whole_fleet(viewer: Client) -> None:
    assert viewer.get("/api/v1/demo").status_code == 200
    assert problem(send(viewer, "POST", "demo")) == (403, "not-allowed")
    part = session(somebody("part", Role.VIEWER, group=seeded_group()))
    assert problem(part.get("/api/v1/demo")) == (403, "not-allowed")
