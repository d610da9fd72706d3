"""A worker syncs through a real queue, is killed in the middle, and the next one ends it.

The other server has each of its bad days on the way, and the release is whole at the end.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from celery import Celery
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.db import connection
from django.utils import timezone

from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.models import Payload, SyncRun
from oemupdates.services.sync import sync_runs, upstreams
from oemupdates.services.sync.upstreams import Terms
from tests.domain.payload_maker import make_manifest, sign
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
        "FLEET_PAYLOAD_KEYS": f"{KEY},{tmp_path / 'own.pem'}",
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


@pytest.fixture
def own_oem(tmp_path: Path) -> bytes:
    """The payload of somebody's own OEM, signed with a key of their own."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "own.pem").write_bytes(public)
    return sign(*make_manifest(b"own" * 9000), key)


def test_a_killed_worker_leaves_nothing_half_and_the_next_goes_on(
    public: PublicServer,
    start: Callable[[], subprocess.Popen[bytes]],
    tick: Callable[[], None],
    own_oem: bytes,
    tmp_path: Path,
) -> None:
    files, hosted = real_files() | {"oem-own.gz": own_oem}, tmp_path / "hosted"
    public.publish("4593.2.1", files)
    public.bytes_a_second = 400_000
    first = start()

    # The worker runs already: what an operator adds now needs no restart.
    address, server = public.address, f"{public.url}/files"
    terms = Terms("flatcar", "public", address, server, f"{public.url}/images", policy="follow")
    subscription = upstreams.subscribe(upstreams.add(terms, by=None), seeded_channel(), by=None)
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
    public.faults |= {
        OS_PAYLOAD: ["500", "redirect", "truncate"],
        "oem-azure.gz": ["wrong"],
        "oem-own.gz": ["404"],
    }
    start()

    def run_again() -> SyncRun:
        tick()
        eventually(lambda: not SyncRun.objects.filter(state__in=SyncRun.OPEN), "Nobody went on")
        assert not (hosted / BOARD).exists() or SyncRun.objects.latest("pk").state == "done"
        return SyncRun.objects.latest("pk")

    taken_over = run_again()
    assert (taken_over.state, taken_over.attempt) == ("failed", 2)
    assert "oem-azure.gz has other bytes" in taken_over.problem
    fetched = len(public.downloads(OS_PAYLOAD))
    sync_runs.ask(subscription.upstream, subscription.channel, by=None)
    assert "oem-own.gz is not there" in run_again().problem
    assert seeded_channel().target is None
    sync_runs.ask(subscription.upstream, subscription.channel, by=None)
    done = run_again()
    assert (done.state, done.problem) == ("done", "")

    target = seeded_channel().target
    assert target is not None
    assert target.version == "4593.2.1"
    for name, content in files.items():
        assert (hosted / BOARD / "4593.2.1" / name).read_bytes() == content
    signers = dict(Payload.objects.values_list("name", "signed_by"))
    assert signers == dict.fromkeys(real_files(), KEY.name) | {"oem-own.gz": "own.pem"}
    assert len(public.downloads(OS_PAYLOAD)) == fetched  # once it was whole, it stayed
    resumed = [wanted for _, wanted in public.downloads(OS_PAYLOAD)][1]
    assert int(resumed.removeprefix("bytes=").removesuffix("-")) >= 300_000
