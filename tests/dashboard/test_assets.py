"""What browsers load: small, ours or vouched for, and all of it used."""

import gzip
import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

import oemupdates

ROOT = Path(oemupdates.__file__).parents[1]
STATIC, TEMPLATES = ROOT / "static", ROOT / "templates"
LISTED = re.compile(r"^\| `([^`]+)` \|.*\| `([0-9a-f]{64})` \|$", re.MULTILINE)
MOST_CSS = 12 * 1024
MOST_SCRIPT = 10_500
# A screen on a wall loads this one and no other.
WALL, MOST_ON_A_WALL = STATIC / "wallboard.js", 2 * 1024

pytestmark = pytest.mark.once


def test_what_is_not_ours_is_what_it_was_when_it_came() -> None:
    listed = dict(LISTED.findall((STATIC / "vendor/VENDORED.md").read_text()))
    vendored = [*(STATIC / "vendor").rglob("*"), *(TEMPLATES / "icons").iterdir()]
    files = {
        str(path.relative_to(ROOT)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in vendored
        if path.is_file() and path.name != "VENDORED.md"
    }
    assert files == listed
    assert len(files) > 40


def test_what_is_not_ours_comes_with_its_licence() -> None:
    for folder in [*filter(Path.is_dir, (STATIC / "vendor").iterdir()), TEMPLATES / "icons"]:
        assert (folder / "LICENSE").stat().st_size > 500


def test_every_icon_is_used() -> None:
    sources = [*TEMPLATES.rglob("*.html"), *(ROOT / "oemupdates/dashboard").rglob("*.py")]
    code = "".join(path.read_text() for path in sources)
    icons = {path.stem for path in (TEMPLATES / "icons").glob("*.svg")}
    assert {icon for icon in icons if f'"{icon}"' not in code} == set()


def test_the_style_sheet_and_the_script_are_small() -> None:
    assert _packed([STATIC / "fleet.css"]) < MOST_CSS
    assert _packed(path for path in STATIC.glob("*.js") if path != WALL) < MOST_SCRIPT
    assert _packed([WALL]) < MOST_ON_A_WALL


def _packed(paths: Iterable[Path]) -> int:
    return sum(len(gzip.compress(path.read_bytes())) for path in paths)


@pytest.mark.parametrize("path", sorted(TEMPLATES.rglob("*.html")), ids=lambda path: path.name)
def test_templates_hold_no_inline_script_or_style(path: Path) -> None:
    source = path.read_text()
    assert not re.search(r"\sstyle=|\son[a-z]+=[\"']|<style|javascript:", source)
    # What htmx would have to evaluate: handlers, values by script, conditions of triggers.
    assert not re.search(r"hx-on|js:|hx-trigger=\"[^\"]*\[", source)
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", source))


@pytest.mark.parametrize("path", sorted(STATIC.glob("*.js")), ids=lambda path: path.name)
def test_our_script_makes_neither_code_nor_markup_of_text(path: Path) -> None:
    source = path.read_text()
    forbidden = r"\beval\(|new Function|innerHTML\s*[+]?=|outerHTML\s*=|insertAdjacentHTML"
    assert not re.search(forbidden + r"|document\.write|set(Timeout|Interval)\([\"']", source)
    assert not re.search(r"https?://|\.style\.|console\.", source)


@pytest.mark.parametrize("path", sorted(TEMPLATES.rglob("*.html")), ids=lambda path: path.name)
def test_templates_escape_everything(path: Path) -> None:
    assert not re.search(r"\|safe|autoescape|mark_safe", path.read_text())


def test_every_class_of_a_template_has_its_style() -> None:
    style = (STATIC / "fleet.css").read_text()
    used: set[str] = set()
    for path in TEMPLATES.rglob("*.html"):
        plain = re.sub(r"\{%[^%]*%\}|\{\{[^}]*\}\}", " ", path.read_text())
        for names in re.findall(r'class="([^"]*)"', plain):
            used |= set(names.split())
    # Words that tests and the script look for, and parts of names that are put together.
    unstyled = {name for name in used if f".{name}" not in style}
    assert unstyled <= {"before", "shade-", "sample", "facet"}
