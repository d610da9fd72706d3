"""What axe finds on a page, by the rules of WCAG 2.2 AA."""

from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
LOOK = """options => axe.run(options).then(found => found.violations.flatMap(fault =>
  fault.nodes.slice(0, 3).map(node =>
    `${fault.id}: ${node.html.slice(0, 200)} (${node.failureSummary.slice(0, 300)})`)))"""


def faults(page: Page, **options: Any) -> list[str]:
    """What axe finds, in a line for each place; a page is given axe once."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    chosen = {"runOnly": {"type": "tag", "values": WCAG}, "resultTypes": ["violations"], **options}
    found: list[str] = page.evaluate(LOOK, chosen)
    return found
