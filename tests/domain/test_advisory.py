import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oemupdates.domain.advisory import Advisory, BadAdvisory, read
from tests.services.makers import osv

TOOLS = "app-emulation/open-vm-tools"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["package", "name", "ecosystem", "ranges", "type", "events", "fixed", "versions"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def shipped(name: str) -> Advisory:
    folder = Path(__file__).parents[2] / "advisories"
    return read(json.loads((folder / f"{name}.json").read_bytes()))


@pytest.mark.parametrize(
    ("version", "held"),
    [
        ("12.4.5", "exposed"),  # LTS 4081
        ("12.5.3", "exposed"),
        ("12.5.4_rc1", "exposed"),
        ("12.5.4", "clear"),
        ("13.0.0", "exposed"),
        ("13.0.1-r1", "exposed"),
        ("13.0.5", "clear"),  # Stable 4593
        ("13.0.10", "clear"),  # Beta 4757
        ("13.0.10-r2", "clear"),
    ],
)
def test_the_shipped_advisory_holds_for_the_versions_that_flatcar_had(
    version: str, held: str
) -> None:
    assert shipped("CVE-2025-41244").holds(TOOLS, version) is (held == "exposed")


def about(**given: Any) -> dict[str, Any]:
    return osv(affected=[{"package": {"ecosystem": "Gentoo", "name": TOOLS}} | given])


@pytest.mark.parametrize(
    ("version", "has_it"),
    [
        ("11.0", True),
        ("12.4.5-r1", True),
        ("12.5.3_p9", True),
        ("12.5.4_rc1", True),
        ("12.5.4", False),
        ("12.9", False),
        ("13.0.0", True),
        ("13.0.4-r9", True),
        ("13.0.5", False),
        ("nightly", False),
    ],
)
def test_a_version_has_the_hole_or_not(version: str, *, has_it: bool) -> None:
    assert read(osv()).holds(TOOLS, version) is has_it
    assert not read(osv()).holds("app-emulation/others", version)


def test_ends_and_single_versions_count() -> None:
    events = [{"introduced": "2"}, {"last_affected": "3"}, {"introduced": "5"}]
    said = read(about(ranges=[{"type": "ECOSYSTEM", "events": events}], versions=["1-r7"]))
    held = [
        version
        for version in ("1-r7", "1-r8", "2", "3", "3-r1", "5", "99")
        if said.holds(TOOLS, version)
    ]
    assert held == ["1-r7", "2", "3", "5", "99"]
    assert read(osv()).fixed_in == ("12.5.4", "13.0.5")


def test_links_and_words_are_bounded() -> None:
    refs = [{"url": "javascript:alert(1)"}, {"url": "https://example.net/a"}, {"url": 5}, "x"]
    said = read(osv(references=refs, summary="a\x00b" * 500, aliases=["GHSA-1", "<b>"]))
    assert said.links == ("https://example.net/a",)
    assert len(said.summary) == 300
    assert "\x00" not in said.summary
    assert said.aliases == ("GHSA-1",)


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ([], "JSON object"),
        (osv(id="../x"), "`id`"),
        (osv(affected=[]), "no package"),
        (osv(affected=[{"package": {"ecosystem": "Go", "name": "x"}}]), "no package"),
        (osv(affected=["x"]), "names its `package`"),
        (osv(affected="x"), "is a list"),
        (osv(modified=None), "modified"),
        (osv(published="soon"), "`published` is a time"),
        (osv(summary=5), "`summary` is a text"),
        (about(), "of no version"),
        (about(versions=["v1"]), "no version like"),
        (about(ranges=[{"type": "GIT"}]), "ECOSYSTEM"),
        (about(ranges=[{"type": "ECOSYSTEM", "events": [{"fixed": "1"}]}]), "before an"),
        (about(ranges=[{"type": "ECOSYSTEM", "events": [{"limit": "1"}]}]), "Each of `events`"),
        (osv(affected=[{"package": {"ecosystem": "Gentoo", "name": "x"}}]), "category/name"),
    ],
)
def test_what_cannot_be_matched_is_refused(said: Any, complaint: str) -> None:
    with pytest.raises(BadAdvisory, match=complaint):
        read(said)


@given(JSON)
def test_anything_is_read_or_refused(affected: Any) -> None:
    try:
        found = read(osv(affected=[affected]))
    except BadAdvisory:
        return
    assert found.packages
