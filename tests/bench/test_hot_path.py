"""What a check-in may cost, in the form that no noise disturbs: statements, commits, queries."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence

import pytest
from django.db import connection
from django.db.backends.utils import CursorWrapper

from bench.nodes import PLACES, Mix, Mode, shuffle
from bench.seed import fill, finish, kinds, prepare
from oemupdates.models import Answer, Event, GroupBudget, Node, NodeCount, VersionInterval
from oemupdates.services.checkins.postgres_line import Line
from oemupdates.services.checkins.store_sqlite import SqliteStore
from oemupdates.services.counters import counters
from tests.bench.flood import flood, routine_wave

NODES = 1000
# 256 check-ins are one batch at most.
BATCHES = 4

pytestmark = pytest.mark.django_db(transaction=True)
postgresql = pytest.mark.skipif(
    "connection.vendor != 'postgresql'", reason="about PostgreSQL's own statistics"
)


def seed(mode: Mode, nodes: int = NODES) -> None:
    group = prepare(mode)
    fill(nodes, kinds(mode, group, under_way=PLACES), kinds(mode, group, under_way=0))
    finish()


@pytest.fixture(params=list(Mode))
def mode(request: pytest.FixtureRequest) -> Mode:
    seed(request.param)
    return Mode(request.param)


@pytest.fixture
def spent(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Statements by name and round trips of whatever takes check-ins."""
    counted: Counter[str] = Counter()
    exchange = Line.exchange
    connect = SqliteStore._connect

    async def exchange_counted(
        line: Line, *commands: tuple[str, Sequence[bytes | None]]
    ) -> list[list[tuple[object, ...]]]:
        counted["round trips"] += 1
        counted.update(name for name, _ in commands)
        return await exchange(line, *commands)

    def connect_counted(store: SqliteStore) -> object:
        opened = connect(store)
        opened.set_trace_callback(lambda sql: counted.update([sql.split()[0].lower()]))
        return opened

    monkeypatch.setattr(Line, "exchange", exchange_counted)
    monkeypatch.setattr(SqliteStore, "_connect", connect_counted)
    return counted


