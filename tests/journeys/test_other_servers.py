"""From a page or a command to a release that nodes are offered, out of another update server."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from oemupdates import tasks
from oemupdates.domain.access import Role
from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.models import Channel, Floor, Release, SyncRun, Upstream
from tests.dashboard.conftest import log_in, permit
from tests.domain.payload_maker import make_payload
from tests.servers import free_port
from tests.services.makers import make_operator, seeded_channel
from tests.upstream.authority import Authority
from tests.upstream.nebraska_server import Nebraska, Package
from tests.upstream.proxy import Proxy
from tests.upstream.public_server import BOARD, PublicServer, real_files

# Whoever keeps a run does so by a connection of its own.
pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).parents[2]
KEY = ROOT / "tests/payloads/update-payload-key.pub.pem"
OLD, NEW = "4459.2.1", "4593.2.1"
PAGE = "/releases/upstreams/"
START_SECONDS = 60.0
# What an operator of the other fleet does by page.
FLOOR = f"""
from oemupdates.models import FLATCAR, Channel, Release
from oemupdates.services.groups import channels
stable = Channel.objects.get(application__uuid=FLATCAR, name="stable", architecture="amd64")
old = Release.objects.get(version="{OLD}")
channels.add_floor(stable, old, because="new boot loader", by=None)
"""


@pytest.fixture(autouse=True)
def hosted(tmp_path: Path, settings: Any) -> Path:
    settings.PAYLOAD_DIR = tmp_path / "hosted"
    settings.PAYLOAD_KEYS = [KEY]
    return tmp_path / "hosted"


@pytest.fixture
def page() -> Client:
    return log_in(permit(make_operator("ann"), Role.ADMIN))


def made(text: str, *names: str) -> dict[str, bytes]:
    """The files of a release that nobody signed."""
    return {name: make_payload(f"{text} {name}".encode() * 50) for name in (OS_PAYLOAD, *names)}


def told(*given: str) -> str:
    out = StringIO()
    call_command(*given, stdout=out)
    return out.getvalue()


def check_offerable(hosted: Path, channel: Channel, files: dict[str, bytes]) -> Release:
    """The channel offers the release, whole: each file as it was, and read as nodes read it."""
    target = channel.target
    assert target is not None
    assert target.codebase == ""
    assert set(target.payloads.values_list("name", "is_verified")) == {
        (name, True) for name in files
    }
    for name, content in files.items():
        assert (hosted / BOARD / target.version / name).read_bytes() == content
    return target


class OtherFleet:
    """An OEM Fleet of its own: a process with a database of its own, behind real HTTP."""

    def __init__(self, folder: Path) -> None:
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        self._environment = {"PATH": os.environ["PATH"], "FLEET_URL": self.url} | {
            "FLEET_DATA": str(folder),
            "FLEET_SECRET_KEY": "another-fleets-" * 4,
        }
        (folder / "static").mkdir(parents=True)
        self.manage("migrate", "--verbosity", "0")
        self._port, self._server = port, None

    def manage(self, *given: str) -> None:
        subprocess.run(
            [sys.executable, "manage.py", *given],
            cwd=ROOT,
            env=self._environment,
            check=True,
            capture_output=True,
        )

    def start(self) -> None:
        self._server = subprocess.Popen(
            [
                *(sys.executable, "-m", "uvicorn", "fleet.asgi:application"),
                *("--port", str(self._port), "--no-access-log", "--log-level", "warning"),
            ],
            cwd=ROOT,
            env=self._environment,
        )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            assert self._server.poll() is None, "the other fleet ended at once"
            assert time.monotonic() < deadline, "the other fleet does not answer"
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/payloads/").status_code == 404
        except httpx.TransportError:
            return False

    def stop(self) -> None:
        if self._server is not None:
            self._server.terminate()
            self._server.wait()


@pytest.mark.processes
class TestAnotherFleet:
    @pytest.fixture
    def other(self, tmp_path: Path) -> Iterator[OtherFleet]:
        fleet = OtherFleet(tmp_path / "other")
        try:
            yield fleet
        finally:
            fleet.stop()

    def test_is_followed_by_page(self, page: Client, other: OtherFleet, hosted: Path) -> None:
        files = {OLD: made("old"), NEW: real_files()}
        for version, contents in files.items():
            folder = hosted.parent / version
            folder.mkdir()
            for name, content in contents.items():
                (folder / name).write_bytes(content)
            where = ("--board", BOARD, "--channel", "stable", "--version", version)
            other.manage("import_release", str(folder), *where)
        other.manage("shell", "--verbosity", "0", "--command", FLOOR)
        other.start()
        said = {"name": "head office", "kind": "fleet", "policy": "follow"}
        said |= {"address": f"{other.url}/v1/update/", "release_server": f"{other.url}/payloads"}
        said |= {"interval_minutes": "60"}
        page.post(f"{PAGE}add/", said)
        upstream = Upstream.objects.get()
        place = f"{PAGE}{upstream.pk}/"
        page.post(f"{place}follow/", {"channel": seeded_channel().pk, "track": "stable"})
        tasks.sync_upstreams()

        done = SyncRun.objects.get()
        assert (done.state, done.problem) == ("done", "")
        release = check_offerable(hosted, seeded_channel(), files[NEW])
        assert set(release.payloads.values_list("signed_by", flat=True)) == {KEY.name}
        floor = Floor.objects.select_related("release").get()
        assert (floor.release.version, floor.reason) == (OLD, "new boot loader")
        assert (hosted / BOARD / OLD / OS_PAYLOAD).read_bytes() == files[OLD][OS_PAYLOAD]
        # It is served from here, and it is remembered where it came from.
        assert release.codebase == ""
        assert f"{other.url}/payloads" in page.get(f"/releases/{release.pk}/").text


class TestNebraska:
    @pytest.fixture
    def nebraska(self) -> Iterator[Nebraska]:
        new = Package(NEW, made("new", "oem-azure.gz", "flatcar-zfs.gz"))
        server = Nebraska(new, [Package(OLD, made("old", "oem-azure.gz"), "Default reason")])
        yield server
        server.close()

    @pytest.fixture
    def followed(self, nebraska: Nebraska) -> Nebraska:
        where = ("--address", f"{nebraska.url}/v1/update/", "--policy", "follow", "--hash-only")
        told("upstream", "add", "old", "--kind", "nebraska", *where)
        told("upstream", "follow", "old", "stable")
        return nebraska

    def test_is_followed_by_command(self, followed: Nebraska, hosted: Path) -> None:
        assert f"is at {NEW}" in told("sync", "--now")
        check_offerable(hosted, seeded_channel(), followed.target.files)
        floor = Floor.objects.select_related("release").get()
        assert (floor.release.version, floor.reason) == (OLD, "Default reason")
        assert "Nothing changed" in told("sync", "--now")

    def test_that_lost_a_file_answers_a_page_which_is_taken_for_none(
        self, followed: Nebraska, hosted: Path
    ) -> None:
        lost = f"extrafile-amd64-{NEW}-oem-azure.gz"
        followed.lost.add(lost)
        with pytest.raises(CommandError, match="1 of 1 failed"):
            told("sync", "--now")
        assert lost in SyncRun.objects.latest("pk").problem
        assert seeded_channel().target is None
        assert not Release.objects.filter(version=NEW).exists()
        followed.lost.clear()
        told("sync", "--now")
        check_offerable(hosted, seeded_channel(), followed.target.files)


def test_a_server_with_an_authority_of_its_own_behind_a_proxy(
    tmp_path: Path, hosted: Path
) -> None:
    authority, proxy = Authority(tmp_path / "authority"), Proxy()
    public = PublicServer(tls=authority.server())
    try:
        files = made("new", "oem-azure.gz")
        public.publish(NEW, files)
        where = ("--address", public.address, "--release-server", f"{public.url}/files")
        reached = ("--ca-file", str(authority.file), "--proxy", proxy.url)
        how = ("--policy", "follow", "--hash-only", "--images-server", f"{public.url}/images")
        told("upstream", "add", "inside", "--kind", "public", *where, *reached, *how)
        told("upstream", "follow", "inside", "stable")
        told("sync", "--now")
        check_offerable(hosted, seeded_channel(), files)
        ours = ("CONNECT", public.url.removeprefix("https://"))
        assert proxy.asked.count(ours) >= 1
    finally:
        public.close()
        proxy.close()
