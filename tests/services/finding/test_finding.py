"""A query finds the same nodes for whoever asks, within where they may look."""

from datetime import timedelta

import pytest

from oemupdates.domain.access import EVERYWHERE, NOWHERE, Reach
from oemupdates.domain.node import State
from oemupdates.domain.query import BadQuery
from oemupdates.domain.query_reading import read
from oemupdates.models import Node
from oemupdates.services.finding import finding, walking
from oemupdates.services.finding.finding import Found, find
from oemupdates.services.finding.finding_groups import named
from oemupdates.services.nodes import nodes
from tests.services.makers import NOW, make_node, seeded_group

pytestmark = pytest.mark.django_db


def ask(text: str, reach: Reach = EVERYWHERE) -> Found:
    return find(read(text), reach, now=NOW)


def rows(text: str, reach: Reach = EVERYWHERE) -> list[Node]:
    return ask(text, reach).page().rows


def in_groups(*names: str) -> Reach:
    return Reach(is_everywhere=False, groups=frozenset(seeded_group(name).pk for name in names))


class TestQueries:
    def test_find_a_range_of_versions(self) -> None:
        old = make_node(version="4459.2.1")
        new = make_node(version="4593.2.0")
        make_node(version="")
        assert rows("os:<4593") == [old]
        assert rows("os:>=4593") == [new]
        assert rows("os:4459..4593") == [new, old]
        assert rows("os:4459") == [old]
        assert rows("os:>4459 os:<4593") == []
        assert ask("os:<4593").matching == 1

    def test_find_what_is_not(self) -> None:
        azure = make_node(oem="azure", group=None, state=State.UNASSIGNED)
        ami = make_node(oem="ami", is_dark=True)
        assert rows("-oem:ami") == [azure]
        assert rows("-group:stable") == [azure]
        assert rows("-is:unassigned") == [ami]
        assert rows("-group:stable -is:unassigned") == []
        assert rows("-is:dark") == [azure]
        assert rows("-oem:ami,azure") == []
        assert ask("-oem:ami").matching == 1
        assert ask("-group:stable").matching == 1
        assert ask("-is:unassigned").matching == 1

    def test_find_words_and_what_has_them_not(self) -> None:
        web = make_node(alias="web-1", name="front")
        db = make_node(alias="db-1")
        make_node(alias="web-2")
        assert rows("web front") == [web]
        assert rows("-web") == [db]
        assert rows("web -front")[0].alias == "web-2"
        assert rows("-10.0.0.0/8")[-1] == web

    def test_find_archived_nodes_when_they_are_asked_for(self) -> None:
        archived = nodes.archive(make_node(alias="old", version="4000.0.1"), by=None)
        kept = make_node(alias="older")
        assert rows("is:archived") == [archived]
        assert rows("is:archived os:<4459") == [archived]
        assert rows("old") == [kept, archived]
        assert rows("old -is:archived") == [kept]
        assert rows("old os:4000") == [archived]
        assert rows("") == [kept]

    def test_find_groups_by_name_and_by_number(self) -> None:
        node = make_node(group=seeded_group("beta"))
        make_node()
        key = seeded_group("beta").pk
        for name in ("beta", '"beta (amd64)"', f"#{key}"):
            assert rows(f"group:{name}") == [node], name
        assert rows("group:-") == []
        with pytest.raises(BadQuery, match="There is no group 'nowhere'"):
            rows("group:nowhere")

    def test_name_a_group_so_that_it_alone_is_meant(self) -> None:
        found = ask("")
        for key in found.groups:
            (term,) = read(f'group:"{named(key, found.groups, found.names)}"').terms
            assert found.keys(term) == [key]

    @pytest.mark.parametrize(
        ("text", "hours"),
        [
            ("seen:>6h", [7]),
            ("seen:>=6h", [6, 7]),
            ("seen:<6h", [5]),
            ("seen:<=6h", [5, 6]),
            ("seen:5h..6h", [5, 6]),
            ("-seen:5h..6h", [7]),
        ],
    )
    def test_find_by_when_a_node_was_heard(self, text: str, hours: list[int]) -> None:
        for hour in (5, 6, 7):
            make_node(alias=str(hour), last_seen_at=NOW - timedelta(hours=hour))
        assert sorted(int(node.alias) for node in rows(text)) == hours

    @pytest.mark.parametrize(
        ("text", "hours"),
        [
            ("hold_ends:<0s", [-1]),
            ("hold_ends:<=5h", [-1, 5]),
            ("hold_ends:0s..6h", [5, 6]),
            ("hold_ends:>5h", [6]),
            ("hold_ends:>=5h is:held", [5, 6]),
            ("-hold_ends:<6h", [0, 6, 99]),
        ],
    )
    def test_find_by_when_a_hold_ends(self, text: str, hours: list[int]) -> None:
        make_node(alias="0")
        make_node(alias="99", is_held=True, held_because="for good")
        for hour in (-1, 5, 6):
            until = NOW + timedelta(hours=hour)
            make_node(alias=str(hour), is_held=True, held_because="disk", held_until=until)
        assert sorted(int(node.alias) for node in rows(text)) == hours

    def test_agree_with_the_counters(self) -> None:
        for number in range(12):
            make_node(
                oem=("azure", "ami", "")[number % 3],
                version=("4459.2.1", "4593.2.1")[number % 2],
                is_dark=number % 4 == 0,
                group=seeded_group() if number % 5 else None,
            )
        stable = seeded_group().pk
        for text in (
            "-oem:ami os:<4593",
            "oem:-",
            "is:dark -oem:-",
            f"-group:#{stable} oem:azure",
        ):
            for reach in (EVERYWHERE, in_groups("stable"), in_groups("beta"), NOWHERE):
                found = ask(text, reach)
                assert found.matching == len(found.page().rows) == found.nodes.count()


