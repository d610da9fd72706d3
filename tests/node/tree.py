"""A node's files as Flatcar leaves them, in every state of the life of an OEM sysext.

The scripts of `static/node` run on these as they are, with `OEM_FLEET_ROOT` before each path.
"""

import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SCRIPTS = Path(__file__).resolve().parents[2] / "static" / "node"
OLD, NEW = "4459.2.4", "4593.2.1"
MACHINE = "0f3c9a7d1e5b4a2f8c6d7e8f90a1b2c3"
BOOT = "0afc72a3-4de1-4095-a9eb-76ef2317d90a"
OEM_RELEASE = (
    'ID=azure\nVERSION_ID=2.9.1.1-r4\nNAME="Microsoft Azure"\n'
    'HOME_URL="https://azure.microsoft.com/"\n'
)


# All of coreutils that Flatcar has, for whichever of it a script comes to need.
COREUTILS = (
    "base64 basename cat chmod chown cksum comm cp cut date dd df dirname du echo env expand expr"
    " false fmt fold head id install join link ln ls md5sum mkdir mkfifo mknod mktemp mv nice nl"
    " nohup nproc numfmt od paste pathchk pr printenv printf pwd readlink realpath rm rmdir seq"
    " sha1sum sha256sum sha512sum shred shuf sleep sort split stat stdbuf stty sum sync tac tail"
    " tee test timeout touch tr true truncate tsort tty uname unexpand uniq unlink wc who whoami"
    " yes"
)
SHIPPED = ("bash", "curl", "jq", *COREUTILS.split())


def shipped(folder: Path) -> Path:
    """A folder with links to what every Flatcar ships, and to nothing else."""
    if not folder.exists():
        folder.mkdir(parents=True)
        for name in SHIPPED:
            if program := shutil.which(name):
                (folder / name).symlink_to(program)
    return folder


