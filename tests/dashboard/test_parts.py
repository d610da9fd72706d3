"""The parts that pages are made of: what they draw, and what stands beside it in words."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from django import forms
from django.template import Context, Template

from oemupdates.dashboard.frame import drawing
from oemupdates.dashboard.frame.drawing import Cell, Chart, HeatMap, Row, Series, Stage

pytestmark = pytest.mark.once

HOSTILE = "\"><script>alert('x')</script>"


def render(source: str, **context: object) -> str:
    return Template(source).render(Context(context))


def make_chart(*, is_stacked: bool = False) -> Chart:
    start = datetime(2026, 9, 1, tzinfo=UTC)
    return Chart(
        name="shares",
        title="OS versions",
        times=[start + timedelta(days=day) for day in range(3)],
        series=[Series("4593.2.1", [0, 5, None], "/nodes/"), Series(HOSTILE, [9, 4, 2])],
        summary="4593.2.1 grew.",
        is_stacked=is_stacked,
    )


class TestChart:
    def test_gives_the_browser_numbers_and_names(self) -> None:
        data = json.loads(make_chart(is_stacked=True).data)
        assert data["times"] == [1788220800, 1788307200, 1788393600]
        assert data["series"][0] == {"label": "4593.2.1", "shade": 0, "values": [0, 5, None]}
        assert data["stacked"] is True

    def test_stands_beside_a_table_that_says_the_same(self) -> None:
        html = render("{% chart drawn %}", drawn=make_chart())
        cells = re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", html)
        assert cells[3:6] == ["2026-09-03 00:00", '<span class="mute">unknown</span>', "2"]
        assert "4593.2.1 grew." in html

    def test_holds_strangers_names_as_text(self) -> None:
        assert "<script>" not in render("{% chart drawn %}", drawn=make_chart())

    def test_begins_its_colours_anew_when_they_run_out(self) -> None:
        series = [Series(str(number), [1.0]) for number in range(drawing.SHADES + 1)]
        chart = Chart("n", "t", [datetime(2026, 9, 1, tzinfo=UTC)], series, "")
        assert [shade for shade, _series in chart.legend] == [0, 1, 2, 3, 4, 0]


class TestHeatMap:
    def test_colours_by_the_largest_number_and_nothing_for_none(self) -> None:
        cells = [Cell(0), Cell(1), Cell(20), Cell(21), Cell(100)]
        rows = HeatMap("corner", list("abcde"), [Row("row", "", cells)]).levelled
        assert [cell.level for cell in rows[0].cells] == [0, 1, 1, 2, 5]

    def test_is_a_table_with_links(self) -> None:
        heat_map = HeatMap("OEM", ["4593"], [Row("azure", "/a", [Cell(7, "/b")])])
        html = render("{% heat heat_map %}", heat_map=heat_map)
        assert '<th scope="row"><a href="/a">azure</a></th>' in html
        assert '<a class="level-5" href="/b">7</a>' in html

    def test_of_nothing_is_drawn(self) -> None:
        heat_map = HeatMap("OEM", ["4593"], [Row("azure", "", [Cell(0)])])
        assert heat_map.levelled[0].cells[0] == Cell(0)


class TestStages:
    def test_tells_each_number_beside_its_colour(self) -> None:
        entries = [Stage("Done", 3, "good", "/d"), Stage("Failed", 1, "bad")]
        html = render('{% stages entries "Rollout" %}', entries=entries)
        assert '<a href="/d">Done 3</a>' in html
        assert "Failed 1" in html
        assert "of 4" in html
        assert 'x="75.00%" width="25.00%"' in html

    def test_of_nothing_is_drawn(self) -> None:
        html = render('{% stages entries "Rollout" %}', entries=[Stage("Done", 0, "good")])
        assert "<rect" not in html


class TestSpark:
    def test_spans_its_box(self) -> None:
        line, area = drawing.spark([1, 3, 2])
        assert line == "M0.0 26.0L50.0 2.0L100.0 14.0"
        assert area.startswith(line)
        assert area.endswith("L100 28L0 28Z")

    @pytest.mark.parametrize("values", [[], [4]])
    def test_of_less_than_a_line_is_nothing(self, values: list[float]) -> None:
        assert render("{% spark values %}", values=values).strip() == ""

    def test_of_what_never_changed_is_flat(self) -> None:
        assert drawing.spark([5, 5])[0] == "M0.0 26.0L100.0 26.0"


class TestTile:
    def test_is_a_link_with_its_number(self) -> None:
        html = render('{% tile "Failed" 1234 "/nodes/" "alert-triangle" "bad" note="today" %}')
        assert 'href="/nodes/"' in html
        assert "<b>1,234</b>" in html
        assert "today" in html

    def test_of_nothing_is_quiet(self) -> None:
        assert "tile none" in render('{% tile "Failed" 0 "/nodes/" %}')


class TestField:
    class Form(forms.Form):
        name = forms.CharField(help_text="Shown to colleagues.")

    def test_ties_help_and_errors_to_the_input(self) -> None:
        html = render("{% field form.name %}", form=self.Form({"name": ""}))
        ids = set(re.findall(r'\sid="([^"]+)"', html))
        tied = re.search(r'aria-describedby="([^"]+)"', html)
        assert tied is not None
        assert set(tied[1].split()) == {"id_name_helptext", "id_name_error"} <= ids
        assert 'aria-invalid="true"' in html


@pytest.mark.parametrize(
    "source",
    [
        "{% copyable text %}",
        '{% copyable text "short" %}',
        "{% snippet %}{{ text }}{% endsnippet %}",
        "{% crumbs text text %}",
        '{% nothing "server" text text %}',
        "{% confirm text text text %}",
    ],
)
def test_a_part_holds_strangers_text_as_text(source: str) -> None:
    html = render(source, text=HOSTILE)
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_a_snippet_is_copied_as_it_is_shown() -> None:
    html = render("{% snippet %}\nSERVER={{ url }}\nGROUP=stable\n{% endsnippet %}", url="a&b")
    assert "<code>SERVER=a&amp;b\nGROUP=stable</code>" in html
