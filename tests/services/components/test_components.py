"""Components: their images, what groups want of them, and what is known of nodes."""

import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from oemupdates.domain import collection
from oemupdates.domain.drift_facts import Drift
from oemupdates.domain.report import Extension, Report
from oemupdates.domain.sysupdate import Withheld
from oemupdates.models import (
    Activity,
    Component,
    ComponentImage,
    ComponentPoll,
    ComponentWant,
    Node,
)
from oemupdates.services.checkins import snapshot
from oemupdates.services.components import (
    component_lists,
    component_polls,
    component_wants,
    components,
    list_keys,
    node_components,
)
from oemupdates.services.components.component_lists import Asked, Listing
from oemupdates.services.components.component_polls import Poll
from oemupdates.services.components.component_wants import CannotWant
from oemupdates.services.components.components import (
    CannotAddImage,
    CannotRemoveComponent,
    CannotWithdraw,
)
from oemupdates.services.components.list_keys import NoListKey
from oemupdates.services.drift import remeasuring, reports
from oemupdates.services.hosting import payload_disk
from oemupdates.services.releases import release_additions
from oemupdates.services.upkeep import collecting
from tests.component_images import host_image, make_image
from tests.services.makers import (
    NOW,
    counted,
    last_activity,
    make_node,
    make_operator,
    recounted,
    seeded_group,
)

pytestmark = pytest.mark.django_db
BOUND = "ID=flatcar\nVERSION_ID=4593.2.1\nARCHITECTURE=x86-64\n"


@pytest.fixture(autouse=True)
def root(tmp_path: Path, settings: Any) -> Path:
    settings.PAYLOAD_DIR = tmp_path / "hosted"
    settings.SYSUPDATE_KEY = tmp_path / "keys/key.asc"
    return tmp_path / "hosted"


class TestAdd:
    def test_hosts_an_image_and_reads_for_which_os_it_is(self, tmp_path: Path, root: Path) -> None:
        path = make_image(tmp_path, inside=BOUND)
        image, is_new = components.add(path, by=make_operator())
        assert is_new
        assert (image.component.name, image.version, image.architecture) == (
            "kubernetes",
            "v1.31.0",
            "amd64",
        )
        content = path.read_bytes()
        assert (image.bound_to, image.size) == ("4593.2.1", len(content))
        assert image.sha256 == hashlib.sha256(content).hexdigest()
        there = root / "components/kubernetes/kubernetes-v1.31.0-x86-64.raw"
        assert there.read_bytes() == content
        assert last_activity().verb == "component.image_added"

    @pytest.mark.parametrize("inside", ["ID=_any\n", "ID=flatcar\nSYSEXT_LEVEL=1.0\n"])
    def test_knows_what_fits_every_os(self, tmp_path: Path, inside: str) -> None:
        assert host_image(tmp_path, inside=inside).bound_to == ""

    def test_changes_nothing_by_the_same_again(self, tmp_path: Path) -> None:
        path = make_image(tmp_path)
        first = components.add(path, by=None)
        told = Activity.objects.count()
        assert components.add(path, by=None) == (first.image, False)
        assert Activity.objects.count() == told

    def test_puts_back_what_went_from_the_disk(self, tmp_path: Path, root: Path) -> None:
        path = make_image(tmp_path)
        components.add(path, by=None)
        there = root / "components/kubernetes" / path.name
        there.write_bytes(b"damaged")
        components.add(path, by=None)
        assert there.read_bytes() == path.read_bytes()

    @pytest.mark.parametrize(
        ("given", "why"),
        [
            ({"inside": "ID=debian\nVERSION_ID=12\n"}, "for debian"),
            ({"inside": "ID=flatcar\nVERSION_ID=12.x\n"}, "no Flatcar version"),
            ({"inside": "ID=_any\nARCHITECTURE=arm64\n"}, "built for arm64"),
            ({"component": "other"}, "no extension-release of its name"),
        ],
    )
    def test_refuses_what_no_node_would_merge(
        self, tmp_path: Path, root: Path, given: dict[str, str], why: str
    ) -> None:
        path = make_image(tmp_path, **given)
        if "component" in given:
            path = path.rename(tmp_path / "kubernetes-v1.31.0-x86-64.raw")
        with pytest.raises(CannotAddImage, match=why):
            components.add(path, by=None)
        assert not Component.objects.exists()
        assert not list(root.rglob("*.raw"))

    def test_refuses_a_file_that_is_no_image(self, tmp_path: Path) -> None:
        path = tmp_path / "kubernetes-v1.31.0-x86-64.raw"
        path.write_bytes(b"not at all" * 1000)
        with pytest.raises(CannotAddImage, match="file system is none of"):
            components.add(path, by=None)

    def test_refuses_other_bytes_under_a_version(self, tmp_path: Path, root: Path) -> None:
        host_image(tmp_path)
        there = root / "components/kubernetes/kubernetes-v1.31.0-x86-64.raw"
        before = there.read_bytes()
        with pytest.raises(CannotAddImage, match="with other bytes"):
            host_image(tmp_path, content=b"other")
        assert there.read_bytes() == before

    def test_takes_an_upload_under_the_name_that_it_came_with(self, tmp_path: Path) -> None:
        content = make_image(tmp_path).read_bytes()
        with release_additions.upload(len(content)) as place:
            place.write_bytes(content)
            added = components.add_upload(place, "kubernetes-v1.31.0-x86-64.raw", by=None)
        assert added.is_new
        with pytest.raises(CannotAddImage, match="is no name of an image"):
            components.check_name("../kubernetes.raw")


