"""Trees of nodes, with the OEM partition where it is now and where it was."""

import shutil
from pathlib import Path

import pytest

from tests.node.tree import Tree

MISSING = [name for name in ("bash", "curl", "jq", "stat") if shutil.which(name) is None]


@pytest.fixture(params=[False, True], ids=["oem", "usr-share-oem"])
def tree(request: pytest.FixtureRequest, tmp_path: Path) -> Tree:
    if MISSING:
        pytest.skip(f"a node has {', '.join(MISSING)}; this machine has not")
    return Tree(tmp_path / "node", is_old=request.param)
