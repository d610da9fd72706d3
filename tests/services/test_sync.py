"""Syncs with a real server that has bad days: whole releases, or none, and why in words."""

import shutil
from datetime import timedelta
from hashlib import sha1, sha256
from pathlib import Path

import pytest
from django.utils import timezone

from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.models import (
    Activity,
    Floor,
    PackageList,
    Payload,
    Proposal,
    Release,
    Subscription,
    SyncRun,
)
from oemupdates.services import (
    channels,
    disk_room,
    proposals,
    publishing,
    releases,
    sync,
    sync_runs,
    upstreams,
)
from oemupdates.services.proposals import CannotDecide
from oemupdates.services.publishing import Announced, Announcement
from oemupdates.services.upstreams import CannotSubscribe, Terms
from tests.domain.payload_maker import make_payload
from tests.servers import free_port
from tests.services.makers import make_node, make_operator, seeded_channel
from tests.upstream.public_server import BOARD, real_files

# Whoever keeps a run does so by a connection of its own.
pytestmark = pytest.mark.django_db(transaction=True)
KEY = Path(__file__).parents[1] / "payloads" / "update-payload-key.pub.pem"
OLD, NEW = "4459.2.1", "4593.2.1"


@pytest.fixture(autouse=True)
def hosted(tmp_path, settings):
    settings.PAYLOAD_DIR = tmp_path / "hosted"
    settings.PAYLOAD_KEYS = [KEY]
    return settings.PAYLOAD_DIR


def terms(public, **given):
    values = {
        "name": "flatcar",
        "kind": "public",
        "address": public.address,
        "release_server": f"{public.url}/files",
        "images_server": f"{public.url}/images",
        "policy": "follow",
    } | given
    return Terms(**values)


def follow(public, channel="stable", **given):
    upstream = upstreams.add(terms(public, **given), by=None)
    return upstreams.subscribe(upstream, seeded_channel(channel), by=None)


def run(subscription, watch=None, **given):
    asked = sync_runs.ask(subscription.upstream, subscription.channel, by=None, **given)
    return sync.work(sync_runs.claim(asked.pk), watch)


def system(text):
    """The files of a release that nobody signed."""
    return {OS_PAYLOAD: make_payload(text.encode())}


def announce(public, version, files):
    """Have a publishing script tell of a release that this server does not host."""
    said = [
        Announced(name, len(content), *(one(content).hexdigest() for one in (sha1, sha256)))
        for name, content in files.items()
    ]
    where = f"{public.folder}/{version}/"
    release, _ = publishing.publish(
        Announcement(seeded_channel().application, version, "amd64", where, said), by=None
    )
    return release


def test_case_62_a_sync_run_twice_has_everything_once(public, hosted):
    files = real_files()
    public.publish(NEW, files)
    public.faults[OS_PAYLOAD] += ["truncate"]
    subscription = follow(public)

    def held():
        places = {place: place.read_bytes() for place in hosted.rglob("*.gz")}
        return places, list(Payload.objects.values_list("pk", "name", "size", "sha1", "sha256"))

    assert run(subscription).state == "done"
    first = held()
    (_, start), (_, rest) = public.downloads(OS_PAYLOAD)
    assert (start, rest) == ("", f"bytes={len(files[OS_PAYLOAD]) // 2}-")
    assert run(subscription).state == "done"
    assert held() == first
    assert {place.name: content for place, content in first[0].items()} == files
    assert Release.objects.count() == 1


