"""Syncs by the ways that an upstream's settings offer: an authority of its own, and proxies."""

import pytest

from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.models import Release, SyncRun, Upstream
from oemupdates.services.sync import sync, sync_runs, upstreams
from oemupdates.services.sync.upstreams import Terms
from tests.domain.payload_maker import make_payload
from tests.services.makers import seeded_channel
from tests.upstream.authority import Authority
from tests.upstream.proxy import Proxy
from tests.upstream.public_server import BOARD, PublicServer

# Whoever keeps a run does so by a connection of its own.
pytestmark = pytest.mark.django_db(transaction=True)
NEW = "4593.2.1"
FILES = {name: make_payload(name.encode() * 100) for name in (OS_PAYLOAD, "oem-azure.gz")}


@pytest.fixture(autouse=True)
def hosted(tmp_path, settings):
    settings.PAYLOAD_DIR = tmp_path / "hosted"
    return settings.PAYLOAD_DIR


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "authority")


@pytest.fixture
def encrypted(authority, public):
    server = PublicServer(tls=authority.server())
    server.publish(NEW, FILES)
    yield server
    server.close()


@pytest.fixture
def proxy():
    server = Proxy()
    yield server
    server.close()


def terms(server, **given):
    values = {"policy": "follow", "needs_signature": False} | given
    return Terms("inside", "public", server.address, f"{server.url}/files", **values)


def follow(server, **given):
    upstream = upstreams.add(terms(server, **given), by=None)
    upstreams.subscribe(upstream, seeded_channel(), by=None)
    return upstream


def run(upstream, **given):
    asked = sync_runs.ask(upstream, seeded_channel(), by=None, **given)
    return sync.work(sync_runs.claim(asked.pk))


def check_here(hosted):
    release = Release.objects.get()
    assert set(release.payloads.values_list("name", flat=True)) == set(FILES)
    for name, content in FILES.items():
        assert (hosted / BOARD / NEW / name).read_bytes() == content


class TestAuthorities:
    def test_of_somebody_else_let_nothing_be_asked_or_touched(
        self, encrypted, authority, hosted, tmp_path
    ):
        other = Authority(tmp_path / "other", "another authority")
        upstream = follow(encrypted, ca_file=str(other.file))
        failed = run(upstream)
        assert failed.state == SyncRun.State.FAILED
        assert "cannot be reached: its certificate is not trusted" in failed.problem
        assert not encrypted.asked
        assert not Release.objects.exists()
        assert seeded_channel().target is None
        assert not hosted.exists()
        mended = upstreams.edit(
            upstream, terms(encrypted, ca_file=str(authority.file)), by=None, why="the right one"
        )
        assert run(mended).problem == ""
        check_here(hosted)

    def test_that_went_bad_later_leave_what_is_here(self, encrypted, authority, hosted, tmp_path):
        upstream = follow(encrypted, ca_file=str(authority.file))
        run(upstream)
        authority.file.write_text("somebody emptied it")
        assert "authorities holds no certificate" in run(upstream).problem
        check_here(hosted)
        assert seeded_channel().target == Release.objects.get()


class TestProxies:
    def test_lead_to_what_is_encrypted_and_go_on_where_a_line_broke(
        self, encrypted, authority, proxy, hosted
    ):
        encrypted.faults[OS_PAYLOAD] += ["truncate"]
        done = run(follow(encrypted, ca_file=str(authority.file), proxy=proxy.url))
        assert done.problem == ""
        check_here(hosted)
        half = len(FILES[OS_PAYLOAD]) // 2
        assert [said for _, said in encrypted.downloads(OS_PAYLOAD)] == ["", f"bytes={half}-"]
        assert set(proxy.asked) == {("CONNECT", encrypted.url.removeprefix("https://"))}

    def test_are_asked_for_all_that_is_not_encrypted(self, public, proxy, hosted):
        public.publish(NEW, FILES)
        assert run(follow(public, proxy=proxy.url)).problem == ""
        check_here(hosted)
        told = [(method, address.removeprefix(public.url)) for method, address in proxy.asked]
        assert told == [(method, path) for method, path, _ in public.asked]

    def test_lead_to_versions_by_their_numbers(self, public, proxy, hosted):
        public.published[NEW] = FILES
        assert run(follow(public, proxy=proxy.url), version=NEW).problem == ""
        check_here(hosted)
        assert len(proxy.asked) == len(public.asked)

    def test_that_refuse_are_told_of_and_nothing_is_touched(self, public, proxy, hosted):
        public.publish(NEW, FILES)
        proxy.refusal = 407
        failed = run(follow(public, proxy=proxy.url))
        assert f"the proxy {proxy.url} wants a name and a password" in failed.problem
        assert not public.asked
        assert not hosted.exists()
        assert Upstream.objects.get().subscriptions.get().failures == 1
