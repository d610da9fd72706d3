"""Logging in by an identity provider, as a browser does."""

import html
import re
from typing import Any
from urllib.parse import urlsplit

import httpx
from django.test import Client

from oemupdates.models import Activity, Operator, RoleGrant


def leave(client: Client, key: str = "corp", **form: str) -> str:
    """Press the button; gives the address that the browser is sent to."""
    page = client.post(f"/login/with/{key}/", form)
    assert page.status_code == 200, page.content.decode()
    found = re.search(r'content="0; url=([^"]+)"', page.content.decode())
    assert found
    return html.unescape(found[1])


def come_back(client: Client, url: str) -> Any:
    """Log in there, where somebody is known already, and follow the way back."""
    back = urlsplit(httpx.get(url).headers["location"])
    return client.get(f"{back.path}?{back.query}")


def log_in(client: Client, key: str = "corp", **form: str) -> Any:
    return come_back(client, leave(client, key, **form))


def words(answer: Any) -> str:
    text = re.sub(r"</?(b|span|time)\b[^>]*>", "", answer.content.decode())
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def who(client: Client) -> str | None:
    key = client.session.get("_auth_user_id")
    return Operator.objects.get(pk=key).username if key else None


def roles_of(name: str) -> set[tuple[str, str | None, str]]:
    found = RoleGrant.objects.filter(operator__username=name)
    return set(found.values_list("role", "group__track", "provider"))


def written() -> list[tuple[str, str, str]]:
    return [(one.verb, one.subject, one.why) for one in Activity.objects.order_by("pk")]
