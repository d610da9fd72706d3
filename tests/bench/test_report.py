"""What the runner makes of its measurements."""

from dataclasses import replace

import pytest

from bench.__main__ import compare, read_options
from bench.database import Facts, uri
from bench.load import Result
from bench.report import Measured, Summary, summarise, table

pytestmark = pytest.mark.once


def measured(
    per_second: float, *, answered: int = 1000, recorded: Facts | None = None, name: str = "bare"
) -> Measured:
    result = Result(
        per_second=per_second,
        p50_ms=1.0,
        p99_ms=5.0,
        statuses={"200": answered},
        acknowledged={"routine": answered - 20, "new": 20},
        answered=answered,
        own_cpu_us=10.0,
    )
    return Measured(name, result, 0.1, 0.05 if recorded else None, recorded)


def recorded(**values: int) -> Facts:
    facts = {
        "nodes": 20,
        "check_ins": 1000,
        "events": 30,
        "counted": 20,
        "updates": 980,
        "hot_updates": 950,
        "wal_bytes": 400_000,
        "commits": 50,
    }
    return Facts(**facts | values)


def summed(*rates: tuple[float, float]) -> Summary:
    ours = [measured(rate, recorded=recorded(), name="routine 10") for rate, _ in rates]
    return summarise(ours, [measured(bare) for _, bare in rates], megabytes=120)


def test_compares_medians() -> None:
    summary = summed((3000, 10_000), (1500, 5000), (900, 3000))
    assert summary.ratio == pytest.approx(0.3)
    # 100 us of server, 50 of database and 10 of load against 100 of server and 10 of load.
    assert summary.cost_ratio == pytest.approx(110 / 160)


def test_looks_at_the_runs_that_nobody_disturbed() -> None:
    quiet = measured(4000)
    disturbed = replace(measured(1000), others_percent=40.0)
    summary = summarise([disturbed, quiet, disturbed], [measured(8000)], megabytes=1)
    assert (summary.per_second, summary.ratio, summary.runs) == (4000, 0.5, "1 of 3")
    summary = summarise([disturbed, disturbed], [measured(8000)], megabytes=1)
    assert (summary.per_second, summary.runs) == (1000, "2 of 2")


def test_counts_what_disturbed_runs_recorded_too() -> None:
    run = replace(measured(1000, recorded=recorded()), others_percent=40.0)
    summary = summarise([run, measured(1000, recorded=recorded())], [measured(1)], megabytes=1)
    assert (summary.recorded, summary.acknowledged) == (2000, 2000)


def test_spreads_costs_over_the_answers() -> None:
    summary = summed((3000, 10_000))
    assert (summary.server_us, summary.database_us) == (pytest.approx(100), pytest.approx(50))
    assert summary.hot_percent == pytest.approx(96.9, abs=0.1)
    assert summary.wal_bytes == pytest.approx(400)
    assert summary.per_commit == pytest.approx(20)
    assert (summary.recorded, summary.acknowledged) == (1000, 1000)


@pytest.mark.parametrize(
    ("facts", "short"),
    [
        ({}, False),
        ({"check_ins": 1003}, False),
        ({"check_ins": 999}, True),
        ({"nodes": 19, "counted": 19}, True),
        ({"counted": 21}, True),
    ],
)
def test_sees_what_was_not_recorded(facts: dict[str, int], short: bool) -> None:  # noqa: FBT001
    run = measured(3000, recorded=recorded(**facts))
    assert run.is_short is short
    assert run.line().endswith("LOST") is short


def test_says_what_was_not_answered_well() -> None:
    run = measured(3000)
    run.result.statuses["503"] = 7
    assert run.line().endswith("NOT 200: {'503': 7}")


def test_prints_a_table() -> None:
    lines = table([summed((3000, 10_000)), summarise([measured(9)], [measured(9)], megabytes=5)])
    head, rule, ours, bare = lines.splitlines()
    assert head.count("|") == rule.count("|") == ours.count("|") == bare.count("|")
    assert "| 0.30 | 0.69 |" in ours
    assert "1000 / 1000" in ours
    assert bare.startswith("| bare | 1 of 1 | 9 (9-9) | 1.00 | 1.00 |")


def test_compares_sizes_and_modes() -> None:
    def named(name: str, rate: float) -> Summary:
        run = measured(rate, name=name)
        return summarise([run], [measured(10_000)], megabytes=1)

    assert compare(
        [
            named("bare", 10_000),
            named("routine 1000", 4000),
            named("routine 100000", 3000),
            named("limit 1000", 4400),
            named("limit 100000", 3300),
        ]
    ) == [
        "routine 100000 : routine 1000 = 0.75",
        "limit 1000 : routine 1000 = 1.10",
        "limit 100000 : limit 1000 = 0.75",
        "limit 100000 : routine 100000 = 1.10",
    ]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgres://u:p@db.example.net/fleet", "postgres://u:p@db.example.net/fleet"),
        ("postgres://postgres@//run/pg/fleet", "postgres://postgres@/fleet?host=/run/pg"),
    ],
)
def test_names_databases_as_libpq_does(url: str, expected: str) -> None:
    assert uri(url) == expected


def test_sqlite_is_one_process() -> None:
    assert read_options(["--sqlite", "--workers", "4"]).workers == 1
    assert read_options([]).workers == 2
    assert list(read_options([]).nodes) == [10_000, 1_000_000]


def test_a_quick_run_is_small() -> None:
    quick = read_options(["--quick"])
    assert (list(quick.nodes), quick.rounds) == ([2000], 2)
