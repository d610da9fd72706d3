"""Telling what a simulated node does, without a server."""

import re
from random import Random

from oemupdates.management.simulation.habits import Fate, Habits
from oemupdates.management.simulation.request import Facts
from oemupdates.management.simulation.step import (
    Fetch,
    Heard,
    Node,
    Outcome,
    Post,
    pretend,
)
from oemupdates.management.simulation.stock import StockNode
from tests.management.simulation.answers import EVENT_ANSWER, offer

WITH_BACKOFF = offer(more_action="")
SILENCE = Heard(None)
ROUTINE = "check 3/2"
DAY = 24 * 3600
EVENT = re.compile(
    r'<event eventtype="(\d+)" eventresult="(\d+)"(?: errorcode="(\d+)")?'
    r'(?: previousversion="(.*?)")?></event>'
)


def dice(seed: int = 1) -> Random:
    return Random(seed)  # noqa: S311 - the same every time is what a test wants


def make_node(
    *fates: Fate, seed: int = 1, oem: str = "azure", version: str = "4459.2.4", **habits: object
) -> StockNode:
    facts = Facts("ab" * 16, version, "stable", "0afc72a3", oem=oem, oem_version="2.9.1.1-r4")
    quick = {"reboots_after": (300, 300), **habits}
    return StockNode(facts, dice(seed), habits=Habits(**quick), fates=fates)


def told(post: Post) -> str:
    """A post in a few words: kind, event, the flags of its error code by name, and the code."""
    words = [str(post.kind)]
    for kind, result, code, previous in EVENT.findall("".join(post.parts)):
        words.append(f"{kind}/{result}")
        flags = {"custom": 28, "resumed": 30}
        words += [name for name, bit in flags.items() if code and int(code) >> bit & 1]
        words += [str(int(code) & 0x0FFFFFFF)] if code else []
        words += [f"from {previous}"] if previous else []
    return " ".join(words)


def play(node: Node, *outcomes: Outcome | None) -> list[str]:
    """Give outcomes in turn (None: as well as can be) and tell what the node did."""
    story = []
    for outcome in outcomes:
        step = node.step
        if isinstance(step, Post):
            story.append(told(step))
            node.take(outcome or EVENT_ANSWER)
        elif isinstance(step, Fetch):
            story.append(f"GET {step.url.rpartition('/')[2]} {step.range}".rstrip())
            node.take(outcome or pretend(step))
    return story


def wait_of(node: Node) -> float:
    assert node.step is not None
    return node.step.wait