class TestReach:
    def test_hides_what_is_beyond_it(self) -> None:
        here = make_node(alias="web-1", oem="azure")
        make_node(alias="web-2", oem="ami", group=seeded_group("beta"))
        make_node(alias="web-3", group=None, is_held=True, held_because="disk")
        stable = in_groups("stable")
        for text in ("", "web", "-oem:qemu", "seen:<1h", "-is:held", "os:4459", "-group:#9999"):
            assert rows(text, stable) == [here], text
        assert rows("is:held", stable) == []
        found = ask("", stable)
        assert found.matching == 1
        assert dict(found.tally.values["oem"]) == {"azure": 1}
        assert set(found.tally.values["group"]) == {seeded_group().pk}

    def test_knows_no_group_beyond_it_by_name(self) -> None:
        with pytest.raises(BadQuery):
            rows("group:beta", in_groups("stable"))
        make_node(group=seeded_group("beta"))
        assert rows(f"group:#{seeded_group('beta').pk}", in_groups("stable")) == []

    def test_of_nowhere_is_empty(self) -> None:
        make_node()
        assert rows("", NOWHERE) == []
        assert ask("", NOWHERE).matching == 0


class TestPages:
    def test_lead_through_every_node_once(self) -> None:
        made = [make_node().pk for _ in range(7)]
        seen, after = [], 0
        for _ in range(4):
            part = ask("").page(after, size=2)
            seen += [node.pk for node in part.rows]
            after = part.last
        assert seen == made[::-1]
        assert after == 0

    def test_read_on_through_windows_as_a_plain_list_would(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(finding, "_FEW_ROWS", 3)
        monkeypatch.setattr(walking, "FIRST_WINDOW", 2)
        old = NOW - timedelta(hours=9)
        made = [make_node(last_seen_at=old if number % 3 else NOW) for number in range(20)]
        wanted = [node.pk for node in made if node.last_seen_at == old][::-1]
        seen, after = [], 0
        for _ in range(len(wanted)):
            part = ask("seen:>6h").page(after, size=3)
            seen += [node.pk for node in part.rows]
            after = part.last
            if not after:
                break
        assert seen == wanted

    def test_stop_when_time_is_up_and_go_on_from_there(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(finding, "_FEW_ROWS", 3)
        monkeypatch.setattr(walking, "FIRST_WINDOW", 4)
        monkeypatch.setattr(walking, "PATIENCE_SECONDS", 0)
        oldest = make_node(last_seen_at=NOW - timedelta(hours=9))
        for _ in range(9):
            make_node()
        part = ask("seen:>6h").page()
        assert (part.rows, part.stopped, part.searched) == ([], True, 4)
        seen: list[Node] = []
        for _ in range(9):
            part = ask("seen:>6h").page(part.last)
            seen += part.rows
            if oldest in part.rows:
                break
        assert seen == [oldest]

    def test_look_at_no_row_that_the_counters_rule_out(self, django_assert_num_queries) -> None:
        make_node(oem="azure")
        rows("seen:<1h oem:ami")  # a counter's texts are read once a process
        with django_assert_num_queries(1):
            assert rows("seen:<1h oem:ami") == []
        archived = nodes.archive(make_node(alias="old", oem="gone"), by=None)
        assert rows("is:archived oem:gone") == [archived]
