"""Mount namespaces, in which programs of a node meet a node's files."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.tools import need

NAMESPACE = ["unshare", "--map-root-user", "--mount"]
_SYS_ADMIN = 21


def make_sure_of_namespaces() -> None:
    """Leave the test out where it cannot be; where CI's root may mount, it must be."""
    need("unshare")
    probe = subprocess.run([*NAMESPACE, "true"], capture_output=True, text=True, check=False)
    if probe.returncode == 0:
        return
    if os.environ.get("CI") == "true" and may_mount():
        pytest.fail(f"root may mount here, and has no namespace to do it in: {probe.stderr}")
    pytest.skip(f"no mount namespaces here: {probe.stderr}")


def may_mount() -> bool:
    """Whether this process has CAP_SYS_ADMIN."""
    lines = Path("/proc/self/status").read_text().splitlines()
    held = next((line.split()[1] for line in lines if line.startswith("CapEff:")), "0")
    return bool(int(held, 16) >> _SYS_ADMIN & 1)
