"""The beacon on real trees: what stock check-ins carry, and that nothing else changes."""

import os
import shutil
import subprocess
import textwrap
from collections.abc import Callable

import pytest

from oemupdates.domain.checkin import OBSERVED, read_oem_version
from tests.node import tree as states
from tests.node.tree import NEW, OEM_RELEASE, Tree

pytestmark = pytest.mark.once

TOLD = {
    states.legacy: "sysext/none",
    states.migration_waiting: "sysext/none",
    states.migration_staged: "sysext/none",
    states.synced: f"sysext/{NEW}/2.12.0.4-r2",
    states.staged: f"sysext/{NEW}/2.12.0.4-r2",
    states.updated: f"sysext/{NEW}/2.12.0.4-r2",
    states.rolled_back: f"sysext/{NEW}/2.12.0.4-r2",
    states.reset: f"sysext/{NEW}/2.12.0.4-r2",
    states.downgraded: "sysext/none",
    states.initial: "sysext/level-1.0/-",
    states.dangling: "sysext/none",
    states.masked: "sysext/none",
    states.no_oem: "",
}


@pytest.mark.parametrize("state", states.STATES, ids=lambda state: state.__name__)
def test_the_beacon_tells_every_state(tree: Tree, state: Callable[[Tree], None]) -> None:
    state(tree)
    assert tree.beacon() == TOLD[state]
    assert tree.said == ""


def test_what_it_tells_is_read_as_observed(tree: Tree) -> None:
    states.synced(tree)
    assert read_oem_version(tree.beacon()) == (OBSERVED, NEW, "2.12.0.4-r2")
    tree.merge_for(NEW)
    assert read_oem_version(tree.beacon()) == (OBSERVED, NEW, "")
    tree.remove("usr/lib/extension-release.d/extension-release.oem-azure")
    assert read_oem_version(tree.beacon()) == (OBSERVED, "", "")


def test_every_other_line_stays_as_the_oem_has_it(tree: Tree) -> None:
    states.synced(tree)
    tree.beacon()
    told = (tree.root / "etc/oem-release").read_text()
    assert told == OEM_RELEASE.replace("2.9.1.1-r4", f"sysext/{NEW}/2.12.0.4-r2")
    assert (tree.root / tree.oem / "oem-release").read_text() == OEM_RELEASE


def test_a_file_without_a_version_or_a_last_newline_gets_one(tree: Tree) -> None:
    states.synced(tree)
    tree.install("ID=azure")
    assert tree.beacon() == f"sysext/{NEW}/2.12.0.4-r2"
    assert (tree.root / "etc/oem-release").read_text().startswith("ID=azure\nVERSION_ID=")


def test_flatcar_install_reads_the_same_oem_from_it(tree: Tree) -> None:
    """It evaluates every line of each file that is there, and stops at what is no command."""
    states.synced(tree)
    tree.beacon()
    reads = textwrap.dedent("""
        set -e
        for file in oem/oem-release usr/share/oem/oem-release etc/oem-release; do
            if [[ -e $1/$file ]]; then eval "$(sed -e 's/^/OEM_/' "$1/$file")"; fi
        done
        printf '%s|%s' "$OEM_ID" "$OEM_NAME"
    """)
    done = subprocess.run(
        ["bash", "-c", reads, "bash", str(tree.root)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "azure|Microsoft Azure"


def test_telling_the_same_again_writes_nothing(tree: Tree) -> None:
    states.synced(tree)
    tree.beacon()
    file = tree.root / "etc/oem-release"
    before = file.stat()
    assert tree.beacon() == f"sysext/{NEW}/2.12.0.4-r2"
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert [path.name for path in (tree.root / "run/oem-fleet").iterdir()] == ["oem-release"]


def test_what_was_true_before_a_reboot_does_not_outlive_it(tree: Tree) -> None:
    states.synced(tree)
    tree.beacon()
    shutil.rmtree(tree.root / "run")
    assert os.path.lexists(tree.root / "etc/oem-release")
    assert not (tree.root / "etc/oem-release").exists()
    tree.boot("4757.1.0")
    assert tree.beacon() == f"sysext/{NEW}/2.12.0.4-r2"


def test_a_file_of_somebody_else_is_left_alone(tree: Tree) -> None:
    states.synced(tree)
    tree.write("etc/oem-release", "ID=mine\nVERSION_ID=7\n")
    assert tree.beacon() == "7"
    assert "somebody's own" in tree.said
    tree.link("etc/oem-release", "../oem/mine")
    assert tree.beacon() == ""
    assert "leads elsewhere" in tree.said


@pytest.mark.parametrize(
    "release",
    [
        "ID=flatcar\nVERSION_ID=4593.2.1;reboot\n",
        "ID=flatcar\nVERSION_ID=$(reboot)\n",
        "ID=flatcar\nVERSION_ID=a/b\n",
        f"ID=flatcar\nVERSION_ID={'4' * 61}\n",
        "ID=flatcar\n",
        "",
    ],
)
def test_what_cannot_be_told_is_not_told(tree: Tree, release: str) -> None:
    states.synced(tree)
    tree.beacon()
    tree.merge(release)
    assert tree.beacon() == ""
    assert "cannot be told" in tree.said


def test_an_odd_build_is_left_out(tree: Tree) -> None:
    states.synced(tree)
    tree.merge_for(NEW, "`reboot`")
    assert tree.beacon() == f"sysext/{NEW}/-"


def test_an_image_for_any_version_says_so(tree: Tree) -> None:
    states.synced(tree)
    tree.merge("ID=_any\nSYSEXT_VERSION_ID=7\n")
    assert tree.beacon() == "sysext/_any/7"


@pytest.mark.parametrize("oem_id", ["../../etc/passwd", "a b", "$(reboot)", "x" * 61])
def test_an_id_that_is_no_name_is_no_path(tree: Tree, oem_id: str) -> None:
    states.synced(tree)
    tree.install(f"ID={oem_id}\nVERSION_ID=1\n")
    assert tree.beacon() == ""
    assert "cannot be told" in tree.said


def test_an_id_in_quotes_is_found_and_stays_in_quotes(tree: Tree) -> None:
    states.synced(tree)
    tree.install('ID="azure"\nVERSION_ID=1\n')
    assert tree.beacon() == f"sysext/{NEW}/2.12.0.4-r2"
    assert (tree.root / "etc/oem-release").read_text().startswith('ID="azure"\n')


def test_an_oem_that_goes_away_is_no_longer_told(tree: Tree) -> None:
    states.synced(tree)
    tree.beacon()
    tree.remove(f"{tree.oem}/oem-release")
    assert tree.beacon() == ""
    assert tree.said == ""


def test_a_place_that_cannot_be_written_is_a_line_in_the_journal(tree: Tree) -> None:
    states.synced(tree)
    tree.write("run", "no folder")
    assert tree.beacon() == ""
    assert "cannot write" in tree.said


def test_a_release_file_that_is_a_folder_breaks_nothing(tree: Tree) -> None:
    states.synced(tree)
    folder = tree.root / tree.oem / "oem-release"
    folder.unlink()
    folder.mkdir()
    assert tree.beacon() == ""
