"""Where a channel goes once its release is here: at once, by an operator's word, or not."""

import pytest

from oemupdates.models import Floor, Proposal, Release
from oemupdates.services.groups import channels
from oemupdates.services.releases import releases
from oemupdates.services.sync import proposals, upstreams
from oemupdates.services.sync.proposals import CannotDecide
from tests.services.makers import make_operator, seeded_channel
from tests.services.sync_maker import NEW, OLD, follow, run, system, terms

# Whoever keeps a run does so by a connection of its own.
pytestmark = pytest.mark.django_db(transaction=True)


class TestWork:
    def test_does_not_move_a_channel_back_that_an_operator_moved(self, public):
        public.publish(OLD, system("old"))
        subscription = follow(public, needs_signature=False)
        run(subscription)
        public.manifests.clear()
        public.publish(NEW, system("new"))
        run(subscription)
        channels.set_target(seeded_channel(), Release.objects.get(version=OLD), by=None, why="x")
        assert "stays so" in run(subscription).remarks[0]
        assert seeded_channel().target.version == OLD

    def test_does_not_move_to_a_release_that_is_blocked_here(self, public):
        public.publish(NEW, system("new"))
        subscription = follow(public, needs_signature=False, policy="mirror")
        run(subscription)
        assert seeded_channel().target is None
        releases.block(Release.objects.get(), by=None, because="bad kernel")
        upstreams.edit(
            subscription.upstream, terms(public, needs_signature=False), by=make_operator()
        )
        assert "bad kernel" in run(subscription).remarks[0]
        assert seeded_channel().target is None


class TestProposals:
    def test_wait_for_an_operator_who_accepts(self, public):
        public.publish(OLD, system("old"), is_target=False, floor_reason="new boot loader")
        public.publish(NEW, system("new"))
        subscription = follow(public, needs_signature=False, policy="propose")
        run(subscription)
        run(subscription)
        proposal = Proposal.objects.get()
        assert seeded_channel().target is None
        assert not Floor.objects.exists()
        proposals.accept(proposal, by=make_operator())
        assert seeded_channel().target.version == NEW
        assert Floor.objects.get().release.version == OLD
        with pytest.raises(CannotDecide):
            proposals.dismiss(proposal, by=None)

    def test_are_not_made_again_once_they_were_dismissed(self, public):
        public.publish(NEW, system("new"))
        subscription = follow(public, needs_signature=False, policy="propose")
        run(subscription)
        proposals.dismiss(Proposal.objects.get(), by=None, why="no")
        run(subscription)
        assert Proposal.objects.get().state == "dismissed"
        assert seeded_channel().target is None

    def test_give_way_to_newer_ones(self, public):
        public.publish(OLD, system("old"))
        subscription = follow(public, needs_signature=False, policy="propose")
        run(subscription)
        public.manifests.clear()
        public.publish(NEW, system("new"))
        run(subscription)
        states = dict(Proposal.objects.values_list("release__version", "state"))
        assert states == {OLD: "superseded", NEW: "open"}

    def test_that_the_upstream_takes_back_cannot_be_accepted(self, public):
        public.publish(OLD, system("old"))
        subscription = follow(public, needs_signature=False, policy="propose")
        run(subscription)
        older = public.manifests.pop()
        public.publish(NEW, system("new"))
        run(subscription)
        public.manifests[:] = [older]
        run(subscription)
        waiting = Proposal.objects.get(state="open")
        assert waiting.release.version == OLD
        with pytest.raises(CannotDecide):
            proposals.accept(Proposal.objects.get(release__version=NEW), by=None)
        proposals.dismiss(waiting, by=None)
        public.manifests.clear()
        public.publish(NEW, system("new"))
        run(subscription)
        public.manifests[:] = [older]
        run(subscription)
        assert not Proposal.objects.filter(state="open").exists()

    def test_end_when_the_channel_went_there_without_them(self, public):
        public.publish(NEW, system("new"))
        subscription = follow(public, needs_signature=False, policy="propose")
        run(subscription)
        channels.set_target(seeded_channel(), Release.objects.get(), by=None)
        assert run(subscription).changes == ["Nothing is proposed for stable (amd64) any more."]
        assert Proposal.objects.get().state == "superseded"
