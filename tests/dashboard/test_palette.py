import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from oemupdates.dashboard.frame.palette import MOST_ROWS
from oemupdates.domain.access import Role
from oemupdates.models import Advisory, Operator
from tests.dashboard.conftest import log_in, permit
from tests.services.makers import NOW, make_node, make_release, seeded_group


def rows(client: Client, text: str) -> list[str]:
    """The words of each row, in order."""
    content = client.get("/palette/", {"q": text}).content.decode()
    options = re.findall(r'<a role="option".*?</a>', content, re.DOTALL)
    plain = [re.sub(r"<svg.*?</svg>|<[^>]+>", " ", option) for option in options]
    return [" ".join(option.split()) for option in plain]


def test_it_begins_with_the_pages(page: Client) -> None:
    assert rows(page, "")[:2] == ["Overview g o page", "Nodes g n page"]


def test_the_closest_name_comes_first(page: Client) -> None:
    for number in (10, 1, 100, 11):
        make_node(machine_id=f"a{number:031}", alias=f"web-{number}")
    found = rows(page, "web-1")
    assert [row.split()[0] for row in found] == ["web-1", "web-10", "web-11", "web-100"]


def test_each_kind_of_thing_is_found(page: Client) -> None:
    make_node(machine_id="4" * 32)
    make_release("4593.2.1")
    kinds = [row.rpartition(" ")[2] for row in rows(page, "4")]
    assert kinds == ["node", "release"]
    kinds = [row.rpartition(" ")[2] for row in rows(page, "stable")]
    assert kinds == ["group", "group", "channel", "channel"]


def test_lists_are_found_by_the_beginnings_of_their_words(page: Client) -> None:
    assert rows(page, "dark n") == ["Dark nodes list"]
    assert rows(page, "ark") == []


def test_pages_below_those_of_the_rail_are_found_by_a_word(page: Client, viewer: Operator) -> None:
    assert rows(page, "webh") == ["Webhooks page"]
    assert rows(page, "mirror") == ["Mirror and disk page"]
    assert rows(page, "sessions") == ["Sessions your account page"]
    assert rows(page, "retention") == ["Retention page"]
    assert rows(log_in(viewer), "retention") == []


def test_oems_and_advisories_are_found_by_name(page: Client) -> None:
    assert rows(page, "vmw") == ["vmware VMware OEM"]
    assert rows(page, "hyper-v") == ["hyperv Hyper-V OEM"]
    assert rows(page, "zfs") == ["zfs extension"]
    Advisory.objects.create(name="CVE-2025-41244", content={}, modified_at=NOW)
    assert rows(page, "2025-41244") == ["CVE-2025-41244 advisory"]


def test_many_nodes_are_one_row_more(page: Client) -> None:
    for number in range(9):
        make_node(alias=f"web-{number}")
    assert rows(page, "web-")[-1] == "All nodes that begin with web- list"
    assert len(rows(page, "web-")) < MOST_ROWS


def test_nobody_finds_what_is_beyond_their_reach(db: None) -> None:
    operator = permit(Operator.objects.create_user("ben"), Role.VIEWER, seeded_group("beta"))
    make_node(alias="web-stable")
    make_node(alias="web-beta", group=seeded_group("beta"))
    make_node(alias="web-none", group=None)
    client = log_in(operator)
    assert [row.split()[0] for row in rows(client, "web-")] == ["web-beta"]
    assert "stable amd64 group" not in rows(client, "stable")


def test_only_places_that_may_be_seen_are_listed(viewer: Operator) -> None:
    assert not any("Rejected" in row for row in rows(log_in(viewer), ""))


@pytest.mark.parametrize("text", ["0.0.0.0/0", "2001:db8::/32", "\x00", "%", "<b>", "a" * 400])
def test_strange_words_find_nothing_and_do_no_harm(page: Client, text: str) -> None:
    make_node(address="192.0.2.1", alias="web")
    answer = page.get("/palette/", {"q": text})
    assert answer.status_code == 200
    assert b"<b>" not in answer.content


def test_it_costs_the_same_with_many_nodes(page: Client) -> None:
    def asked() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            page.get("/palette/", {"q": "web"})
        return len(queries)

    make_node(alias="web")
    few = asked()
    for number in range(30):
        make_node(alias=f"web-{number}")
    assert asked() <= few <= 15


def test_who_is_called_just_so_is_first_among_many(
    page: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oemupdates.models.node_queries.FEW", 5)
    for number in range(9):
        make_node(alias=f"web-{number}")
    make_node(alias="web-")
    make_node(name="WEB-")
    assert {row.split()[0] for row in rows(page, "web-")[:2]} == {"web-", "WEB-"}


def test_theirs_are_found_among_many_others(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oemupdates.models.node_queries.LOOKED_THROUGH", 3)
    operator = permit(Operator.objects.create_user("ben"), Role.VIEWER, seeded_group("beta"))
    for number in range(9):
        make_node(alias=f"web-{number}")
    make_node(alias="web-beta", group=seeded_group("beta"))
    assert [row.split()[0] for row in rows(log_in(operator), "web-")] == ["web-beta"]


def test_actions_are_found_by_who_may_do_them(page: Client, viewer: Operator) -> None:
    assert rows(page, "make g") == ["Make a group action"]
    assert rows(log_in(viewer), "make g") == []
    assert rows(log_in(viewer), "export a") == ["Export activity action"]
    assert rows(page, "sync now") == ["Sync an upstream now action"]
    assert rows(page, "add a") == [
        "Add an upstream action",
        "Add an advisory action",
        "Add an OEM action",
        "Add an image of a component action",
    ]
    assert rows(log_in(viewer), "add a") == []
