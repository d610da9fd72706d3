"""All the tests: `python -m tests [pytest arguments]`, on SQLite and then on PostgreSQL.

The last line sums both runs. Chromium and the tools of file systems are installed when they are
missing and that can be done here; else the tests that need them are skipped, and counted so.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path

from tests.servers import NO_CHROMIUM, chromium

ROOT = Path(__file__).resolve().parent.parent
# What Debian's packages bring: a browser, which has no font of its own, file
# systems' tools, and what the scripts of nodes use.
PACKAGES = {
    "chromium": "chromium fonts-liberation",
    "mksquashfs": "squashfs-tools",
    "mkfs.erofs": "erofs-utils",
    "mkfs.btrfs": "btrfs-progs",
    "curl": "curl",
    "jq": "jq",
    "systemd-sysupdate": "systemd-container",
}
# Debian 12 has that in its backports alone: it is unpacked here, and not installed.
SYSTEMD = ROOT / ".venv" / "systemd"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
NOTHING_COLLECTED = 5
# What each database is asked: tests of Chromium and those that touch no database run once.
RUNS = {"sqlite": "", "postgres": "not browser and not once"}


def main(arguments: list[str]) -> int:
    """Run the tests on both databases, and give the exit status."""
    install()
    total: Counter[str] = Counter()
    status = 0
    for database, only in RUNS.items():
        counts, code = run(database, [*(["-m", only] if only else []), *arguments])
        total += counts
        if code != NOTHING_COLLECTED:
            status = status or code
    if not total.total():
        status = status or NOTHING_COLLECTED
    if chromium() is None:
        say(f"skipped the browser tests: {NO_CHROMIUM}")
    say(f"{total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped")
    return status or int(total["failed"] > 0)


def install() -> None:
    """Install what is missing where we may; elsewhere the tests that need it are skipped."""
    missing = [name for name in PACKAGES if not is_here(name)]
    if not missing or shutil.which("apt-get") is None or os.geteuid() != 0:
        return
    say(f"installing {', '.join(missing)} with apt")
    if "systemd-sysupdate" in missing and is_bookworm():
        missing.remove("systemd-sysupdate")
        unpack_systemd()
    if missing:
        packages = " ".join(PACKAGES[name] for name in missing).split()
        _ = apt("update") and apt("install", "--no-install-recommends", *packages)


def unpack_systemd() -> None:
    """Unpack the systemd of Debian 12's backports beside the one that runs."""
    mirror = debian_mirror()
    with tempfile.TemporaryDirectory(prefix="fleet-apt-") as folder:
        place = Path(folder)
        (place / "lists/partial").mkdir(parents=True)
        source = f"deb [signed-by={KEYRING}] {mirror} bookworm-backports main\n"
        (place / "backports.list").write_text(source)
        options = {
            "Dir::Etc::sourcelist": place / "backports.list",
            "Dir::Etc::sourceparts": "-",
            "Dir::State::lists": place / "lists",
            "APT::Sandbox::User": "root",
        }
        apart = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        packages = ["systemd", "systemd-container", "libsystemd-shared"]
        if not apt("update", *apart) or not apt("download", *apart, *packages, cwd=place):
            return
        for package in place.glob("*.deb"):
            subprocess.run(["dpkg", "-x", package, SYSTEMD], check=True)


def debian_mirror() -> str:
    """From where this machine gets Debian 12 itself; its backports are there too."""
    targets = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Codename: bookworm"],
        capture_output=True,
        text=True,
        check=False,
    )
    return next(iter(targets.stdout.split()), "")


def apt(command: str, *arguments: str, cwd: Path = ROOT) -> bool:
    """Run apt-get; whether it went well."""
    finished = subprocess.run(
        ["apt-get", "-y", "-qq", command, *arguments],
        env=os.environ | {"DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
    )
    if finished.returncode:
        say(f"apt-get {command} failed: {finished.stderr.strip()[-300:]}")
    return finished.returncode == 0


def is_bookworm() -> bool:
    """Whether this is Debian 12."""
    release = Path("/etc/os-release")
    return release.is_file() and "VERSION_CODENAME=bookworm" in release.read_text()


def is_here(name: str) -> bool:
    """Whether a program is there, where an administrator's or systemd's own are too."""
    if name == "chromium":
        return chromium() is not None
    places = (None, "/usr/sbin:/sbin", f"/usr/lib/systemd:{SYSTEMD}/lib/systemd")
    return any(shutil.which(name, path=place) for place in places)


def run(database: str, arguments: list[str]) -> tuple[Counter[str], int]:
    """Run pytest on one database; count how its tests ended, and give its exit status."""
    say(f"tests on {database}")
    with tempfile.TemporaryDirectory(prefix="fleet-report-") as folder:
        report = Path(folder) / "report.xml"
        finished = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadgroup"),
                *(f"--junit-xml={report}", f"--database={database}", *arguments),
            ],
            cwd=ROOT,
            check=False,
        )
        return count(report), finished.returncode


def count(report: Path) -> Counter[str]:
    """How the tests of a JUnit report ended; nothing when pytest never came to write one."""
    if not report.exists():
        return Counter(failed=1)
    counts: Counter[str] = Counter()
    for suite in ET.parse(report).iter("testsuite"):  # noqa: S314 - pytest wrote it just now
        failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        skipped = int(suite.get("skipped", 0))
        counts["failed"] += failed
        counts["skipped"] += skipped
        counts["passed"] += int(suite.get("tests", 0)) - failed - skipped
    return counts


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
