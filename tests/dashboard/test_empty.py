"""Every page on a server that nothing has happened on: it says so, and what to do next."""

import re

import pytest
from django.test import Client

from tests.browser.pages import reached
from tests.services.makers import make_node

# Where a list would stand, what is said there, and the way to mend it;
# empty where that is not for an operator to mend.
EMPTY = {
    "/": ("No node has called yet", '"/releases/upstreams/"'),
    "/account/factors/": ("No second factor", '"/account/factors/app/"'),
    "/account/sessions/": ("No session is listed", ""),
    "/activity/": ("Nothing was done yet", ""),
    "/admin/secrets/": ("No secret yet", '"/admin/secrets/make/"'),
    "/admin/tokens/": ("No token", '"/tokens/make/"'),
    "/admin/users/?kind=service": ("No service account yet", '"/admin/users/make/?'),
    "/admin/webhooks/": ("Nobody is told anything", '"/admin/webhooks/make/"'),
    "/channels/": ("No release is registered", '"/releases/upstreams/"'),
    "/components/": ("There is no component yet", "/components/images/upload/"),
    "/groups/": ("no nodes:", '#connect"'),
    "/nodes/": ("No node has called yet", '<a class="button small" href="/">'),
    "/nodes/views/": ("No view of yours", '"/nodes/views/save/"'),
    "/paths/": ("No node follows it", '#connect"'),
    "/rejected/": ("Nothing was rejected", ""),
    "/releases/": ("No release is registered", '"/releases/upstreams/"'),
    "/releases/bundles/": ("No bundle was brought yet", '"/releases/bundles/upload/"'),
    "/releases/disk/": ("No release is hosted here", '"/releases/upstreams/"'),
    "/releases/upstreams/": ("No channel follows an upstream", '"/releases/upstreams/add/"'),
    "/security/": ("No advisories yet", '"/security/add/"'),
    "/tokens/": ("No token", '"/tokens/make/"'),
    "/wallboard/": ("No node yet.", ""),
    "/wallboard/links/": ("No screen has a link", "Make a link</button>"),
}


def main(page: Client, path: str) -> str:
    answer = page.get(path)
    assert answer.status_code == 200, path
    return " ".join(answer.content.decode().partition("<main")[2].partition("</main>")[0].split())


@pytest.mark.parametrize("path", EMPTY)
def test_says_what_is_missing_and_what_to_do_next(page: Client, path: str) -> None:
    title, way = EMPTY[path]
    html = main(page, path)
    assert title in html
    assert way in html


def test_no_page_has_an_empty_table(page: Client) -> None:
    """A page with an empty list that the table above does not know is one to add there."""
    found, _others = reached(page)
    known = {path.partition("?")[0] for path in EMPTY}
    for name, path in found.items():
        html = main(page, path)
        assert not re.search(r"<tbody>\s*</tbody>", html), name
        # Of a page of one thing, parts may well be empty.
        if 'class="empty"' in html and not re.search(r"/\d+/", path):
            assert path in known, f"{name} has an empty list: say it in EMPTY"
    assert len(found) > len(EMPTY)


def test_a_fleet_that_is_archived_is_not_called_empty(page: Client) -> None:
    make_node(is_archived=True)
    html = main(page, "/nodes/")
    assert "Every node is archived" in html
    assert "No node has called yet" not in html
    assert page.get("/nodes/?archived=1").text.count('<th scope="row"') == 1
