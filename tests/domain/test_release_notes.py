import time

import pytest

from oemupdates.domain.release_notes import Package, Piece, fold

pytestmark = pytest.mark.once
NOTES = """\
 _Changes since **Stable 4459.2.0**_

#### Security fixes:

- Linux ([CVE-2025-1](https://nvd.example.net/CVE-2025-1), [CVE-2025-2](https://nvd.example.net/2))
- curl ([CVE-2025-3](https://nvd.example.net/3))

## Changes
- Enabled `CONFIG_X` for a very long list of machines (see [#1](https://example.net/1))
- sysext-podman: passt
  ([2025.1](https://example.net/2))
  - and more

- Linux: one more thing
### Nothing
<script>alert(1)</script> [bad](javascript:alert(1))
"""


def test_notes_fold_by_heading_and_package() -> None:
    top, security, changes, last = fold(NOTES)
    assert (top.title, top.packages[0].name) == ("", "")
    assert top.packages[0].notes == [(Piece("Changes since Stable 4459.2.0"),)]
    assert security.title == "Security fixes"
    assert [(one.name, one.links) for one in security.packages] == [("Linux", 2), ("curl", 1)]
    assert security.packages[0].notes[0][:3] == (
        Piece("Linux ("),
        Piece("CVE-2025-1", "https://nvd.example.net/CVE-2025-1"),
        Piece(", "),
    )
    assert [one.name for one in changes.packages] == ["", "sysext-podman", "Linux"]
    words = "".join(piece.text for piece in changes.packages[1].notes[0])
    assert words == "sysext-podman: passt (2025.1); and more"
    assert last.packages[0].links == 0  # of other schemes there are no links


def test_a_package_that_is_named_twice_stands_once() -> None:
    (section,) = fold("- Linux ([1](https://e.net/1))\n- Linux ([2](https://e.net/2))")
    (linux,) = section.packages
    assert (linux.name, len(linux.notes)) == ("Linux", 2)


@pytest.mark.parametrize("text", ["", "\n\n", "# \n", "####\n- \n"])
def test_nothing_said_is_nothing_to_fold(text: str) -> None:
    assert all(isinstance(one, Package) for part in fold(text) for one in part.packages)


def test_hostile_notes_are_read_in_no_time() -> None:
    began = time.perf_counter()
    for text in ("[" * 500_000, "[a](" * 100_000, "- a" * 100_000, "#" * 500_000, "- x\n" * 9000):
        fold(text)
    assert time.perf_counter() - began < 20
