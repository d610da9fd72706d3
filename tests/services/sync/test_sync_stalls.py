"""Syncs from a server that falls silent: given up by the clock, and gone on with later."""

import pytest

from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.models import Release, Subscription, SyncRun
from oemupdates.services.sync import sync, sync_runs, upstreams
from oemupdates.services.sync.upstreams import Terms
from oemupdates.upstream import download
from oemupdates.upstream import session as sessions
from tests.domain.payload_maker import make_payload
from tests.services.makers import seeded_channel
from tests.upstream.public_server import BOARD

# Whoever keeps a run does so by a connection of its own.
pytestmark = pytest.mark.django_db(transaction=True)
NEW = "4593.2.1"
FILES = {name: make_payload(name.encode() * 100) for name in (OS_PAYLOAD, "oem-azure.gz")}


@pytest.fixture(autouse=True)
def hosted(tmp_path, settings, monkeypatch):
    settings.PAYLOAD_DIR = tmp_path / "hosted"
    monkeypatch.setattr(sessions, "READ_SECONDS", 1.0)
    monkeypatch.setattr(download, "SLOWEST_BYTES_A_SECOND", 10**9)
    monkeypatch.setattr(download, "TRIES", 1)
    return settings.PAYLOAD_DIR


@pytest.fixture
def upstream(public):
    public.publish(NEW, FILES)
    terms = Terms("slow", "public", public.address, needs_signature=False, policy="follow")
    upstream = upstreams.add(terms, by=None)
    upstreams.subscribe(upstream, seeded_channel(), by=None)
    return upstream


def run(upstream, watch=None):
    asked = sync_runs.ask(upstream, seeded_channel(), by=None)
    return sync.work(sync_runs.claim(asked.pk), watch)


def test_a_silence_in_the_middle_of_a_file(public, upstream, hosted):
    public.faults["oem-azure.gz"] += ["stall"]
    failed = run(upstream)
    assert failed.state == SyncRun.State.FAILED
    size = len(FILES["oem-azure.gz"])
    assert "oem-azure.gz broke off: it did not answer in time." in failed.problem
    assert f"{size // 2} of {size} bytes are kept for the next time." in failed.problem
    assert not Release.objects.exists()
    assert seeded_channel().target is None
    assert Subscription.objects.get().failures == 1
    assert run(upstream).problem == ""
    assert seeded_channel().target == Release.objects.get()
    for name, content in FILES.items():
        assert (hosted / BOARD / NEW / name).read_bytes() == content
    asked = [(OS_PAYLOAD, ""), ("oem-azure.gz", ""), ("oem-azure.gz", f"bytes={size // 2}-")]
    assert public.downloads() == asked


def test_a_silence_instead_of_an_answer(public, upstream, hosted, monkeypatch):
    monkeypatch.setattr(sessions, "READ_SECONDS", 0.2)
    public.faults["update"] += ["mute"] * 10
    failed = run(upstream)
    assert failed.problem == f"{public.address} cannot be reached: it did not answer in time."
    assert not hosted.exists()


def test_a_cancellation_during_a_silence(public, upstream, monkeypatch):
    monkeypatch.setattr(sessions, "READ_SECONDS", 0.2)
    monkeypatch.setattr(download, "TRIES", 10**6)
    public.faults[OS_PAYLOAD] += ["mute"] * 10**4

    def cancel_when_silent(keeper):
        cancel = sync_runs.cancel
        say = keeper.say

        def say_and_cancel(doing):
            say(doing)
            if doing.startswith("Fetching"):
                cancel(SyncRun.objects.get(), by=None)

        monkeypatch.setattr(keeper, "say", say_and_cancel)

    assert run(upstream, cancel_when_silent).state == SyncRun.State.CANCELLED
    assert not Release.objects.exists()
