"""Labels: one value a key, counted where they are written, found by the query box."""

import pytest
from django.db import IntegrityError

from oemupdates.domain.access import EVERYWHERE
from oemupdates.domain.query_reading import read
from oemupdates.models import Label, Node, NodeLabel
from oemupdates.services.finding import finding, walking
from oemupdates.services.nodes import labels, nodes
from oemupdates.services.nodes.labels import BadLabel, CannotLabel, CannotUnlabel
from tests.services.makers import NOW, last_activity, make_node, make_operator

pytestmark = pytest.mark.django_db


def carried(node: Node) -> list[str]:
    return [str(row.label) for row in node.labels.select_related("label")]


def numbers() -> dict[str, int]:
    """What the labels say of how many nodes carry them, once it is true."""
    said = {str(label): label.nodes for label in Label.objects.all()}
    counted = {str(label): label.carriers.count() for label in Label.objects.all()}
    assert said == counted
    return {label: number for label, number in said.items() if number}


def found(text: str) -> list[Node]:
    return finding.find(read(text), EVERYWHERE, now=NOW).page().rows


class TestRead:
    @pytest.mark.parametrize(
        "text", ["canary", "rack=7", "a/b.c-d=x:/@+_", "k" * 63, "k=" + "v" * 128]
    )
    def test_takes_keys_with_and_without_a_value(self, text: str) -> None:
        assert str(labels.read(f" {text} ")) == text

    @pytest.mark.parametrize(
        "text", ["", "=7", "-a", "a-", "k" * 64, "k=" + "v" * 129, "a b", "a=b c", "ä"]
    )
    def test_refuses_what_is_no_label(self, text: str) -> None:
        with pytest.raises(BadLabel):
            labels.read(text)


class TestLabel:
    def test_writes_one_value_a_key(self) -> None:
        node, by = make_node(), make_operator()
        labels.label(node, "rack=7", by=by)
        labels.label(node, "canary", by=by, why="first")
        labels.label(node, "rack=8", by=by)
        assert carried(node) == ["canary", "rack=8"]
        assert numbers() == {"canary": 1, "rack=8": 1}
        row = last_activity()
        assert (row.verb, row.before, row.after) == (
            "node.labelled",
            {"label": "rack=7"},
            {"label": "rack=8"},
        )

    def test_refuses_what_the_node_carries_and_what_is_too_many(self) -> None:
        node = make_node()
        for number in range(labels.MOST_LABELS):
            labels.label(node, f"k{number}", by=None)
        with pytest.raises(CannotLabel, match="carries k0 already"):
            labels.label(node, "k0", by=None)
        with pytest.raises(CannotLabel, match="as many as a node may"):
            labels.label(node, "one-more", by=None)
        labels.label(node, "k0=x", by=None)
        assert len(numbers()) == labels.MOST_LABELS

    def test_is_taken_off_again(self) -> None:
        node = make_node()
        labels.label(node, "rack=7", by=None)
        labels.unlabel(node, "rack", by=None)
        assert carried(node) == []
        assert numbers() == {}
        assert last_activity().before == {"label": "rack=7"}
        with pytest.raises(CannotUnlabel, match="carries no label rack"):
            labels.unlabel(node, "rack", by=None)


class TestFinding:
    def test_finds_by_key_and_by_value(self) -> None:
        seven, eight, none = make_node(), make_node(oem="azure"), make_node()
        labels.label(seven, "rack=7", by=None)
        labels.label(seven, "canary", by=None)
        labels.label(eight, "rack=8", by=None)
        assert found("label:rack=7") == [seven]
        assert found("label:rack") == [eight, seven]
        assert found("label:rack=7,rack=8") == [eight, seven]
        assert found("label:rack,canary") == [eight, seven]
        assert found("label:rack label:canary") == [seven]
        assert found("label:rack oem:azure") == [eight]
        assert found("label:rack -label:canary") == [eight]
        assert found("-label:rack") == [none]
        assert found("label:nothing") == []
        assert found("label:rack=9") == []

    def test_leads_through_all_carriers_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(walking, "CARRIERS", 3)
        made = [make_node() for _ in range(11)]
        for node in made[::2]:
            labels.label(node, "rack=7", by=None)
        nodes.archive(made[4], by=None)
        seen, after = [], 0
        for _ in range(9):
            part = finding.find(read("label:rack=7"), EVERYWHERE, now=NOW).page(after, size=2)
            seen += part.rows
            after = part.last
            if not after:
                break
        assert seen == [node for node in made[::-2] if node != made[4]]

    def test_stops_when_time_is_up_and_goes_on(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(walking, "CARRIERS", 2)
        monkeypatch.setattr(walking, "PATIENCE_SECONDS", 0)
        made = [make_node(oem="" if number else "azure") for number in range(5)]
        for node in made:
            labels.label(node, "rack=7", by=None)
        ask = finding.find(read("label:rack=7 oem:azure"), EVERYWHERE, now=NOW)
        part = ask.page()
        assert (part.rows, part.stopped, part.searched) == ([], True, 2)
        part = ask.page(part.last)
        assert ask.page(part.last).rows == [made[0]]


def test_a_node_carries_one_value_of_a_key_whoever_writes() -> None:
    node = make_node()
    labels.label(node, "rack=7", by=None)
    other = Label.objects.create(key="rack", value="8")
    with pytest.raises(IntegrityError):
        NodeLabel.objects.create(node=node, label=other, key="rack")
