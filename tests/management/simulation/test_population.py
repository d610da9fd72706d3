"""Who lives in a simulated fleet."""

from collections import Counter
from pathlib import Path

import pytest

from oemupdates.domain.shipped import SHIPPED
from oemupdates.management.simulation.habits import Chances
from oemupdates.management.simulation.others import PxeNode, Syncer
from oemupdates.management.simulation.population import (
    OEMS,
    UNKNOWN_TRACKS,
    Shares,
    recall,
    remember,
    settle,
)
from oemupdates.management.simulation.step import Node, Post
from oemupdates.management.simulation.stock import StockNode
from tests.management.simulation.answers import noupdate, offer
from tests.management.simulation.story import play

pytestmark = pytest.mark.once


def bodies(nodes: list[Node]) -> list[bytes]:
    return [node.step.body for node in nodes if isinstance(node.step, Post)]


def test_the_same_seed_makes_the_same_fleet() -> None:
    assert bodies(settle(300, seed=3)[0]) == bodies(settle(300, seed=3)[0])
    assert not set(bodies(settle(300, seed=3)[0])) & set(bodies(settle(300, seed=4)[0]))


def test_two_hundred_nodes_are_of_every_kind() -> None:
    nodes, _ = settle(200)
    assert len(nodes) == 200
    assert sum(isinstance(node, PxeNode) for node in nodes) == 4
    assert sum(isinstance(node, Syncer) for node in nodes) == 1
    stock = [node for node in nodes if isinstance(node, StockNode)]
    assert sum('"' in node.facts.alias for node in stock) == 1
    assert sum(node.facts.track in UNKNOWN_TRACKS for node in stock) == 4
    assert sum(node.facts.oem_version.startswith("sysext/") for node in stock) == 24
    assert {node.facts.oem for node in stock} == set(OEMS) - {"none"} | {""}
    assert {node.facts.board for node in stock} == {"amd64-usr", "arm64-usr"}
    assert len({node.facts.machine_id for node in nodes}) == 200


@pytest.mark.parametrize("nodes", [1, 7, 19, 20, 21, 1000])
def test_shares_add_up(nodes: int) -> None:
    kinds = Shares().kinds(nodes)
    assert kinds.total() == nodes
    assert min(kinds.values()) >= (1 if nodes >= 20 else 0)


def test_no_node_has_an_oem_that_its_architecture_lacks() -> None:
    for node in settle(2000)[0]:
        known = SHIPPED.oems.get(node.facts.oem)
        assert known is None or node.facts.board.removesuffix("-usr") in known.architectures


def test_machine_and_board_agree() -> None:
    pairs = Counter((node.facts.board, node.facts.machine) for node in settle(500)[0])
    assert set(pairs) == {("amd64-usr", "x86_64"), ("arm64-usr", "aarch64")}


def test_tracks_may_be_given() -> None:
    nodes, _ = settle(50, shares=Shares(0, 0, 0, 0, 0), tracks=["berlin"])
    assert {node.facts.track for node in nodes} == {"berlin"}


def test_some_go_dark_when_asked_to() -> None:
    nodes, score = settle(100, shares=Shares(0, 0, 0, 0, 0), chances=Chances(dark=0.5))
    for node in nodes:
        play(node, *[noupdate()] * 12)
    silent = sum(node.step is None for node in nodes)
    assert 35 <= silent <= 65
    assert score["went dark"] == silent


def test_a_fleet_carries_on_where_it_stopped(tmp_path: Path) -> None:
    state = tmp_path / "fleet.json"
    nodes, _ = settle(40, seed=5)
    for node in nodes:
        for _ in range(12):
            answer = offer("4722.0.0", oem=node.facts.oem)
            play(node, answer if isinstance(node.step, Post) else None)
    ran = {node.facts.machine_id: node.facts.version for node in nodes}
    remember(nodes, state)
    again, _ = settle(40, seed=5, known=recall(state))
    assert {node.facts.machine_id: node.facts.version for node in again} == ran
    assert list(ran.values()).count("4722.0.0") > 20
    # Known to the server, they have nothing to tell of their first boot.
    assert not any(b'previousversion="0.0.0.0"' in body for body in bodies(again))


def test_nothing_is_remembered_before_the_first_run(tmp_path: Path) -> None:
    assert recall(tmp_path / "none.json") == {}
