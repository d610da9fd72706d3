"""A worker syncs through a real queue, is killed in the middle, and the next one ends it."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from celery import Celery
from django.db import connection
from django.utils import timezone

from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.models import Payload, SyncRun
from oemupdates.services import upstreams
from oemupdates.services.upstreams import Terms
from tests.services.makers import seeded_channel
from tests.upstream.public_server import BOARD, PublicServer, real_files

pytestmark = [
    pytest.mark.processes,
    pytest.mark.django_db(transaction=True),
]
ROOT = Path(__file__).parents[2]
KEY = ROOT / "tests/payloads/update-payload-key.pub.pem"
SECONDS = 60.0


def eventually(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


@pytest.fixture
def environment(tmp_path: Path, valkey_url: str) -> dict[str, str]:
    """What a worker needs to work on this test's rows."""
    name = str(connection.settings_dict["NAME"])
    own = {
        name: value
        for name, value in os.environ.items()
        if name == "PATH" or name.startswith("FLEET_")
    }
    own |= {
        "FLEET_DATA": str(tmp_path / "data"),
        "FLEET_PAYLOAD_DIR": str(tmp_path / "hosted"),
        "FLEET_PAYLOAD_KEYS": str(KEY),
        "REDIS_URL": valkey_url,
    }
    (tmp_path / "data").mkdir()
    if connection.vendor == "sqlite":
        (tmp_path / "data" / "fleet.sqlite3").symlink_to(name)
    else:
        own["DATABASE_URL"] = os.environ["DATABASE_URL"].rpartition("/")[0] + f"/{name}"
    return own


@pytest.fixture
def start(environment: dict[str, str]) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        worker = (*("worker", "--pool", "threads", "--concurrency", "2"), "--without-mingle")
        process = subprocess.Popen(
            [sys.executable, "-m", "celery", "--quiet", "-A", "fleet", *worker],
            cwd=ROOT,
            env=environment,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def tick(valkey_url: str) -> Iterator[Callable[[], None]]:
    """What the beat sends."""
    with Celery(broker=valkey_url.replace("unix://", "redis+socket://", 1)) as app:
        yield lambda: app.send_task("oemupdates.tasks.sync_upstreams")


@pytest.fixture
def public() -> Iterator[PublicServer]:
    server = PublicServer()
    yield server
    server.close()


def test_a_killed_worker_leaves_nothing_half_and_the_next_goes_on(
    public: PublicServer,
    start: Callable[[], subprocess.Popen[bytes]],
    tick: Callable[[], None],
    tmp_path: Path,
) -> None:
    files, hosted = real_files(), tmp_path / "hosted"
    public.publish("4593.2.1", files)
    public.bytes_a_second = 400_000
    first = start()

    # The worker runs already: what an operator adds now needs no restart.
    address, server = public.address, f"{public.url}/files"
    terms = Terms("flatcar", "public", address, server, f"{public.url}/images", policy="follow")
    upstreams.subscribe(upstreams.add(terms, by=None), seeded_channel(), by=None)
    tick()
    eventually(
        lambda: any(one.stat().st_size > 300_000 for one in hosted.rglob("*.part")),
        "The worker fetched nothing",
    )
    first.kill()
    first.wait()
    assert SyncRun.objects.get().state == "running"
    assert seeded_channel().target is None
    assert not (hosted / BOARD).exists()

    SyncRun.objects.update(lease_until=timezone.now())  # as if a minute had passed
    public.bytes_a_second = 0
    start()
    tick()
    eventually(lambda: SyncRun.objects.get().state not in SyncRun.OPEN, "Nobody went on")
    done = SyncRun.objects.get()
    assert (done.state, done.problem, done.attempt) == ("done", "", 2)
    target = seeded_channel().target
    assert target is not None
    assert target.version == "4593.2.1"
    for name, content in files.items():
        assert (hosted / BOARD / "4593.2.1" / name).read_bytes() == content
    assert set(Payload.objects.values_list("signed_by", flat=True)) == {KEY.name}
    _, wanted = public.downloads(OS_PAYLOAD)[-1]
    assert int(wanted.removeprefix("bytes=").removesuffix("-")) >= 300_000