class TestWork:
    def test_has_the_release_whole_and_moves_the_channel(self, public, hosted):
        files = real_files()
        public.publish(NEW, files)
        public.feed(NEW, "Much is new.", "2026-08-01")
        public.documents[f"/images/{BOARD}/{NEW}/oem-azure_packages.txt"] = b"app/walinux-2.13\n"
        subscription = follow(public, feed=f"{public.url}/feed-{{channel}}.json")
        done = run(subscription)
        assert (done.state, done.problem) == ("done", "")
        release = Release.objects.get()
        for name, content in files.items():
            assert (hosted / BOARD / NEW / name).read_bytes() == content
        assert set(release.payloads.values_list("signed_by", flat=True)) == {KEY.name}
        assert seeded_channel().target == release
        assert (release.notes, str(release.published_on)) == ("Much is new.", "2026-08-01")
        assert PackageList.objects.get().content == "app/walinux-2.13\n"
        assert release.origins == [f"{public.folder}/{NEW}/"]
        assert (done.files_done, done.files_total) == (2, 2)
        assert done.bytes_done == done.bytes_total == sum(map(len, files.values()))
        assert f"stable (amd64) is at {NEW}." in done.changes
        assert not list((hosted / ".staging").rglob("*.gz"))

        asked, written = len(public.downloads()), Activity.objects.count()
        again = run(subscription)
        assert (again.state, again.changes) == ("done", [])
        assert (len(public.downloads()), Activity.objects.count() - written) == (asked, 0)

    def test_takes_floors_with_their_reasons_before_the_target(self, public):
        public.publish(OLD, system("old"), is_target=False, floor_reason="new boot loader")
        public.publish(NEW, system("new"))
        within = f"/images/{BOARD}/{OLD}/rootfs-included-sysexts/docker-flatcar_packages.txt"
        public.documents[within] = b"app-containers/docker-27.3\n"
        subscription = follow(public, needs_signature=False)
        run(subscription)
        floor = Floor.objects.select_related("release").get()
        assert floor.release.package_lists.get().name == "docker-flatcar"
        assert (floor.release.version, floor.reason) == (OLD, "new boot loader")
        channels.remove_floor(floor, by=None)
        assert run(subscription).state == "done"
        assert not Floor.objects.exists()  # an operator took it away

    @pytest.mark.parametrize(
        ("fault", "words"),
        [
            ("404", "is not there"),
            ("500", "answers 500"),
            ("wrong", "other bytes"),
            ("longer", "were announced"),
        ],
    )
    def test_moves_nothing_without_the_second_oem_and_mends_it_the_next_time(
        self, public, fault, words
    ):
        files = system("new") | {"oem-azure.gz": real_files()["oem-azure.gz"]}
        public.publish(NEW, files)
        public.faults["oem-azure.gz"] = [fault] * 100
        subscription = follow(public, needs_signature=False)
        failed = run(subscription)
        assert failed.state == "failed"
        assert "oem-azure.gz" in failed.problem
        assert words in failed.problem
        assert not Release.objects.exists()
        assert seeded_channel().target is None
        public.faults.clear()
        assert run(subscription).state == "done"
        assert Payload.objects.count() == len(files)
        assert len(public.downloads(OS_PAYLOAD)) == 1

    @pytest.mark.parametrize("faults", [["truncate"], ["redirect"], ["503"], ["no range"]])
    def test_gets_over(self, public, hosted, faults):
        files = system("new")
        public.publish(NEW, files)
        public.faults[OS_PAYLOAD] += faults
        assert run(follow(public, needs_signature=False)).problem == ""
        assert (hosted / BOARD / NEW / OS_PAYLOAD).read_bytes() == files[OS_PAYLOAD]

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

    def test_fetches_again_what_turned_bad_on_the_disk(self, public, hosted):
        files = system("new")
        public.publish(NEW, files)
        subscription = follow(public, needs_signature=False)
        run(subscription)
        place = hosted / BOARD / NEW / OS_PAYLOAD
        place.write_bytes(bytes(len(files[OS_PAYLOAD])))
        Payload.objects.update(is_verified=False)
        assert run(subscription).problem == ""
        assert place.read_bytes() == files[OS_PAYLOAD]
        assert Payload.objects.get().is_verified

    def test_says_that_it_knows_no_key(self, public, settings):
        settings.PAYLOAD_KEYS = []
        assert "no key is known here" in run(follow(public)).problem
        assert not public.asked

    def test_says_that_there_is_no_room(self, public, settings):
        settings.SYNC_DISK_RESERVE = 2**62
        public.publish(NEW, system("new"))
        assert "disk needs" in run(follow(public, needs_signature=False)).problem
        assert not public.downloads()

    def test_leaves_others_the_room_that_they_will_need(self, public, hosted, settings):
        public.publish(NEW, system("new"))
        subscription = follow(public, needs_signature=False)
        hosted.mkdir()
        most = shutil.disk_usage(hosted).free * 2 // 3
        settings.SYNC_DISK_RESERVE = most // 2
        with disk_room.taking(hosted / ".staging/others", most // 2):
            settings.SYNC_DISK_RESERVE = most
            assert "for what is on its way already" in run(subscription).problem
        assert not public.downloads()
        assert run(subscription).problem == ""

    def test_holds_the_room_for_what_it_fetches(self, public, hosted):
        files = system("new")
        public.publish(NEW, files)
        told = []

        def look(keeper):
            say = keeper.say

            def say_and_look(doing):
                told.append((doing.split()[0], disk_room.promised()))
                say(doing)

            keeper.say = say_and_look

        assert run(follow(public, needs_signature=False), look).problem == ""
        assert ("Fetching", len(files[OS_PAYLOAD])) in told
        assert told[-1][1] == 0

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

    def test_fetches_again_what_is_gone_from_the_disk(self, public, hosted):
        files = system("new")
        public.publish(NEW, files)
        subscription = follow(public, needs_signature=False)
        run(subscription)
        place = hosted / BOARD / NEW / OS_PAYLOAD
        place.unlink()
        assert run(subscription).state == "done"
        assert place.read_bytes() == files[OS_PAYLOAD]

    def test_asks_again_for_notes_and_lists_that_could_not_be_had(self, public):
        public.publish(NEW, real_files())
        public.feed(NEW, "Much is new.", "2026-08-01")
        lists = {"flatcar_production_image": b"app-shells/bash-5.2\n", "oem-azure": b"app/a-1\n"}
        for name, content in lists.items():
            public.documents[f"/images/{BOARD}/{NEW}/{name}_packages.txt"] = content
        public.faults |= {"feed-stable.json": ["403"], "oem-azure_packages.txt": ["403"]}
        subscription = follow(public, feed=f"{public.url}/feed-{{channel}}.json")
        first = run(subscription)
        assert first.state == "done"
        assert "feed-stable.json answers 403" in first.remarks[0]
        assert PackageList.objects.get().name == "flatcar_production_image"
        run(subscription)
        assert set(PackageList.objects.values_list("name", flat=True)) == set(lists)
        assert Release.objects.get().notes == "Much is new."
        asked = len(public.asked)
        run(subscription)
        assert len(public.asked) - asked == 2  # what is offered, and version.txt

    def test_asks_later_for_a_list_that_was_not_published_yet(self, public):
        public.publish(NEW, system("new"))
        subscription = follow(public, needs_signature=False)
        run(subscription)
        where = f"/images/{BOARD}/{NEW}/flatcar_production_image_packages.txt"
        public.documents[where] = b"app-shells/bash-5.2\n"
        run(subscription)
        assert not PackageList.objects.exists()  # it was looked for just now
        long_ago = timezone.now() - timedelta(hours=7)
        Release.objects.update(documented_at=long_ago)
        assert run(subscription).changes == [f"A list of packages of {NEW} is here."]

    def test_says_in_a_dry_run_what_it_would_do_and_does_nothing(self, public):
        public.publish(NEW, system("new"))
        done = run(follow(public, needs_signature=False), is_dry=True)
        assert done.changes[0].startswith(f"{NEW} would be imported: 1 file, ")
        assert not Release.objects.exists()
        assert not public.downloads()

    def test_stops_when_it_is_cancelled_and_imports_nothing(self, public):
        public.publish(NEW, system("new"))
        cancelled = run(
            follow(public, needs_signature=False),
            lambda _: sync_runs.cancel(SyncRun.objects.get(), by=None),
        )
        assert cancelled.state == "cancelled"
        assert not Release.objects.exists()

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


class TestWorkDue:
    def test_goes_on_with_others_where_one_fails(self, public):
        public.publish(NEW, system("new"))
        good = follow(public, needs_signature=False)
        nobody = f"http://127.0.0.1:{free_port()}/v1/update/"
        bad = upstreams.add(Terms("away", "nebraska", nobody, needs_signature=False), by=None)
        upstreams.subscribe(bad, seeded_channel("beta"), by=None)
        assert sync.work_due() == 2
        assert sync.work_due() == 0
        assert seeded_channel().target.version == NEW
        problems = dict(SyncRun.objects.values_list("upstream__name", "problem"))
        assert problems["flatcar"] == ""
        assert "nothing listens there" in problems["away"]
        failures = dict(Subscription.objects.values_list("upstream__name", "failures"))
        assert failures == {"flatcar": 0, "away": 1}
        assert Subscription.objects.get(pk=good.pk).next_run_at > timezone.now()
