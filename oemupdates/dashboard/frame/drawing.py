"""Numbers as pictures: what a page gives to the parts that draw. Nothing here asks a database."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

# Steps of a heat map's colour, and colours of a chart.
LEVELS = 5
SHADES = 5
SPARK_WIDTH, SPARK_HEIGHT = 100.0, 28.0
# A share that is not nothing is drawn at least this wide, in percent.
LEAST_WIDTH = 0.6


class Cell(NamedTuple):
    """A number of a heat map, and the list behind it; no address, no link.

    `note` stands below the number, and `warning` below that, with a list of its own.
    """

    number: int
    url: str = ""
    level: int = 0
    note: str = ""
    warning: str = ""
    warning_url: str = ""


class Row(NamedTuple):
    """A row of a heat map."""

    label: str
    url: str
    cells: list[Cell]


@dataclass(frozen=True, slots=True)
class HeatMap:
    """A table whose cells are the darker, the larger their numbers: `columns` name them."""

    corner: str
    columns: list[str]
    rows: list[Row]
    tone: str = "busy"

    @property
    def levelled(self) -> list[Row]:
        """The rows, each cell with its step of colour: none for 0, the last for the largest."""
        most = max((cell.number for row in self.rows for cell in row.cells), default=0) or 1
        return [
            row._replace(
                cells=[cell._replace(level=-(-cell.number * LEVELS // most)) for cell in row.cells]
            )
            for row in self.rows
        ]


class Stage(NamedTuple):
    """A part of a stage bar: so many of the whole are there."""

    label: str
    number: int
    tone: str
    url: str = ""


def percent(part: int, whole: int) -> str:
    """A share in whole percent, which says 0 and 100 of none and of all alone."""
    share = part * 100 / whole if whole else 0.0
    if 0 < share < 1:
        return "<1%"
    return f"{min(round(share), 99) if part < whole else round(share)}%"


class Piece(NamedTuple):
    """A drawn share, in percent of the whole."""

    tone: str
    start: str
    width: str


def pieces(shares: Sequence[tuple[str, float]], whole: float) -> list[Piece]:
    """Shares of a whole, side by side; even the smallest can be seen."""
    drawn, start = [], 0.0
    for tone, amount in shares:
        share = amount / (whole or 1.0) * 100
        width = max(share, LEAST_WIDTH) if share else 0.0
        drawn.append(Piece(tone, f"{start:.2f}", f"{width:.2f}"))
        start += width
    return drawn


class Series(NamedTuple):
    """A line or a layer of a chart: a value for each of its times, None where none is known."""

    label: str
    values: list[float | None]
    url: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """Values over time, drawn by the browser; the table and the summary say the same.

    `summary` is a sentence. `is_stacked` puts the series on one another. `name` is the id of the
    chart on its page.
    """

    name: str
    title: str
    times: list[datetime]
    series: list[Series]
    summary: str
    is_stacked: bool = False
    unit: str = "nodes"
    days_only: bool = field(default=False)

    @property
    def data(self) -> str:
        """What the browser draws, as JSON."""
        return json.dumps(
            {
                "times": [int(time.timestamp()) for time in self.times],
                "series": [
                    {"label": one.label, "shade": index % SHADES, "values": one.values}
                    for index, one in enumerate(self.series)
                ],
                "stacked": self.is_stacked,
                "unit": self.unit,
            },
            separators=(",", ":"),
        )

    @property
    def legend(self) -> list[tuple[int, Series]]:
        """The series, each with the number of its colour."""
        return [(index % SHADES, one) for index, one in enumerate(self.series)]

    @property
    def table(self) -> list[tuple[datetime, list[float | None]]]:
        """The times, newest first, each with the value of every series."""
        rows = [
            (time, [one.values[index] for one in self.series])
            for index, time in enumerate(self.times)
        ]
        return rows[::-1]


def spark(values: Sequence[float]) -> tuple[str, str]:
    """A small line as an SVG path, and the area under it; empty for fewer than two values."""
    if len(values) < 2:  # noqa: PLR2004 - a line has two ends
        return "", ""
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    step = SPARK_WIDTH / (len(values) - 1)
    points = [
        f"{index * step:.1f} {SPARK_HEIGHT - 2 - (value - low) / span * (SPARK_HEIGHT - 4):.1f}"
        for index, value in enumerate(values)
    ]
    line = "M" + "L".join(points)
    return line, f"{line}L{SPARK_WIDTH:.0f} {SPARK_HEIGHT:.0f}L0 {SPARK_HEIGHT:.0f}Z"