class TestAThousandCheckIns:
    def test_cost_four_commits(self, mode: Mode, spent: Counter[str]) -> None:
        wave = routine_wave(NODES, mode)
        answers = flood(wave[:1], wave, between=lambda _: spent.clear())
        assert {answer.status for answer in answers} == {200}
        assert spent["commit"] == BATCHES

    def test_cost_two_round_trips_a_commit(self, mode: Mode, spent: Counter[str]) -> None:
        wave = routine_wave(NODES, mode)
        flood(wave[:1], wave, between=lambda _: spent.clear())
        if connection.vendor == "postgresql":
            assert spent["round trips"] == 2 * BATCHES
            del spent["round trips"]
            # Begin, lock, configuration, nodes, touch, commit; new numbers once in 512 nodes.
            assert spent.total() <= 6 * BATCHES + 2
            assert spent["write"] == 0
        else:
            # One update a node, and seven statements around them.
            assert spent["update"] == NODES
            assert spent.total() <= NODES + 7 * BATCHES

    def test_leave_nothing_but_signs_of_life(self, mode: Mode) -> None:
        tables = (VersionInterval, Answer, Event, NodeCount)
        before = [list(table.objects.order_by("pk").values()) for table in tables]
        budgets = list(GroupBudget.objects.values())
        flood(routine_wave(NODES, mode))
        assert [list(table.objects.order_by("pk").values()) for table in tables] == before
        assert list(GroupBudget.objects.values()) == budgets
        assert set(Node.objects.values_list("check_in_count", flat=True)) == {1}

    def test_ask_the_orm_nothing(self, mode: Mode, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[str] = []
        execute = CursorWrapper.execute

        def execute_noted(
            cursor: CursorWrapper, sql: str, params: Mapping[str, object] | None = None
        ) -> object:
            asked.append(sql)
            return execute(cursor, sql, params)

        monkeypatch.setattr(CursorWrapper, "execute", execute_noted)
        deck = shuffle("http://t/", NODES, mode, size=NODES, run="orm", mix=Mix())
        bodies = [request.partition(b"\r\n\r\n")[2] for request in deck.requests]
        seen: list[int] = []
        flood(bodies[:1], bodies, between=lambda _: (seen.append(len(asked)), asked.clear()))
        assert seen[0] > 0, "reading the configuration was not seen either"
        assert asked == []

    def test_are_counted_as_a_recount_would(self, mode: Mode) -> None:
        assert counters.repair() == 0
        deck = shuffle("http://t/", NODES, mode, size=NODES, run="count", mix=Mix())
        answers = flood([request.partition(b"\r\n\r\n")[2] for request in deck.requests])
        assert {answer.status for answer in answers} == {200}
        assert Node.objects.count() == NODES + deck.sorts.count("new")
        assert sum(Node.objects.values_list("check_in_count", flat=True)) == NODES
        assert counters.repair() == 0


class TestHeldBackByALimit:
    def test_costs_the_same_however_many_wait(self, spent: Counter[str]) -> None:
        group = prepare(Mode.LIMIT)
        waiting = kinds(Mode.LIMIT, group, under_way=PLACES)
        placed = kinds(Mode.LIMIT, group, under_way=0)
        costs = []
        for nodes in (200, NODES):
            NodeCount.objects.all().delete()
            Node.objects.all().delete()
            fill(nodes, waiting, placed)
            finish()
            wave = routine_wave(200, Mode.LIMIT)[100:]
            flood(wave[:1], wave, between=lambda _: spent.clear())
            costs.append(dict(spent))
        assert costs[0] == costs[1]

    def test_offers_as_many_as_the_limit_says(self) -> None:
        seed(Mode.LIMIT, 300)
        answers = flood(routine_wave(300, Mode.LIMIT))
        assert sum(bool(answer.offered) for answer in answers) == PLACES


@postgresql
class TestUpdates:
    """In batches as small against the table as real ones are: a page gets one or two at once.

    A server frees room late while it also works for the tests beside, in another database: what
    that does to a share is noise, and the best of a few runs says what the statements do. An
    index on what check-ins write would leave nothing in place in any of them.
    """

    WAVE, RUNS = 25, 3

    def test_of_routine_check_ins_are_in_place(self) -> None:
        seed(Mode.ROUTINE)
        shares = []
        for _ in range(self.RUNS):
            total, hot, _events = self.spend(Mix(events=0, new=0))
            # A node that is twice in a batch is written once.
            assert 4.9 * NODES < total <= 5 * NODES
            shares.append(hot / total)
            if shares[-1] > 0.95:
                break
        assert max(shares) > 0.95

    def test_of_a_whole_mix_are_in_place_but_for_those_that_move_a_node(self) -> None:
        seed(Mode.ROUTINE)
        shares = []
        for _ in range(self.RUNS):
            total, hot, events = self.spend(Mix())
            # An event moves a node to another state, the next check-in back again; what each
            # leaves behind takes room in a small table until nobody can see it any more.
            shares.append(hot / (total - 2 * events))
            if shares[-1] > 0.85:
                break
        assert max(shares) > 0.85

    def spend(self, mix: Mix) -> tuple[int, int, int]:
        """Let a load check in; rows of nodes updated, those in place, and events told."""
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE oemupdates_node")
        before = updates()
        deck = shuffle("http://t/", NODES, Mode.ROUTINE, size=5 * NODES, run="hot", mix=mix)
        bodies = [request.partition(b"\r\n\r\n")[2] for request in deck.requests]
        flood(*[bodies[at : at + self.WAVE] for at in range(0, len(bodies), self.WAVE)])
        # The store's connection tells what it did when it ends, which may be a moment later.
        deadline = time.monotonic() + 10
        while (after := updates()) == before and time.monotonic() < deadline:
            time.sleep(0.05)
        total, hot = (now - then for now, then in zip(after, before, strict=True))
        return total, hot, deck.sorts.count("event")


def updates() -> tuple[int, int]:
    """How many rows of nodes were updated so far, and how many of them in place."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush(), pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables"
            " WHERE relname = 'oemupdates_node'"
        )
        total, hot = cursor.fetchone()
    return total, hot
