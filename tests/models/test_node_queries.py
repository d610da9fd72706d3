"""Lists find their nodes by an index, whatever the filter, and choose the narrowest."""

from collections.abc import Iterator

import pytest
from django.db import connection
from django.db.models import QuerySet

from oemupdates.domain.node import State
from oemupdates.models import Node, NodeCount
from oemupdates.models.node_queries import FEW, NO_GROUP, BadSearch, cheapest
from tests.services.makers import make_node, seeded_group

NAMES_ON_SQLITE = {"node_is_unique": "sqlite_autoindex_oemupdates_node_1"}


class TestCheapest:
    """Of a million nodes, fifty rows."""

    @pytest.mark.parametrize(
        ("wanted", "reach", "matching", "by"),
        [
            pytest.param({}, {}, 1_000_000, "", id="no filter"),
            pytest.param({"state": ["x"]}, {"state": 900_000}, 900_000, "state", id="one"),
            pytest.param(
                {"state": ["x"], "oem": ["y"]},
                {"state": 900_000, "oem": 100},
                90,
                "oem",
                id="the rarer of two",
            ),
            pytest.param(
                {"state": ["x", "y"]}, {"state": 950_000}, 950_000, "", id="several and common"
            ),
            pytest.param(
                {"state": ["x", "y"]}, {"state": 200}, 200, "state", id="several and rare"
            ),
            pytest.param(
                {"oem_basis": ["observed"], "version": ["1", "2"]},
                {"oem_basis": 10, "version": 40_000},
                10,
                "version",
                id="no index of its own",
            ),
            pytest.param({"oem_basis": ["x"]}, {"oem_basis": 10}, 10, "", id="no index at all"),
            pytest.param({"state": ["x"]}, {"state": 5}, 0, "state", id="nothing matches"),
        ],
    )
    def test_reads_as_few_rows_as_it_can(
        self, wanted: dict[str, list[str]], reach: dict[str, int], matching: int, by: str
    ) -> None:
        reach = {"": 1_000_000, **reach}
        assert cheapest(wanted, reach, matching=matching, rows=50) == by


@pytest.fixture
def nodes(db: None) -> None:
    for number in range(20):
        make_node(
            alias=f"web-{number}",
            name=f"Named {number}" if number % 2 else "",
            address=f"10.0.0.{number}",
            oem="azure" if number % 3 else "ami",
            is_dark=number == 3,
            is_held=number == 4,
            held_because="disk" if number == 4 else "",
        )


