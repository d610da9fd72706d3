from http.cookies import SimpleCookie

import pytest
from django.test import Client

from oemupdates.models import Operator


def test_a_theme_is_kept_and_shown_at_once(page: Client, admin: Operator) -> None:
    answer = page.post("/preferences/", {"theme": "dark", "next": "/groups/?a=1"})
    assert answer["location"] == "/groups/?a=1"
    admin.refresh_from_db()
    assert admin.preferences == {"theme": "dark"}
    assert b'data-theme="dark" data-density="comfortable"' in page.get("/").content


def test_one_preference_leaves_the_others(page: Client, admin: Operator) -> None:
    admin.preferences = {"theme": "dark", "columns": ["os"]}
    admin.save()
    page.post("/preferences/", {"density": "compact"})
    admin.refresh_from_db()
    assert admin.preferences == {"theme": "dark", "columns": ["os"], "density": "compact"}


def test_the_log_in_page_looks_as_it_did_last(page: Client) -> None:
    answer = page.post("/preferences/", {"theme": "dark", "quietly": "1"})
    assert answer.status_code == 204
    stranger = Client()
    stranger.cookies = SimpleCookie({"look": answer.cookies["look"].value})
    assert b'data-theme="dark"' in stranger.get("/login/").content


@pytest.mark.parametrize("cookie", ["", "x", "a.b.c.d", '"><script>', "dark"])
def test_a_strange_cookie_does_no_harm(db: None, cookie: str) -> None:
    stranger = Client()
    stranger.cookies = SimpleCookie({"look": cookie})
    content = stranger.get("/login/").content
    theme = "dark" if cookie == "dark" else "system"
    assert f'data-theme="{theme}" data-density="comfortable"'.encode() in content


@pytest.mark.parametrize("wrong", [{}, {"theme": "pink"}, {"columns": "os"}])
def test_what_nobody_can_choose_is_refused(
    page: Client, admin: Operator, wrong: dict[str, str]
) -> None:
    assert page.post("/preferences/", wrong).status_code == 400
    admin.refresh_from_db()
    assert admin.preferences == {}


@pytest.mark.parametrize("away", ["https://evil.example/", "//evil.example", "javascript:x", ""])
def test_a_form_leads_to_no_other_site(page: Client, away: str) -> None:
    answer = page.post("/preferences/", {"theme": "dark", "next": away})
    assert answer["location"] == "/"


def test_it_is_done_by_a_form_alone(page: Client) -> None:
    assert page.get("/preferences/").status_code == 405
