"""What one run measured, and what all of them say together."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bench.database import Facts
from bench.load import OK, Result

BARE = "bare"
# A run beside which others took more of the machine than this says more of them than of us.
DISTURBED_PERCENT = 15.0


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of one server: what the load saw, what it cost, and what was recorded."""

    name: str
    result: Result
    server_cpu: float
    database_cpu: float | None = None
    recorded: Facts | None = None
    others_percent: float = 0.0

    @property
    def cost_us(self) -> float:
        """CPU of an answer on both ends and in the database."""
        cpu = self.server_cpu + (self.database_cpu or 0.0)
        return cpu * self.per_answer + self.result.own_cpu_us

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
        text += f" us  load {result.own_cpu_us:.0f} us  others {self.others_percent:.0f} %"
        bad = {status: n for status, n in result.statuses.items() if status != OK}
        return text + (f"  NOT 200: {bad}" if bad else "") + ("  LOST" if self.is_short else "")


@dataclass(frozen=True, slots=True)
class Summary:
    """The medians of a server's undisturbed runs, and what all of its runs recorded.

    `ratio` is of its rate to the bare application's; `cost_ratio` is of the CPU that the bare one
    needs for an answer, load generator included, to its own: what the ratio of rates becomes when
    nothing else wants the cores.
    """

    name: str
    runs: str
    per_second: float
    lowest: float
    highest: float
    ratio: float
    cost_ratio: float
    p50_ms: float
    p99_ms: float
    server_us: float
    database_us: float | None
    load_us: float
    hot_percent: float | None
    wal_bytes: float | None
    per_commit: float | None
    acknowledged: int
    recorded: int | None
    megabytes: float


def undisturbed(runs: Sequence[Measured]) -> Sequence[Measured]:
    """The runs that had the machine to themselves; all of them if none had."""
    return [run for run in runs if run.others_percent <= DISTURBED_PERCENT] or runs


def summarise(runs: Sequence[Measured], bare: Sequence[Measured], *, megabytes: float) -> Summary:
    """Put the runs of one server together, beside those of the bare application."""
    quiet, yardstick = undisturbed(runs), undisturbed(bare)
    rates = [run.result.per_second for run in quiet]
    costs = [run.database_cpu * run.per_answer for run in quiet if run.database_cpu is not None]
    recorded = [run.recorded for run in runs if run.recorded is not None]
    answered = sum(run.result.answered for run in runs)
    updates = sum(facts.updates for facts in recorded)
    commits = sum(facts.commits for facts in recorded)
    hot = sum(facts.hot_updates for facts in recorded)
    return Summary(
        name=runs[0].name,
        runs=f"{len(quiet)} of {len(runs)}",
        per_second=median(rates),
        lowest=min(rates),
        highest=max(rates),
        ratio=median(rates) / max(median(run.result.per_second for run in yardstick), 1),
        cost_ratio=median(run.cost_us for run in yardstick) / median(run.cost_us for run in quiet),
        p50_ms=median(run.result.p50_ms for run in quiet),
        p99_ms=median(run.result.p99_ms for run in quiet),
        server_us=median(run.server_cpu * run.per_answer for run in quiet),
        database_us=median(costs) if costs else None,
        load_us=median(run.result.own_cpu_us for run in quiet),
        hot_percent=100 * hot / updates if updates else None,
        wal_bytes=sum(facts.wal_bytes for facts in recorded) / answered if updates else None,
        per_commit=answered / commits if commits else None,
        acknowledged=answered,
        recorded=sum(facts.check_ins for facts in recorded) if recorded else None,
        megabytes=megabytes,
    )


_HEAD = (
    "| run | quiet runs | req/s median (min-max) | x bare | x bare by CPU | p50 / p99 ms |"
    " CPU us: server + database + load | memory MB | HOT % | WAL B | check-ins a commit |"
    " recorded / acknowledged |"
)


def _number(value: float | None, digits: int = 0) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def table(summaries: Sequence[Summary]) -> str:
    """All of it as a table in Markdown."""
    rows = [
        f"| {one.name} | {one.runs} |"
        f" {one.per_second:.0f} ({one.lowest:.0f}-{one.highest:.0f}) |"
        f" {one.ratio:.2f} | {one.cost_ratio:.2f} | {one.p50_ms:.1f} / {one.p99_ms:.1f} |"
        f" {one.server_us:.0f} + {_number(one.database_us)} + {one.load_us:.0f} |"
        f" {one.megabytes:.0f} | {_number(one.hot_percent, 1)} | {_number(one.wal_bytes)} |"
        f" {_number(one.per_commit, 1)} |"
        f" {'-' if one.recorded is None else f'{one.recorded} / {one.acknowledged}'} |"
        for one in summaries
    ]
    rule = "|" + " --- |" * (_HEAD.count("|") - 1)
    return "\n".join([_HEAD, rule, *rows])
