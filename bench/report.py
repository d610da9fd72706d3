"""What one run measured, and what all of them say together."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bench.database import Facts
from bench.load import NONE, OK, Result

BARE = "bare"


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of one server: what the load saw, what it cost, and what was recorded."""

    name: str
    result: Result
    server_cpu: float
    database_cpu: float | None = None
    recorded: Facts | None = None

    @property
    def per_answer(self) -> float:
        """Microseconds of a second of cost, spread over the answers."""
        return 1e6 / max(self.result.answered, 1)

    @property
    def is_short(self) -> bool:
        """Whether less was recorded than acknowledged: the one thing that must never be."""
        recorded, said = self.recorded, self.result.acknowledged
        if recorded is None:
            return False
        return (
            recorded.check_ins < self.result.answered
            or recorded.nodes < said.get("new", 0)
            or recorded.counted != recorded.nodes
        )

    def line(self) -> str:
        """The run in one line."""
        result = self.result
        text = f"{self.name:<16} {result.per_second:>7.0f}/s  p50 {result.p50_ms:>5.1f} ms"
        text += f"  p99 {result.p99_ms:>5.1f} ms  server {self.server_cpu * self.per_answer:>4.0f}"
        if self.database_cpu is not None:
            text += f" + database {self.database_cpu * self.per_answer:>3.0f}"
        text += f" us  load {result.own_cpu_us:.0f} us"
        bad = {status: n for status, n in result.statuses.items() if status != OK}
        return text + (f"  NOT 200: {bad}" if bad else "") + ("  LOST" if self.is_short else "")


@dataclass(frozen=True, slots=True)
class Summary:
    """The medians of a server's runs; `ratio` is to the bare application's, round by round."""

    name: str
    per_second: float
    lowest: float
    highest: float
    ratio: float
    p50_ms: float
    p99_ms: float
    server_us: float
    database_us: float | None
    hot_percent: float | None
    wal_bytes: float | None
    per_commit: float | None
    acknowledged: int
    recorded: int | None
    unanswered: int
    megabytes: float


def summarise(runs: Sequence[Measured], bare: Sequence[Measured], *, megabytes: float) -> Summary:
    """Put the runs of one server together; each has the bare run of its round beside it."""
    rates = [run.result.per_second for run in runs]
    ratios = [
        run.result.per_second / max(yardstick.result.per_second, 1)
        for run, yardstick in zip(runs, bare, strict=True)
    ]
    recorded = [run.recorded for run in runs if run.recorded is not None]
    answered = sum(run.result.answered for run in runs)
    database = [run.database_cpu * run.per_answer for run in runs if run.database_cpu is not None]
    updates = sum(facts.updates for facts in recorded)
    commits = sum(facts.commits for facts in recorded)
    return Summary(
        name=runs[0].name,
        per_second=median(rates),
        lowest=min(rates),
        highest=max(rates),
        ratio=median(ratios),
        p50_ms=median(run.result.p50_ms for run in runs),
        p99_ms=median(run.result.p99_ms for run in runs),
        server_us=median(run.server_cpu * run.per_answer for run in runs),
        database_us=median(database) if database else None,
        hot_percent=(
            100 * sum(facts.hot_updates for facts in recorded) / updates if updates else None
        ),
        wal_bytes=sum(facts.wal_bytes for facts in recorded) / answered if updates else None,
        per_commit=answered / commits if commits else None,
        acknowledged=answered,
        recorded=sum(facts.check_ins for facts in recorded) if recorded else None,
        unanswered=sum(run.result.statuses.get(NONE, 0) + run.result.unfinished for run in runs),
        megabytes=megabytes,
    )


_HEAD = (
    "| run | req/s median (min-max) | x bare | p50 / p99 ms | CPU us: server + database |"
    " memory MB | HOT % | WAL B | check-ins a commit | recorded / acknowledged |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
)


def _number(value: float | None, digits: int = 0) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def table(summaries: Sequence[Summary]) -> str:
    """All of it as a table in Markdown."""
    rows = [
        f"| {one.name} | {one.per_second:.0f} ({one.lowest:.0f}-{one.highest:.0f}) |"
        f" {one.ratio:.2f} | {one.p50_ms:.1f} / {one.p99_ms:.1f} |"
        f" {one.server_us:.0f} + {_number(one.database_us)} | {one.megabytes:.0f} |"
        f" {_number(one.hot_percent, 1)} | {_number(one.wal_bytes)} |"
        f" {_number(one.per_commit, 1)} |"
        f" {'-' if one.recorded is None else f'{one.recorded} / {one.acknowledged}'} |"
        for one in summaries
    ]
    return "\n".join([_HEAD, *rows])