class TestWithdraw:
    def test_takes_an_image_off_the_lists_and_back(self, tmp_path: Path) -> None:
        image = host_image(tmp_path)
        components.withdraw(image, why="It crashes.", by=None)
        assert snapshot.current().components == {"kubernetes": ()}
        assert last_activity().why == "It crashes."
        with pytest.raises(CannotWithdraw):
            components.withdraw(image, why="Again.", by=None)
        components.put_back(image, by=None)
        assert snapshot.current().components == {"kubernetes": (image.image,)}
        with pytest.raises(CannotWithdraw):
            components.put_back(image, by=None)


class TestRemove:
    def test_takes_a_component_out_that_nobody_wants(
        self, tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        image = host_image(tmp_path)
        component_wants.want(seeded_group(), image.component, by=None)
        with pytest.raises(CannotRemoveComponent, match=r"stable \(amd64\) wants it"):
            components.remove(image.component, by=None)
        host_image(tmp_path, architecture="arm64")
        component_wants.want(seeded_group(architecture="arm64"), image.component, by=None)
        with pytest.raises(CannotRemoveComponent, match=r"stable \(arm64\) want it"):
            components.remove(image.component, by=None)
        for architecture in ("amd64", "arm64"):
            group = seeded_group(architecture=architecture)
            component_wants.unwant(group, image.component, by=None)
        components.remove(image.component, by=None)
        assert not ComponentImage.objects.exists()
        there = root / "components/kubernetes/kubernetes-v1.31.0-x86-64.raw"
        assert there.exists()
        assert not collecting.plan().going
        monkeypatch.setattr(collection, "YOUNG", timedelta(0))
        (piece,) = collecting.collect(by=None).going
        assert (piece.place, piece.why) == ("components/kubernetes", "No component names it.")
        assert not there.exists()

    def test_leaves_images_of_others_where_they_are(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        image = host_image(tmp_path)
        monkeypatch.setattr(collection, "YOUNG", timedelta(0))
        disk = payload_disk.survey()
        assert not collecting.plan(disk).pieces
        (folder,) = disk.components
        assert (folder.version, disk.strange) == ("kubernetes", [])
        assert folder.size == image.size + len(f"{'0' * 64}  {image.image.file}\n")


class TestWant:
    def test_is_the_newest_or_up_to_a_version(self, tmp_path: Path) -> None:
        image = host_image(tmp_path)
        component_wants.want(seeded_group(), image.component, by=None)
        component_wants.want(seeded_group(), image.component, up_to="v1.31.0", by=None)
        assert ComponentWant.objects.get().up_to == "v1.31.0"
        told = last_activity()
        assert (told.before, told.after) == (
            {"wants": "the newest kubernetes"},
            {"wants": "kubernetes up to v1.31.0"},
        )
        many = Activity.objects.count()
        component_wants.want(seeded_group(), image.component, up_to="v1.31.0", by=None)
        assert Activity.objects.count() == many

    @pytest.mark.parametrize(
        ("up_to", "architecture", "why"),
        [
            ("v9", "amd64", "There is no kubernetes v9"),
            ("a b", "amd64", "is no version"),
            ("", "arm64", "no image of kubernetes for arm64"),
        ],
    )
    def test_refuses_what_is_not_here(
        self, tmp_path: Path, up_to: str, architecture: str, why: str
    ) -> None:
        image = host_image(tmp_path)
        group = seeded_group(architecture=architecture)
        with pytest.raises(CannotWant, match=why):
            component_wants.want(group, image.component, up_to=up_to, by=None)
        with pytest.raises(CannotWant, match="does not want"):
            component_wants.unwant(group, image.component, by=None)


class TestNodes:
    @pytest.fixture
    def node(self, tmp_path: Path) -> Node:
        """A node of a group that wants v1.31.0, and has what it reports."""
        for version in ("v1.30.1", "v1.31.0"):
            host_image(tmp_path, "kubernetes", version)
        component_wants.want(seeded_group(), Component.objects.get(), by=None)
        return make_node(version="4593.2.1", boot_id="{boot-1}")

    def report(self, node: Node, version: str) -> Report:
        path = f"../../opt/extensions/kubernetes/kubernetes-{version}-x86-64.raw"
        image = Extension("kubernetes", merged=True, target=path, target_exists=True)
        said = Report(node.machine_id, "boot-1", extensions=(image,))
        reports.take(said, secret="", address=None, now=NOW)
        return said

    def drifts(self, node: Node) -> list[str]:
        node.refresh_from_db()
        return [one for one in node.drift.split() if one.startswith("sysupdate")]

    def test_are_measured_by_their_reports_and_again_when_a_group_wants_otherwise(
        self, node: Node
    ) -> None:
        self.report(node, "v1.30.1")
        assert self.drifts(node) == [Drift.SYSUPDATE_BEHIND]
        component_wants.want(seeded_group(), Component.objects.get(), up_to="v1.30.1", by=None)
        remeasuring.advance(NOW, seconds=60)
        assert self.drifts(node) == []
        self.report(node, "v1.31.0")
        assert self.drifts(node) == [Drift.SYSUPDATE_AHEAD]
        assert counted() == recounted()

    def test_show_what_they_have_should_have_and_asked_for(self, node: Node) -> None:
        asked = Poll(node.pk, "kubernetes", "boot-1", "4593.2.1", NOW, has_asked=True)
        took = Poll(node.pk, "kubernetes", "boot-1", "4593.2.1", NOW, took="v1.30.1", took_at=NOW)
        component_polls.record([took])
        component_polls.record([asked.joined(took), Poll(0, "kubernetes", "", "", NOW)])
        component_polls.record([Poll(node.pk, "gone", "", "", NOW, has_asked=True)])
        (found,) = node_components.of_node(node, self.report(node, "v1.30.1"))
        assert (found.has, found.is_merged, found.wanted, found.is_wanted) == (
            "v1.30.1",
            True,
            "v1.31.0",
            True,
        )
        poll = ComponentPoll.objects.get()
        assert found.poll == poll
        assert (poll.took, poll.took_at, poll.newest) == ("v1.30.1", NOW, "")
        later = NOW + timedelta(hours=6)
        again = Poll(node.pk, "kubernetes", "b", "4593.2.1", later, has_asked=True, newest="v1")
        component_polls.record([again])
        poll.refresh_from_db()
        assert (poll.polled_at, poll.newest, poll.took) == (later, "v1", "v1.30.1")

    def test_are_answered_by_two_looks(self, node: Node, django_assert_num_queries: Any) -> None:
        asked = Asked("kubernetes", node.machine_id, "boot-1", "4593.2.1")
        nobody = asked._replace(machine_id="nobody")
        component_lists.listings([asked], NOW)
        with django_assert_num_queries(2):
            found, unknown, none = component_lists.listings(
                [asked, nobody, asked._replace(component="none")], NOW
            )
        assert found is not None
        assert [image.version for image in found.images] == ["v1.31.0", "v1.30.1"]
        assert unknown == Listing([], Withheld.UNKNOWN_NODE)
        assert none is None

    def test_have_nothing_to_show_without_any(self) -> None:
        assert node_components.of_node(make_node(), None) == []


class TestKey:
    def test_is_made_once_and_set_aside_for_another(self, tmp_path: Path) -> None:
        assert not list_keys.is_made()
        with pytest.raises(NoListKey, match="sysupdate_key"):
            list_keys.sign(b"list")
        public = list_keys.make()
        assert list_keys.make() == public
        assert (tmp_path / "keys/key.asc").stat().st_mode & 0o777 == 0o600
        former = list_keys.fingerprint()
        assert list_keys.make(replaces=True) != public
        assert list_keys.fingerprint() != former
        assert (tmp_path / f"keys/key-{former[:16]}.asc").exists()

    def test_that_is_none_is_said_to_be(self, tmp_path: Path) -> None:
        path = tmp_path / "keys/key.asc"
        path.parent.mkdir()
        path.write_text("no key")
        with pytest.raises(NoListKey, match="cannot be read as an OpenPGP key"):
            list_keys.sign(b"list")