@dataclass
class Tree:
    """A node's files below a folder; with `is_old`, the OEM partition is where it once was."""

    root: Path
    version: str = NEW
    is_old: bool = False
    said: str = field(default="", init=False)

    def __post_init__(self) -> None:
        self.write("etc/machine-id", f"{MACHINE}\n")
        self.write("proc/sys/kernel/random/boot_id", f"{BOOT}\n")
        self.boot(self.version)
        if not self.is_old:
            self.link("usr/share/oem", "../../oem")
        self.write("usr/share/flatcar/oems/azure", "python\n")
        self.write("usr/share/flatcar/release", "FLATCAR_RELEASE_BOARD=amd64-usr\n")

    @property
    def oem(self) -> str:
        """Where the OEM partition is mounted."""
        return "usr/share/oem" if self.is_old else "oem"

    def boot(self, version: str) -> None:
        """Run an OS version."""
        self.version = version
        self.write(
            "usr/lib/os-release",
            f'ID=flatcar\nVERSION={version}\nVERSION_ID={version}\nFLATCAR_BOARD="amd64-usr"\n',
        )
        self.link("etc/os-release", "../usr/lib/os-release")

    def write(self, path: str, text: str = "") -> Path:
        """Write a file, with its folders."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def link(self, path: str, target: str) -> None:
        """Make a link, or make it lead elsewhere."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        file.symlink_to(target)

    def remove(self, path: str) -> None:
        """Take a file away."""
        (self.root / path).unlink()

    def install(self, text: str = OEM_RELEASE) -> None:
        """Write what an OEM's partition says of it."""
        self.write(f"{self.oem}/oem-release", text)

    def flag(self, name: str = "active-oem-azure") -> None:
        """Put a flag on the OEM partition."""
        self.write(f"{self.oem}/sysext/{name}")

    def store(self, version: str, *, on_root: bool = False, name: str = "oem-azure") -> str:
        """Store the image for a version; its path as the node sees it."""
        folder = "etc/flatcar/oem-sysext" if on_root else f"{self.oem}/sysext"
        self.write(f"{folder}/{name}-{version}.raw", "image of " + version)
        return f"/{folder}/{name}-{version}.raw"

    def select(self, target: str, name: str = "oem-azure") -> None:
        """Link an image, as the initrd does at each boot."""
        self.link(f"etc/extensions/{name}.raw", target)

    def merge(self, text: str, name: str = "oem-azure") -> None:
        """Let an image be merged: its extension-release is to be seen."""
        self.write(f"usr/lib/extension-release.d/extension-release.{name}", text)

    def merge_for(self, version: str, build: str = "", name: str = "oem-azure") -> None:
        """Merge an image that was built for a version."""
        own = f"SYSEXT_VERSION_ID={build}\n" if build else ""
        self.merge(f"ID=flatcar\nVERSION_ID={version}\n{own}", name)

    def run(self, script: str, *arguments: str, **environment: str) -> str:
        """Run a script on the tree with only what Flatcar ships; what it printed.

        What it told the journal is in `said`.
        """
        programs = shipped(self.root.parent / "bin")
        done = subprocess.run(
            ["bash", str(SCRIPTS / script), *arguments],
            env={"PATH": str(programs), "OEM_FLEET_ROOT": str(self.root), **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        self.said = done.stderr
        assert done.returncode == 0, done.stderr
        return done.stdout

    def beacon(self) -> str:
        """Run the beacon; what update_engine would read as `oemversion`, empty for the OEM's own.

        It reads the first of its two files that is there.
        """
        assert self.run("beacon") == ""
        file = self.root / "etc/oem-release"
        if not file.exists():
            return ""
        values = dict(line.partition("=")[::2] for line in file.read_text().splitlines())
        return values["VERSION_ID"]

    def report(self) -> dict[str, Any]:
        """The document that the report would send."""
        return dict(json.loads(self.run("report", "--print")))


State = Callable[[Tree], None]

# --- the life of an OEM sysext, and what may go wrong in it


def legacy(tree: Tree) -> None:
    """Files on the OEM partition, from before there were sysexts."""
    tree.install()


def migration_waiting(tree: Tree) -> None:
    """After its first update to a ported version: the payload is there, and no flag."""
    legacy(tree)
    tree.store(tree.version)


def migration_staged(tree: Tree) -> None:
    """After its second: the flags are set, and the next boot moves it over."""
    legacy(tree)
    tree.store(tree.version)
    tree.store("4757.1.0", on_root=True)
    tree.flag("active-oem-azure")
    tree.flag("migrate-oem-azure")


def synced(tree: Tree) -> None:
    """The sysext of its OS version is merged."""
    tree.install()
    tree.flag()
    tree.select(tree.store(tree.version))
    tree.merge_for(tree.version, "2.12.0.4-r2")


def staged(tree: Tree) -> None:
    """An update waits for its reboot: both images are there."""
    synced(tree)
    tree.store("4757.1.0", on_root=True)


def updated(tree: Tree) -> None:
    """After that reboot: the new one is on the OEM partition, the old one on the root."""
    synced(tree)
    tree.store(OLD, on_root=True)


def rolled_back(tree: Tree) -> None:
    """After a fall-back to the other slot: its image was moved back."""
    synced(tree)
    tree.store("4757.1.0", on_root=True)


def reset(tree: Tree) -> None:
    """After flatcar-reset: nothing is left on the root, the OEM partition is."""
    synced(tree)


def downgraded(tree: Tree) -> None:
    """Back on a version from before there were sysexts: neither tools nor image."""
    tree.boot("3602.2.3")
    tree.install()
    tree.flag()
    tree.store(NEW)
    tree.select(f"/oem/sysext/oem-azure-{tree.version}.raw")


def initial(tree: Tree) -> None:
    """The first images, which fit any version of their level."""
    tree.install()
    tree.flag()
    tree.select(tree.store("initial"))
    tree.merge("ID=flatcar\nSYSEXT_LEVEL=1.0\n")


def dangling(tree: Tree) -> None:
    """The image is gone that the link leads to."""
    tree.install()
    tree.flag()
    tree.select(f"/oem/sysext/oem-azure-{tree.version}.raw")


def masked(tree: Tree) -> None:
    """An operator keeps the image from being merged."""
    tree.install()
    tree.flag()
    tree.store(tree.version)
    tree.write("dev/null")
    tree.select("/dev/null")


def no_oem(tree: Tree) -> None:
    """Plain bare metal."""


STATES = (
    legacy,
    migration_waiting,
    migration_staged,
    synced,
    staged,
    updated,
    rolled_back,
    reset,
    downgraded,
    initial,
    dangling,
    masked,
    no_oem,
)