@pytest.fixture
def no_scans(nodes: None) -> Iterator[None]:
    """Let PostgreSQL find even twenty rows as it would find a million, where it can."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET enable_seqscan = off")
        yield
        if connection.vendor == "postgresql":
            cursor.execute("RESET enable_seqscan")


def plan(found: QuerySet[Node]) -> str:
    return found.explain()


@pytest.mark.usefixtures("no_scans")
class TestIndexes:
    @pytest.mark.parametrize(
        ("wanted", "by", "index"),
        [
            ({"state": [State.UP_TO_DATE.value]}, "state", "node_state"),
            ({"group": [1]}, "group", "node_group"),
            ({"group": [NO_GROUP]}, "group", "node_group"),
            ({"version": ["4459.2.1"]}, "version", "node_version"),
            ({"oem": ["azure"]}, "oem", "node_oem"),
            ({"oem": ["azure", "ami"]}, "oem", "node_oem"),
            ({"is_dark": [True]}, "is_dark", "node_dark"),
            ({"state": ["failed"], "oem": ["azure"]}, "oem", "node_oem"),
            ({"oem_basis": ["observed"]}, "", ""),
            ({"architecture": ["arm64"], "sysext": ["different"]}, "", ""),
        ],
    )
    def test_every_filter_has_one(
        self, wanted: dict[str, list[object]], by: str, index: str
    ) -> None:
        found = Node.objects.listed().having(wanted, by=by).order_by("-pk")[:51]
        shown = plan(found)
        if connection.vendor == "sqlite":
            # Without an index's name, SCAN is the walk in the order of keys: nothing is sorted.
            assert f"USING INDEX {index}" in shown if index else "SCAN" in shown
            assert ("TEMP B-TREE" in shown) is any(len(some) > 1 for some in wanted.values())
        else:
            assert "Index" in shown
            assert "Seq Scan" not in shown

    def test_held_nodes_have_one(self) -> None:
        found = Node.objects.listed().filter(is_held=True).having({"oem": ["azure"]})
        shown = plan(found.order_by("-pk")[:51])
        assert "Seq Scan" not in shown
        assert "node_held" in shown or connection.vendor == "postgresql"

    @pytest.mark.parametrize(
        ("text", "indexes"),
        [
            ("0000", ("node_is_unique", "node_alias", "node_name")),
            ("web-", ("node_is_unique", "node_alias", "node_name")),
            ("10.0.0.3", ("node_is_unique", "node_alias", "node_name", "node_address")),
            ("10.0.0.0/20", ("node_is_unique", "node_alias", "node_name", "node_address")),
        ],
    )
    def test_every_part_of_a_search_has_one(
        self, text: str, indexes: tuple[str, ...], django_assert_num_queries
    ) -> None:
        with django_assert_num_queries(len(indexes)) as asked:
            assert Node.objects.keys_found_by(text) is not None
        with connection.cursor() as cursor:
            for query, index in zip(asked.captured_queries, indexes, strict=True):
                explain = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
                cursor.execute(f"{explain} {query['sql']}")
                shown = str(cursor.fetchall())
                assert "Seq Scan" not in shown, query["sql"]
                assert NAMES_ON_SQLITE.get(index, index) in shown or (
                    connection.vendor == "postgresql" and index in shown
                ), query["sql"]

    def test_a_walk_of_many_found_uses_the_keys(self) -> None:
        shown = plan(Node.objects.read_for("web-").having({}).order_by("-pk")[:51])
        assert "TEMP B-TREE" not in shown
        assert "MULTI-INDEX" not in shown
        assert "Seq Scan" not in shown


@pytest.mark.usefixtures("nodes")
class TestHaving:
    @pytest.mark.parametrize("by", ["", "state", "oem"])
    def test_finds_the_same_by_whatever_index(self, by: str) -> None:
        wanted = {"state": ["up_to_date"], "oem": ["ami"], "is_dark": [False, True]}
        found = Node.objects.having(wanted, by=by)
        assert {node.alias for node in found} == {f"web-{number}" for number in range(0, 20, 3)}

    def test_finds_nodes_of_a_group_and_of_none(self) -> None:
        homeless = make_node(group=None)
        group = seeded_group().pk
        for by in ("", "group"):
            assert Node.objects.having({"group": [NO_GROUP]}, by=by).get() == homeless
            assert len(Node.objects.having({"group": [NO_GROUP, group]}, by=by)) == 21
            assert len(Node.objects.having({"group": [group]}, by=by)) == 20

    def test_wanting_no_value_at_all_finds_nothing(self) -> None:
        for column in ("state", "group", "version"):
            assert not Node.objects.having({column: []})

    def test_agrees_with_the_counters(self) -> None:
        for wanted in (
            {"oem": ["ami"]},
            {"oem": ["ami"], "is_dark": [True]},
            {"sysext": ["unknown"]},
            {"group": [seeded_group().pk], "state": ["up_to_date"]},
        ):
            assert NodeCount.objects.of(wanted).total() == Node.objects.having(wanted).count()


@pytest.mark.usefixtures("nodes")
class TestSearch:
    def test_finds_few_by_their_keys(self) -> None:
        keys = Node.objects.keys_found_by("web-1")
        assert keys == set(
            Node.objects.filter(alias__startswith="web-1").values_list("pk", flat=True)
        )

    def test_finds_the_same_row_by_row(self) -> None:
        for text in ("web-1", "named 3", "NAMED 3", "10.0.0.0/28", "10.0.0.7", "0000", "nobody"):
            keys = Node.objects.keys_found_by(text)
            assert keys == set(Node.objects.read_for(text).values_list("pk", flat=True)), text

    def test_says_when_they_are_many(self) -> None:
        Node.objects.bulk_create(
            Node(
                machine_id=f"m{number}",
                application="x",
                state="new",
                alias=f"db-{number}",
                first_seen_at="2026-01-01T00:00Z",
                last_seen_at="2026-01-01T00:00Z",
            )
            for number in range(FEW + 1)
        )
        assert Node.objects.keys_found_by("db-") is None
        keys = Node.objects.keys_found_by("db-1")
        assert keys is not None
        assert len(keys) == 111

    def test_finds_machine_ids_with_every_character_they_may_hold(self) -> None:
        for end in ("", "-", ".", ":", "_", "0", "9", "A", "Z", "a", "z", "zz"):
            make_node(machine_id=f"Ab-1{end}")
        make_node(machine_id="Ab-2")
        keys = Node.objects.keys_found_by("Ab-1")
        assert keys is not None
        assert len(keys) == 12

    @pytest.mark.parametrize("text", ["0.0.0.0/0", "::/0"])
    def test_refuses_every_address_at_once(self, text: str) -> None:
        with pytest.raises(BadSearch, match="is every address"):
            Node.objects.keys_found_by(text)


@pytest.mark.django_db
class TestHeld:
    def test_is_of_the_groups_that_are_asked_about(self) -> None:
        here = make_node(is_held=True, held_because="disk")
        there = make_node(is_held=True, held_because="disk", group=seeded_group("beta"))
        nowhere = make_node(is_held=True, held_because="disk", group=None)
        make_node()
        make_node(is_held=True, held_because="disk", is_archived=True)
        assert set(Node.objects.held()) == {here, there, nowhere}
        assert set(Node.objects.held([seeded_group().pk])) == {here}
        assert set(Node.objects.held([])) == set()

    def test_looks_among_the_held_alone(self) -> None:
        plan = Node.objects.held([seeded_group().pk]).order_by("-pk").explain()
        if connection.vendor == "sqlite":
            assert "node_held" in plan
