"""What a sync takes from a server only after somebody here has read it."""

import pytest

from oemupdates.models import Payload, Release
from oemupdates.services.sync import upstreams
from tests.domain.payload_maker import make_payload
from tests.services.makers import seeded_channel
from tests.services.sync_maker import KEY, NEW, announce, follow, run, system, terms
from tests.upstream.public_server import BOARD, real_files

# Whoever keeps a run does so by a connection of its own.
pytestmark = pytest.mark.django_db(transaction=True)


class TestWork:
    def test_takes_nothing_that_nobody_signed_where_a_signature_is_needed(self, public):
        public.publish(NEW, system("unsigned"))
        failed = run(follow(public))
        assert "nothing that a node would take" in failed.problem
        assert not Release.objects.exists()

    def test_reads_again_what_was_taken_before_by_its_hashes_alone(self, public, settings):
        settings.PAYLOAD_KEYS = []
        public.publish(NEW, real_files())
        subscription = follow(public, needs_signature=False, policy="mirror")
        run(subscription)
        assert set(Payload.objects.values_list("signed_by", flat=True)) == {""}
        settings.PAYLOAD_KEYS = [KEY]
        upstreams.edit(subscription.upstream, terms(public), by=None)
        asked = len(public.downloads())
        done = run(subscription)
        assert done.changes[0].startswith(f"{NEW} was read again: 2 files, ")
        assert set(Payload.objects.values_list("signed_by", flat=True)) == {KEY.name}
        assert seeded_channel().target.version == NEW
        assert len(public.downloads()) == asked
        assert run(subscription).changes == []

    def test_moves_to_nothing_that_nobody_signed_though_it_is_here(self, public):
        public.publish(NEW, system("unsigned"))
        subscription = follow(public, needs_signature=False, policy="mirror")
        run(subscription)
        upstreams.edit(subscription.upstream, terms(public), by=None)
        assert "nothing that a node would take" in run(subscription).problem
        assert seeded_channel().target is None

    def test_reads_what_was_only_announced_before_a_channel_moves_to_it(self, public, hosted):
        files = real_files()
        release = announce(public, NEW, files)
        public.publish(NEW, files)
        done = run(follow(public))
        assert done.problem == ""
        assert set(release.payloads.values_list("is_verified", "signed_by")) == {(True, KEY.name)}
        assert seeded_channel().target == release
        assert not (hosted / BOARD / NEW).exists()  # nodes get it where it was announced

    def test_moves_to_no_release_with_a_payload_of_others_that_nobody_read(self, public):
        files = real_files()
        announce(public, NEW, files | {"oem-own.gz": b"own"})
        public.publish(NEW, files)
        assert "oem-own.gz" in run(follow(public)).remarks[0]
        assert seeded_channel().target is None

    def test_offers_no_oem_whose_contents_nobody_read_where_they_must_be(self, public):
        files = system("new") | {"oem-own.gz": make_payload(b"no file system")}
        public.publish(NEW, files)
        done = run(follow(public, needs_signature=False, needs_inside=True))
        assert done.problem == ""
        own = Payload.objects.get(name="oem-own.gz")
        assert (own.is_verified, own.unread_because != "") == (False, True)
        assert f"Not looked into, as {own.unread_because}: oem-own.gz." in done.remarks
        assert f"{NEW} (amd64) is not verified, as to oem-own.gz." in done.remarks[-1]
        assert seeded_channel().target is None

    def test_says_that_it_knows_no_key(self, public, settings):
        settings.PAYLOAD_KEYS = []
        assert "no key is known here" in run(follow(public)).problem
        assert not public.asked

    def test_believes_no_version_that_is_another_one(self, public):
        public.publish(NEW, system("new"))
        public.documents[f"/images/{BOARD}/{NEW}/version.txt"] = b"FLATCAR_VERSION=4600.0.0\n"
        assert "says 4600.0.0" in run(follow(public, needs_signature=False)).problem
        assert not Release.objects.exists()

    def test_refuses_other_bytes_for_a_release_that_is_known(self, public):
        public.publish(NEW, system("new"))
        subscription = follow(public, needs_signature=False)
        run(subscription)
        public.manifests.clear()
        public.publish(NEW, system("other"))
        assert "another flatcar_production_update.gz" in run(subscription).problem
