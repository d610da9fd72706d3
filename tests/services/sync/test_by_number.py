"""Releases that are asked for by their version."""

import pytest

from oemupdates.models import PackageList, Payload
from oemupdates.services.groups import channels
from oemupdates.services.sync import sync, sync_runs, upstreams
from oemupdates.services.sync.upstreams import CannotSubscribe
from tests.domain.payload_maker import make_payload
from tests.services.makers import make_node, seeded_channel
from tests.services.sync_maker import NEW, follow, run, system, terms
from tests.upstream.public_server import BOARD, real_files

# Whoever keeps a run does so by a connection of its own.
pytestmark = pytest.mark.django_db(transaction=True)


class TestImportByNumber:
    def test_has_a_version_that_is_not_offered_any_more_and_moves_nothing(self, public):
        files = real_files()
        public.published[NEW] = files
        done = run(follow(public), version=NEW)
        assert done.problem == ""
        assert set(Payload.objects.values_list("name", flat=True)) == set(files)
        assert seeded_channel().target is None
        assert "oem-ami.gz" in done.remarks[0]

    def test_needs_no_server_that_answers_omaha(self, public):
        public.published[NEW] = real_files()
        where = {"address": "", "images_server": f"{public.url}/images/{{channel}}"}
        only_files = upstreams.add(terms(public, kind="files", **where), by=None)
        # Ours may be called otherwise; the folders over there have the track's name.
        channel = channels.create(
            seeded_channel().application, name="berlin", architecture="amd64", by=None
        )
        other = upstreams.add(terms(public, name="other"), by=None)
        upstreams.subscribe(other, channel, track="stable", by=None)
        folder = f"/images/stable/{BOARD}/{NEW}"
        public.documents[f"{folder}/version.txt"] = f"FLATCAR_VERSION={NEW}\n".encode()
        public.documents[f"{folder}/oem-azure_packages.txt"] = b"app/a-1\n"
        asked = sync_runs.ask(only_files, channel, version=NEW, by=None)
        done = sync.work(sync_runs.claim(asked.pk))
        assert done.problem == ""
        assert not [remark for remark in done.remarks if "version.txt" in remark]
        assert PackageList.objects.get().name == "oem-azure"
        with pytest.raises(CannotSubscribe, match="by their numbers"):
            upstreams.subscribe(only_files, channel, by=None)

    def test_believes_no_folder_that_holds_another_version(self, public):
        public.publish(NEW, system("new"))
        public.documents[f"/images/{BOARD}/{NEW}/version.txt"] = b"FLATCAR_VERSION=4600.0.0\n"
        assert "says 4600.0.0" in run(follow(public, needs_signature=False), version=NEW).problem

    def test_asks_for_oems_that_only_nodes_know(self, public):
        public.published[NEW] = system("new") | {"oem-acme.gz": make_payload(b"acme")}
        make_node(oem="acme")
        done = run(follow(public, needs_signature=False), version=NEW)
        assert done.problem == ""
        assert Payload.objects.filter(name="oem-acme.gz").exists()

    def test_says_that_there_is_none(self, public):
        assert "has no 1.0.0" in run(follow(public), version="1.0.0").problem
