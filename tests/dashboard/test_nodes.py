"""The list of nodes, through its URL."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from oemupdates.domain.checkin import DERIVED, OBSERVED, REPORTED
from oemupdates.domain.node import State
from oemupdates.models import Operator
from oemupdates.services.nodes import nodes
from tests.services.makers import make_node, make_release, seeded_channel, seeded_group

ROW = re.compile(r'<th scope="row" class="long"><a href="/nodes/(\d+)/"')


def listed(page: Client, query: str = "", *, status: int = 200) -> list[int]:
    answer = page.get(f"/nodes/?{query}")
    assert answer.status_code == status, query
    return [int(key) for key in ROW.findall(answer.content.decode())]


def total(page: Client, query: str = "") -> str:
    html = page.get(f"/nodes/?{query}").content.decode()
    return html.partition("<h1>Nodes</h1>")[2].partition("</p>")[0].rpartition(">")[2]


@pytest.mark.parametrize(
    ("query", "given"),
    [
        ("state=failed", {"state": State.FAILED}),
        ("state=failed&state=rolled_back", {"state": State.ROLLED_BACK}),
        ("version=4593.2.1", {"version": "4593.2.1"}),
        ("version=-", {"version": ""}),
        ("oem=azure", {"oem": "azure"}),
        ("basis=observed", {"oem": "azure", "oem_basis": OBSERVED}),
        ("basis=reported", {"oem": "azure", "oem_basis": REPORTED}),
        ("architecture=arm64", {"architecture": "arm64"}),
        ("architecture=-", {"architecture": ""}),
        ("dark=1", {"is_dark": True}),
        ("unassigned=1", {"group": None, "state": State.UNASSIGNED}),
        ("held=1", {"is_held": True, "held_because": "disk"}),
        (
            "sysext=different",
            {"oem": "azure", "oem_basis": OBSERVED, "oem_version": "4459.2.0"},
        ),
        ("oem_version=4459.2.1", {"oem_basis": DERIVED, "oem_version": "4459.2.1"}),
        (
            "oem_build=2.12.0.4-r2",
            {"oem_basis": OBSERVED, "oem_version": "4459.2.1", "oem_build": "2.12.0.4-r2"},
        ),
        ("q=0123456789ab", {"machine_id": "0123456789abcdef0123456789abcdef"}),
        ("q=0123456789AB", {"machine_id": "0123456789abcdef0123456789abcdef"}),
        ("q=web-", {"alias": "web-1"}),
        ("q=WEB-", {"alias": "web-1"}),
        ("q=renamed", {"name": "Renamed by hand"}),
        ("q=192.0.2.7", {"address": "192.0.2.7"}),
        ("q=192.0.2.0/24", {"address": "192.0.2.7"}),
        ("q=2001:db8::7", {"address": "2001:db8::7"}),
    ],
)
def test_filters_find_what_they_name_and_nothing_else(
    page: Client, query: str, given: dict[str, object]
) -> None:
    make_node(address="198.51.100.1")
    wanted = make_node(**given)
    assert listed(page, query) == [wanted.pk]


def test_filters_are_met_together(page: Client) -> None:
    make_node(oem="azure", state=State.FAILED)
    make_node(oem="ami", version="4593.2.1", state=State.FAILED)
    make_node(oem="azure", version="4593.2.1")
    wanted = make_node(oem="azure", version="4593.2.1", state=State.FAILED)
    assert listed(page, "oem=azure&version=4593.2.1&state=failed") == [wanted.pk]
    assert total(page, "oem=azure&version=4593.2.1&state=failed") == "1 node matches."


def test_a_group_is_asked_for_by_number_and_named(page: Client) -> None:
    make_node()
    wanted = make_node(group=seeded_group("beta"))
    query = f"group={seeded_group('beta').pk}"
    assert listed(page, query) == [wanted.pk]
    assert "Group: beta (amd64)" in page.get(f"/nodes/?{query}").content.decode()


def test_unassigned_nodes_of_a_group_are_none(page: Client) -> None:
    make_node(group=None)
    make_node()
    assert listed(page, f"unassigned=1&group={seeded_group().pk}") == []


def test_archived_nodes_are_in_no_list_and_found_by_search(page: Client, admin: Operator) -> None:
    archived = nodes.archive(make_node(alias="old-1"), by=admin)
    kept = make_node(alias="old-2")
    assert listed(page) == [kept.pk]
    assert listed(page, "q=old-") == [kept.pk, archived.pk]
    assert "Archived" in page.get("/nodes/?q=old-").content.decode()


class TestStanding:
    def test_follows_the_groups_target(self, page: Client) -> None:
        channel = seeded_channel()
        channel.target = make_release("4593.2.1")
        channel.save()
        on = [make_node(version=version) for version in ("4593.2.1", "4593.2.2")]
        moving = make_node(version="4459.2.1", state=State.DOWNLOADING)
        behind = make_node(version="4459.2.1", state=State.WAITING)
        make_node(version="4593.2.1", group=seeded_group("beta"))
        query = f"group={seeded_group().pk}&standing="
        assert listed(page, f"{query}on_target") == [node.pk for node in on[::-1]]
        assert listed(page, f"{query}in_progress") == [moving.pk]
        assert listed(page, f"{query}behind") == [behind.pk]
        assert "Standing: in progress" in page.get(f"/nodes/?{query}in_progress").content.decode()

    def test_without_a_target_everything_is_behind(self, page: Client) -> None:
        node = make_node(version="4459.2.1", state=State.WAITING)
        query = f"group={seeded_group().pk}&standing="
        assert listed(page, f"{query}behind") == [node.pk]
        assert listed(page, f"{query}on_target") == []


class TestPages:
    def test_lead_through_all_nodes_once(self, page: Client) -> None:
        made = [make_node().pk for _ in range(120)]
        seen: list[int] = []
        query = ""
        for _ in range(3):
            seen += listed(page, query)
            html = page.get(f"/nodes/?{query}").content.decode()
            following = re.search(r'href="\?after=([^"]+)" rel="next"', html)
            query = f"after={following[1]}" if following else ""
        assert seen == made[::-1]
        assert query == "", "the third page is the last"

    def test_keep_the_filters(self, page: Client) -> None:
        for _ in range(51):
            make_node(oem="azure")
        html = page.get("/nodes/?oem=azure").content.decode()
        assert re.search(r'href="\?oem=azure&amp;after=[^"]+" rel="next"', html)

    def test_a_new_node_moves_nobody_to_another_page(self, page: Client) -> None:
        made = [make_node().pk for _ in range(60)]
        html = page.get("/nodes/").content.decode()
        following = re.search(r'href="\?(after=[^"]+)" rel="next"', html)
        assert following
        make_node()
        assert listed(page, following[1]) == made[:10][::-1]


class TestFacets:
    def test_count_what_each_choice_would_leave(self, page: Client) -> None:
        make_node(oem="azure", state=State.FAILED)
        make_node(oem="azure")
        make_node(oem="ami")
        html = " ".join(page.get("/nodes/?oem=azure").content.decode().split())
        state = html.partition(">State<")[2].partition("</details>")[0]
        assert re.findall(r"</svg>([A-Z][a-z ]+)</span><span class=\"num mute\">(\d+)", state) == [
            ("Failed", "1"),
            ("Up to date", "1"),
        ]
        oem = html.partition('pill on">OEM<')[2].partition("</details>")[0]
        assert re.findall(r"</svg>([a-z]+)</span><span class=\"num mute\">(\d+)", oem) == [
            ("azure", "2"),
            ("ami", "1"),
        ], "what another choice of the same facet would show"

    def test_have_no_counts_where_the_counters_cannot_know(self, page: Client) -> None:
        make_node(alias="web-1", oem="azure")
        for query in ("q=web-", "held=1"):
            panel = page.get(f"/nodes/?{query}").content.decode().partition('class="panel"')[2]
            assert "num mute" not in panel.partition("</details>")[0]

    def test_say_which_filter_leaves_nothing(self, page: Client) -> None:
        make_node(oem="azure")
        html = page.get("/nodes/?oem=azure&version=1.2.3").content.decode()
        assert "No node matches all of this" in html
        assert ">Without OS version: 1.2.3</a> there are 1." in html
        assert "Without OEM" not in html


class TestMatching:
    def test_comes_from_the_counters(self, page: Client) -> None:
        for _ in range(60):
            make_node(oem="azure")
        make_node()
        assert total(page) == "61 nodes."
        assert total(page, "oem=azure") == "60 nodes match."

    def test_of_a_search_is_told_only_when_it_is_seen_whole(self, page: Client) -> None:
        for number in range(51):
            make_node(alias=f"web-{number:02}")
        make_node(alias="db-1")
        assert total(page, "q=db-") == "1 node matches."
        assert total(page, "q=web-") == "More than one page of nodes matches."


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("state=broken", "No node has the state &#x27;broken&#x27;."),
        ("basis=guessed", "No node has the basis &#x27;guessed&#x27;."),
        ("architecture=riscv", "No node has the architecture &#x27;riscv&#x27;."),
        ("sysext=x", "No node has the sysext &#x27;x&#x27;."),
        ("version=1%00", "No node has the version"),
        ("oem=%0A", "No node has the oem"),
        ("group=stable", "A group is given by its number"),
        ("group=99999999999999999999", "A group is given by its number"),
        ("dark=yes", "dark is either 1 or left out"),
        ("standing=behind", "together with one group"),
        ("standing=x&group=1", "No node has the standing"),
        ("q=a%00b", "The search holds characters"),
        (f"q={'a' * 257}", "at most 256 characters"),
        ("q=0.0.0.0/0", "is every address"),
        ("stat=failed", "There is no filter &#x27;stat&#x27;."),
        ("after=zzz", "is damaged"),
        ("after=WzEuNV0", "is damaged"),
        ("after=Wy0xXQ", "is damaged"),
        ("after=WzE4NDQ2NzQ0MDczNzA5NTUxNjE2XQ", "is damaged"),
    ],
)
def test_what_cannot_be_is_told_in_words(page: Client, query: str, words: str) -> None:
    make_node()
    assert listed(page, query, status=400) == []
    assert words in page.get(f"/nodes/?{query}").content.decode()


def test_an_unknown_value_finds_nothing_and_is_no_mistake(page: Client) -> None:
    make_node()
    for query in ("version=9.9.9", "oem=none-such", "group=424242", "q=nobody", "q=10.0.0.0/7"):
        assert listed(page, query) == []


def test_an_ipv6_network_is_found_or_said_to_be_out_of_reach(page: Client) -> None:
    node = make_node(address="2001:db8::7")
    make_node(address="2001:db9::7")
    if connection.vendor == "postgresql":
        assert listed(page, "q=2001:db8::/32") == [node.pk]
    else:
        listed(page, "q=2001:db8::/32", status=400)
        html = page.get("/nodes/?q=2001:db8::/32").content.decode()
        assert "IPv6 networks can be searched on PostgreSQL only" in html


def test_a_search_for_many_is_read_row_by_row_and_finds_the_same(page: Client) -> None:
    now = timezone.now() - timedelta(hours=1)
    made = [make_node(alias=f"web-{number}", last_seen_at=now).pk for number in range(505)]
    make_node(alias="db-1")
    failed = make_node(alias="web-x", state=State.FAILED)
    assert listed(page, "q=web-")[:3] == [failed.pk, *made[-2:][::-1]]
    assert listed(page, "q=web-&state=failed") == [failed.pk]


def test_costs_the_same_for_every_filter(page: Client, django_assert_max_num_queries) -> None:
    for number in range(20):
        make_node(alias=f"web-{number}", oem=f"oem-{number}")
    group = seeded_group().pk
    for query in (
        "",
        "state=up_to_date&oem=oem-1",
        f"group={group}&standing=behind",
        "dark=1&unassigned=1&basis=observed",
        "q=web-",
        "q=10.0.0.0/8",
        "held=1",
    ):
        with django_assert_max_num_queries(12):
            page.get(f"/nodes/?{query}")
