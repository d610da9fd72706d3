"""Releases > Upstreams: added, followed, synced and decided on by page."""

from typing import Any

import pytest
from django.test import Client

from oemupdates.models import Operator, Proposal, Subscription, SyncRun, Upstream
from oemupdates.services.sync import proposals, sync_runs, upstreams
from oemupdates.services.sync.sync_runs import Outcome
from tests.dashboard.conftest import log_in
from tests.services.makers import make_release, seeded_channel

SAID = {"name": "flatcar", "kind": "public", "policy": "follow", "interval_minutes": "30"}
PAGE = "/releases/upstreams/"


def html_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


@pytest.fixture
def upstream(db: None) -> Upstream:
    return upstreams.add(upstreams.Terms("flatcar", "public"), by=None)


@pytest.fixture
def subscription(upstream: Upstream) -> Subscription:
    return upstreams.subscribe(upstream, seeded_channel(), by=None)


@pytest.fixture
def run(subscription: Subscription) -> SyncRun:
    asked = sync_runs.ask(subscription.upstream, subscription.channel, by=None)
    claimed = sync_runs.claim(asked.pk)
    assert claimed is not None
    return claimed


class TestAdding:
    def test_leads_to_the_upstream(self, page: Client) -> None:
        answer = page.post(f"{PAGE}add/", SAID, follow=True)
        made = Upstream.objects.get()
        assert (made.policy, made.needs_signature, made.interval_minutes) == ("follow", False, 30)
        assert "No channel follows it" in html_of(answer)

    @pytest.mark.parametrize(
        ("wrong", "words"),
        [
            ({"address": "file:///etc/passwd"}, "no http or https address"),
            ({"name": ""}, "required"),
            ({"interval_minutes": "0"}, "The interval is"),
        ],
    )
    def test_says_why_not_and_keeps_what_was_typed(
        self, page: Client, wrong: dict[str, str], words: str
    ) -> None:
        answer = page.post(f"{PAGE}add/", SAID | {"proxy": "http://p:1"} | wrong)
        assert answer.status_code == 400
        assert words in html_of(answer)
        assert "http://p:1" in html_of(answer)
        assert not Upstream.objects.exists()


class TestUpstream:
    def test_is_changed_switched_and_removed(self, page: Client, upstream: Upstream) -> None:
        url = f"{PAGE}{upstream.pk}/"
        page.post(f"{url}edit/", SAID)
        page.post(f"{url}active/", {"on": "0"})
        upstream.refresh_from_db()
        assert (upstream.policy, upstream.is_enabled) == ("follow", False)
        assert "type flatcar to confirm" in html_of(page.post(f"{url}remove/", follow=True))
        page.post(f"{url}remove/", {"confirmed": "flatcar"})
        assert not Upstream.objects.exists()

    def test_lets_channels_follow_and_leave(self, page: Client, upstream: Upstream) -> None:
        said = {"channel": seeded_channel("lts").pk, "track": "lts-2026"}
        answer = page.post(f"{PAGE}{upstream.pk}/follow/", said, follow=True)
        assert "lts-2026" in html_of(answer)
        made = Subscription.objects.get()
        page.post(f"/releases/followers/{made.pk}/remove/")
        assert not Subscription.objects.exists()

    def test_fetches_a_version(self, page: Client, upstream: Upstream) -> None:
        url, channel = f"{PAGE}{upstream.pk}/import/", seeded_channel().pk
        page.post(url, {"version": "", "channel": channel})
        page.post(url, {"version": "newest", "channel": channel})
        assert not SyncRun.objects.exists()
        page.post(url, {"version": "4459.2.1", "channel": channel})
        assert SyncRun.objects.get().version == "4459.2.1"


class TestSyncs:
    def test_are_asked_for_once(self, page: Client, subscription: Subscription) -> None:
        url = f"/releases/followers/{subscription.pk}/sync/"
        assert "Waits for a worker" in html_of(page.post(url, follow=True))
        assert "under way already" in html_of(page.post(url, follow=True))
        assert SyncRun.objects.get().asked_by is not None

    def test_show_how_far_they_are_and_are_cancelled(self, page: Client, run: SyncRun) -> None:
        SyncRun.objects.update(
            doing="Fetching x.gz", files_done=1, files_total=3, bytes_done=2048, bytes_total=8192
        )
        shown = html_of(page.get(PAGE))
        assert 'hx-trigger="every 2s"' in shown
        assert "1 of 3 files, 2.0\xa0KB of 8.0\xa0KB" in page.get(PAGE).content.decode()
        page.post(f"/releases/syncs/{run.pk}/cancel/")
        shown = html_of(page.get(PAGE))
        assert "Cancelled" in shown
        assert "hx-trigger" not in shown

    def test_say_what_changed_and_why_they_failed(self, page: Client, run: SyncRun) -> None:
        sync_runs.settle(run, Outcome(["4593.2.1 was imported."], ["No notes."], "<No> key."))
        shown = html_of(page.get(PAGE))
        assert "4593.2.1 was imported." in shown
        assert "No notes." in shown
        assert "&lt;No&gt; key." in shown
        assert "<No>" not in shown

    def test_cost_the_same_for_many_channels(
        self, page: Client, upstream: Upstream, django_assert_max_num_queries: Any
    ) -> None:
        for name in ("alpha", "beta", "stable", "lts"):
            upstreams.subscribe(upstream, seeded_channel(name), by=None)
        with django_assert_max_num_queries(16):
            page.get(PAGE)


class TestProposals:
    @pytest.mark.parametrize(("verb", "target"), [("accept", "4593.2.1"), ("dismiss", None)])
    def test_are_decided_once(
        self, page: Client, subscription: Subscription, verb: str, target: str | None
    ) -> None:
        release = make_release("4593.2.1")
        proposals.propose(subscription.upstream, subscription.channel, release, [])
        proposal = Proposal.objects.get()
        assert "is proposed for" in html_of(page.get(PAGE))
        url = f"/releases/proposals/{proposal.pk}/{verb}/"
        page.post(url)
        channel = seeded_channel()
        assert (channel.target.version if channel.target else None) == target
        assert "decided already" in html_of(page.post(url, follow=True))


def test_who_only_reads_is_shown_no_verb(viewer: Operator, subscription: Subscription) -> None:
    client = log_in(viewer)
    for url in (PAGE, f"{PAGE}{subscription.upstream_id}/"):
        shown = html_of(client.get(url))
        assert "stable (amd64)" in shown
        assert "Sync now" not in shown
        assert "Switch" not in shown


def test_a_damaged_page_address_is_told(page: Client) -> None:
    assert page.get(f"{PAGE}?after=x").status_code == 400
