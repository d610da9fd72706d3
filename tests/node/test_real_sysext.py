"""The scripts beside Debian's own systemd-sysext, which merges an image in a mount namespace."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.namespaces import NAMESPACE, make_sure_of_namespaces
from tests.node.tree import NEW, SCRIPTS, Tree, shipped
from tests.tools import need

pytestmark = pytest.mark.once
# The scripts have the programs of a node; to merge is the machine's.
STORY = """
set -e
mount --make-rprivate / && mount --make-rshared /
mount -t tmpfs tmpfs /run && mount --make-shared /run
look() {
    PATH=$3 OEM_FLEET_ROOT=$1 "$3/bash" "$2/beacon"
    sed -n 's/^VERSION_ID=//p' "$1/etc/oem-release"
    PATH=$3 OEM_FLEET_ROOT=$1 "$3/bash" "$2/report" --print
}
systemd-sysext --root="$1" merge >/dev/null 2>&1
look "$@"
systemd-sysext --root="$1" unmerge >/dev/null 2>&1
look "$@"
"""


def test_tell_what_it_merged_and_that_it_merged_nothing(tmp_path: Path) -> None:
    need("systemd-sysext")
    make_sure_of_namespaces()
    tree = Tree(tmp_path / "node")
    tree.install()
    tree.flag()
    tree.write(
        "etc/extensions/oem-azure/usr/lib/extension-release.d/extension-release.oem-azure",
        f"ID=flatcar\nVERSION_ID={NEW}\nSYSEXT_VERSION_ID=2.12.0.4-r2\n",
    )
    done = subprocess.run(
        [*NAMESPACE, "bash", "-c", STORY, "bash", tree.root, SCRIPTS, shipped(tmp_path / "bin")],
        capture_output=True,
        text=True,
        check=False,
    )
    merged, whole, unmerged, bare = done.stdout.splitlines()
    assert (merged, unmerged) == (f"sysext/{NEW}/2.12.0.4-r2", "sysext/none")
    image = {"name": "oem-azure", "sysext_level": "", "target": "", "target_exists": True}
    assert json.loads(whole)["extensions"] == [
        image | {"merged": True, "version_id": NEW, "payload_version": "2.12.0.4-r2"}
    ]
    assert json.loads(bare)["extensions"] == [
        image | {"merged": False, "version_id": "", "payload_version": ""}
    ]
