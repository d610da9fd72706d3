"""A node's files, on which Debian's own systemd-sysupdate is run as it would be there."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from oemupdates.domain.transfer import Source, transfer, transfer_path
from tests.__main__ import SYSTEMD
from tests.namespaces import NAMESPACE, make_sure_of_namespaces
from tests.tools import need

MACHINE = "0123456789abcdef0123456789abcdef"
# systemd's own programs, the unpacked ones if they were, and the node's /etc, /opt and /run.
STORY = """
set -e
if [[ -d $1/lib/systemd ]]; then
    mount --bind "$1/lib/systemd" /usr/lib/systemd
    export LD_LIBRARY_PATH=$(echo "$1"/usr/lib/*-linux-gnu/systemd)
fi
mount --bind "$2/etc" /etc
mount --bind "$2/opt" /opt
mount --bind "$2/run" /run
shift 2
exec "$@"
"""


class SysupdateNode:
    """A node that has a component's transfer file, as `domain.transfer` writes it."""

    def __init__(self, root: Path, component: str, source: Source, os_version: str) -> None:
        need("systemd-sysupdate")
        make_sure_of_namespaces()
        self.root, self.component = root, component
        self.images = root / "opt/extensions" / component
        self.link = root / f"etc/extensions/{component}.raw"
        for folder in (self.images, self.link.parent, root / "etc/systemd", root / "run"):
            folder.mkdir(parents=True)
        path = root / transfer_path(component).lstrip("/")
        path.parent.mkdir()
        path.write_text(transfer(component, source))
        (root / "etc/machine-id").write_text(f"{MACHINE}\n")
        (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
        self.runs(os_version)

    def runs(self, os_version: str) -> None:
        """Let it run an OS version."""
        (self.root / "etc/os-release").write_text(f"ID=flatcar\nVERSION_ID={os_version}\n")

    def believes(self, key: bytes) -> None:
        """Let it believe a key's signatures."""
        (self.root / "etc/systemd/import-pubring.gpg").write_bytes(key)

    def sysupdate(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run systemd-sysupdate on the component."""
        program = "/usr/lib/systemd/systemd-sysupdate"
        return self.run(program, f"--component={self.component}", *words)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run something on the node."""
        return subprocess.run(
            [*NAMESPACE, "bash", "-c", STORY, "bash", SYSTEMD, self.root, *command],
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=False,
        )

    def update(self) -> str:
        """Take what the server lists, and say which version is in use then."""
        done = self.sysupdate("update")
        assert done.returncode == 0, done.stderr
        return self.in_use

    def seen(self) -> list[dict[str, Any]]:
        """The versions that it knows of, the newest first."""
        done = self.sysupdate("--json=short", "list")
        assert done.returncode == 0, done.stderr
        return list(json.loads(done.stdout or "[]"))

    @property
    def in_use(self) -> str:
        """The file that its link leads to; empty if there is none."""
        return self.link.readlink().name if self.link.is_symlink() else ""
