"""Syncs with a real server that has bad days: whole releases, or none, and why in words."""

import pytest
from django.utils import timezone

from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.models import Activity, Floor, PackageList, Payload, Release, Subscription, SyncRun
from oemupdates.services.groups import channels
from oemupdates.services.sync import sync, sync_runs, upstreams
from oemupdates.services.sync.upstreams import Terms
from tests.servers import free_port
from tests.services.makers import seeded_channel
from tests.services.sync_maker import KEY, NEW, OLD, follow, run, system
from tests.upstream.public_server import BOARD, real_files

# Whoever keeps a run does so by a connection of its own.
pytestmark = pytest.mark.django_db(transaction=True)


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

    def test_fetches_again_what_is_gone_from_the_disk(self, public, hosted):
        files = system("new")
        public.publish(NEW, files)
        subscription = follow(public, needs_signature=False)
        run(subscription)
        place = hosted / BOARD / NEW / OS_PAYLOAD
        place.unlink()
        assert run(subscription).state == "done"
        assert place.read_bytes() == files[OS_PAYLOAD]

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
