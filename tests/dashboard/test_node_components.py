"""What a node's page says of its components."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from oemupdates.domain.report import read
from oemupdates.domain.sysupdate import Withheld
from oemupdates.models import Component, ComponentPoll, ComponentWant, Node
from oemupdates.services.components import component_wants
from oemupdates.services.drift import reports
from tests.api.component_maker import make_component
from tests.domain.test_report import DOCUMENT, report
from tests.services.makers import make_node, seeded_group

BOOT = DOCUMENT["bootid"]


@pytest.fixture
def node(heard: None) -> Node:
    return make_node(machine_id=DOCUMENT["machineid"], boot_id=f"{{{BOOT}}}", version="4593.2.1")


@pytest.fixture
def tool(heard: None) -> Component:
    tool = make_component("tool", "1.0.0", "1.1.0", "1.2.0")
    component_wants.want(seeded_group(), tool, up_to="1.1.0", by=None)
    return tool


def words(page: Client, node: Node) -> str:
    """The section's words; nothing if the page has none."""
    html = page.get(f"/nodes/{node.pk}/").content.decode()
    html = html.partition('id="components"')[2].partition("</section>")[0]
    return " ".join(re.sub(r"<[^>]*>", " ", html.replace("&#x27;", "'")).split())


def reported(node: Node, target: str = "", **given: Any) -> None:
    image = {"name": "tool", "merged": True, "target": target, "target_exists": True} | given
    said = report(extensions=[image] if target else [])
    reports.take(read(said), secret="", address=None, now=timezone.now())


def polled(node: Node, tool: Component, **given: Any) -> ComponentPoll:
    values = {"polled_at": timezone.now(), "boot_id": BOOT, "os_version": "4593.2.1"} | given
    return ComponentPoll.objects.create(node=node, component=tool, **values)


def test_nothing_is_said_of_a_node_without_any(page: Client, node: Node) -> None:
    make_component("tool", "1.0.0")
    assert words(page, node) == ""


def test_what_it_should_have_is_said_before_anything_is_heard(
    page: Client, node: Node, tool: Component
) -> None:
    assert "tool Not reported not reported 1.1.0 never" in words(page, node)


@pytest.mark.parametrize(
    ("version", "merged", "standing"),
    [
        ("1.0.0", True, "Behind"),
        ("1.1.0", True, "Up to date"),
        ("1.1.0", False, "For the next boot"),
        ("1.2.0", True, "Ahead"),
    ],
)
def test_what_it_has_is_held_against_what_it_should_have(
    page: Client, node: Node, tool: Component, version: str, *, merged: bool, standing: str
) -> None:
    reported(node, f"/opt/extensions/tool/tool-{version}-x86-64.raw", merged=merged)
    said = words(page, node)
    assert f"tool {standing} {version} observed 1.1.0" in said
    assert "stale" not in said
    Node.objects.update(boot_id="{later}")
    assert "observed stale" in words(page, node)


def test_a_report_without_it_or_with_another_file_tells_no_version(
    page: Client, node: Node, tool: Component
) -> None:
    reported(node)
    assert "tool Not there yet none observed 1.1.0" in words(page, node)
    reported(node, "/opt/extensions/mine.raw")
    assert "tool Not reported an image of no known version observed" in words(page, node)


def test_what_it_asked_was_shown_and_took_is_said(
    page: Client, node: Node, tool: Component
) -> None:
    ago = timezone.now() - timedelta(hours=3)
    poll = polled(node, tool, newest="1.1.0", took="1.1.0", took_at=ago)
    said = words(page, node)
    assert "tool Fetched not reported 1.1.0 just now 1.1.0 1.1.0 3 h ago" in said
    poll.took, poll.took_at = "", None
    poll.save()
    assert "tool Not reported" in words(page, node)


@pytest.mark.parametrize("reason", [one for one in Withheld if one is not Withheld.UNKNOWN_NODE])
def test_a_list_that_named_nothing_says_why(
    page: Client, node: Node, tool: Component, reason: Withheld
) -> None:
    polled(node, tool, withheld=reason.value)
    assert re.search(r"just now nothing [A-Z][^.]+\. nothing yet", words(page, node))


def test_what_it_said_otherwise_than_its_last_check_in_is_told(
    page: Client, node: Node, tool: Component
) -> None:
    Node.objects.update(last_seen_at=timezone.now())
    before = timezone.now() - timedelta(hours=1)
    poll = polled(node, tool, polled_at=before, os_version="4459.2.1", boot_id="another")
    said = words(page, node)
    assert "It has booted since." in said
    assert "It said OS 4459.2.1; its last check-in says 4593.2.1." in said
    poll.polled_at = timezone.now() + timedelta(minutes=1)
    poll.os_version = "4593.2.1"
    poll.save()
    said = words(page, node)
    assert "It had booted since its last check-in." in said
    assert "It said OS" not in said


def test_what_its_group_does_not_want_or_does_not_fit_is_said(
    page: Client, node: Node, tool: Component
) -> None:
    tool.images.update(bound_to="4081.2.0")
    component_wants.want(seeded_group(), tool, up_to="1.0.0", by=None)
    assert "tool None fits not reported no image fits" in words(page, node)
    ComponentWant.objects.all().delete()
    polled(node, tool)
    component_wants.want(seeded_group("beta"), tool, by=None)
    assert "tool Not wanted not reported nothing just now" in words(page, node)
