"""Where somebody is logged in, and ending that."""

from datetime import timedelta

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from oemupdates import tasks
from oemupdates.models import Operator
from tests.dashboard.conftest import PASSWORD
from tests.services.makers import last_activity

NEW = "a longer password than before"


def come(address: str = "192.0.2.1", agent: str = "Firefox") -> Client:
    client = Client(REMOTE_ADDR=address, headers={"User-Agent": agent})
    client.post("/login/", {"username": "admin", "password": PASSWORD})
    return client


def is_in(client: Client) -> bool:
    return client.get("/nodes/").status_code == 200


def test_lists_where_and_marks_this_one(admin: Operator) -> None:
    come("192.0.2.7", "Chromium")
    shown = come().get("/account/sessions/").content.decode()
    assert "192.0.2.7" in shown
    assert "Chromium" in shown
    assert shown.count("This one") == 1


def test_ends_one(admin: Operator) -> None:
    theirs, mine = come("192.0.2.7"), come()
    row = UserSession.objects.get(ip="192.0.2.7")
    mine.post(f"/account/sessions/{row.pk}/end/")
    assert last_activity().verb == "session.ended"
    assert not is_in(theirs)
    assert is_in(mine)


def test_ends_this_one(admin: Operator) -> None:
    mine = come()
    row = UserSession.objects.get()
    assert mine.post(f"/account/sessions/{row.pk}/end/")["location"] == "/login/"
    assert not is_in(mine)


def test_ends_nobody_elses(admin: Operator, viewer: Operator) -> None:
    mine = come()
    client = Client()
    client.post("/login/", {"username": "viewer", "password": PASSWORD})
    row = UserSession.objects.get(user=admin)
    client.post(f"/account/sessions/{row.pk}/end/")
    assert is_in(mine)


def test_ends_all_others(admin: Operator) -> None:
    others, mine = [come("192.0.2.7"), come("192.0.2.8")], come()
    mine.post("/account/sessions/end/")
    assert last_activity().after == {"sessions": 2}
    assert [is_in(one) for one in [*others, mine]] == [False, False, True]


def test_a_new_password_ends_the_others_and_keeps_this(admin: Operator) -> None:
    theirs, mine = come("192.0.2.7"), come()
    form = {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}
    mine.post("/password/", form)
    assert not is_in(theirs)
    shown = mine.get("/account/sessions/").content.decode()
    assert shown.count("This one") == 1
    assert "192.0.2.7" not in shown


def test_a_log_out_leaves_the_list(admin: Operator) -> None:
    come().post("/logout/")
    assert not UserSession.objects.exists()


@pytest.mark.parametrize("minutes", [1, 6])
def test_being_seen_is_written_now_and_then(admin: Operator, minutes: int) -> None:
    mine = come()
    before = timezone.now() - timedelta(minutes=minutes)
    UserSession.objects.update(last_seen_at=before)
    mine.get("/groups/")
    with CaptureQueriesContext(
        connection,
    ) as asked:
        mine.get("/groups/")
    assert not [one for one in asked.captured_queries if "usersession" in one["sql"]]
    seen = UserSession.objects.get().last_seen_at
    assert (seen > before) is (minutes > 5)


def test_sessions_that_expired_are_forgotten(admin: Operator) -> None:
    client = come()
    come("192.0.2.7")
    key = client.session.session_key
    Session.objects.exclude(session_key=key).update(expire_date=timezone.now())
    tasks.forget_old_history()
    assert [row.session_key for row in UserSession.objects.all()] == [key]
