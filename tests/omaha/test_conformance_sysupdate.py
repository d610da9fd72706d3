"""Conformance cases 56 to 60: lists of components, as systemd-sysupdate reads them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from oemupdates.domain.sysupdate import Image, newest_first
from oemupdates.domain.transfer import Source
from oemupdates.models import ComponentImage, ComponentPoll, Group, Node
from oemupdates.services.components import component_wants, components, list_keys
from oemupdates.services.groups import groups
from oemupdates.services.nodes import nodes
from tests.component_images import host_image
from tests.omaha.door import Door
from tests.omaha.live import serving
from tests.services.makers import make_node, make_operator, seeded_group
from tests.sysupdate_node import MACHINE, SysupdateNode

pytestmark = pytest.mark.django_db(transaction=True)

OS = "4593.2.1"
BOOT = "1ab2d2c5836f467ca95b806be0aa5560"
LINE = re.compile(r"[0-9a-f]{64}  [0-9A-Za-z][0-9A-Za-z.,_+-]*")


@pytest.fixture(autouse=True)
def hosted(tmp_path: Path, settings: Any) -> None:
    settings.PAYLOAD_DIR = tmp_path / "hosted"
    settings.SYSUPDATE_KEY = tmp_path / "key.asc"


@pytest.fixture
def group() -> Group:
    return seeded_group()


@pytest.fixture
def real(tmp_path: Path, transactional_db: None) -> Iterator[SysupdateNode]:
    """A node whose systemd-sysupdate asks a real server."""
    with serving() as (host, port):
        source = Source(f"http://{host}:{port}", "stable")
        yield SysupdateNode(tmp_path / "node", "kubernetes", source, OS)


def path(
    file: str = "SHA256SUMS", *, machine: str = MACHINE, os: str = OS, track: str = ""
) -> str:
    return f"/sysupdate/v1/{f'{track}/' if track else ''}{machine}/{BOOT}/{os}/kubernetes/{file}"


def listed(door: Door, **asked: str) -> list[str]:
    """The files that a list names; each line of it is as the strictest reader wants it."""
    answer = door.get(path(**asked))
    assert answer.status == 200
    text = answer.body.decode("ascii")
    assert text.endswith("\n")
    assert "\r" not in text
    lines = text.removesuffix("\n").split("\n")
    assert lines
    assert all(map(LINE.fullmatch, lines))
    return [line[66:] for line in lines]


def host(folder: Path, *versions: str, **given: str) -> list[ComponentImage]:
    return [host_image(folder, "kubernetes", version, **given) for version in versions]


def want(group: Group, up_to: str = "") -> None:
    component = ComponentImage.objects.all()[0].component
    component_wants.want(group, component, up_to=up_to, by=None)


def test_case_56_lists_what_the_real_client_reads(
    real: SysupdateNode, group: Group, tmp_path: Path
) -> None:
    images = host(tmp_path, "v1.30.1", "v1.31.0")
    host(tmp_path, "v1.31.0", architecture="arm64")
    make_node(machine_id=MACHINE, version=OS, group=group)
    assert real.update() == ""  # nothing is wanted yet, and that is no error
    want(group)
    newest, before = real.seen()
    assert (newest["version"], newest["assessment"]) == ("v1.31.0", "candidate")
    assert (before["version"], before["assessment"]) == ("v1.30.1", "available")
    assert real.sysupdate("check-new").stdout == "v1.31.0\n"
    assert real.update() == "kubernetes-v1.31.0-x86-64.raw"
    kept = Path(components.place("kubernetes")) / images[1].image.file
    assert real.link.name == "kubernetes.raw"
    taken = (real.images / images[1].image.file).read_bytes()
    assert taken == (tmp_path / "hosted" / kept).read_bytes()
    assert real.sysupdate("check-new").returncode == 1
    assert real.update() == "kubernetes-v1.31.0-x86-64.raw"


def test_case_57_keeps_a_pinned_group_back_and_calls_who_is_beyond_ahead(
    door: Door, real: SysupdateNode, group: Group, tmp_path: Path
) -> None:
    host(tmp_path, "v1.30.1", "v1.31.0")
    make_node(machine_id=MACHINE, version=OS, group=group)
    want(group, "v1.30.1")
    assert listed(door) == ["kubernetes-v1.30.1-x86-64.raw"]
    assert real.update() == "kubernetes-v1.30.1-x86-64.raw"
    want(group)
    assert real.update() == "kubernetes-v1.31.0-x86-64.raw"
    want(group, "v1.30.1")
    # systemd-sysupdate never goes back by itself, and nobody makes it.
    assert real.update() == "kubernetes-v1.31.0-x86-64.raw"


def test_case_58_knows_the_node_and_lists_what_fits_it(
    door: Door, group: Group, tmp_path: Path
) -> None:
    host(tmp_path, "v1.30.1")
    host(tmp_path, "v1.31.0", inside="ID=flatcar\nVERSION_ID=4593.2.1\n")
    host(tmp_path, "v1.32.0", inside="ID=flatcar\nVERSION_ID=4757.1.0\n")
    host(tmp_path, "v1.33.0", architecture="arm64")
    want(group)
    node = make_node(machine_id=MACHINE, version=OS, group=group)
    fitting = ["kubernetes-v1.31.0-x86-64.raw", "kubernetes-v1.30.1-x86-64.raw"]
    assert listed(door) == fitting
    assert listed(door, os="4757.1.0")[0] == "kubernetes-v1.32.0-x86-64.raw"
    assert door.get(path(fitting[1])).status == 200
    door.run(door.application.sysupdate.polls.flush())
    poll = ComponentPoll.objects.get(node=node)
    assert (poll.boot_id, poll.os_version) == ("1ab2d2c5-836f-467c-a95b-806be0aa5560", OS)
    assert (poll.newest, poll.withheld, poll.took) == ("v1.32.0", "", "v1.30.1")


def test_case_58_withholds_from_who_may_not_update(
    door: Door, group: Group, tmp_path: Path
) -> None:
    host(tmp_path, "v1.30.1", inside="ID=flatcar\nVERSION_ID=4757.1.0\n")
    node = make_node(machine_id=MACHINE, version=OS, group=group)

    def why() -> str:
        assert listed(door) == ["nothing-for-this-node"]
        door.run(door.application.sysupdate.polls.flush())
        return ComponentPoll.objects.get(node=node).withheld

    assert why() == "not_wanted"
    want(group)
    assert why() == "none_fits"
    groups.switch_updates(group, on=False, by=None)
    assert why() == "updates_off"
    nodes.hold(node, because="a test", until=None, by=make_operator())
    assert why() == "held"


def test_case_59_gives_an_unknown_machine_a_list_that_is_valid(
    door: Door, real: SysupdateNode, group: Group, tmp_path: Path
) -> None:
    host(tmp_path, "v1.30.1", "v1.31.0")
    host(tmp_path, "v1.29.0", architecture="arm64")
    want(group, "v1.30.1")
    want(seeded_group(architecture="arm64"))
    assert listed(door) == ["nothing-for-this-node"]
    of_track = ["kubernetes-v1.30.1-x86-64.raw", "kubernetes-v1.29.0-arm64.raw"]
    assert listed(door, track="stable") == of_track
    assert listed(door, track="elsewhere") == ["nothing-for-this-node"]
    assert real.update() == of_track[0]
    assert not Node.objects.exists()


def test_case_60_signs_lists_once_there_is_a_key(door: Door, group: Group, tmp_path: Path) -> None:
    host(tmp_path, "v1.30.1")
    want(group)
    make_node(machine_id=MACHINE, version=OS, group=group)
    assert door.get(path("SHA256SUMS.gpg")).status == 404
    public = list_keys.make()
    with serving() as (address, port):
        source = Source(f"http://{address}:{port}", "stable", key=public)
        node = SysupdateNode(tmp_path / "node", "kubernetes", source, OS)
        node.believes(public)
        assert node.update() == "kubernetes-v1.30.1-x86-64.raw"
        host(tmp_path, "v1.31.0")
        list_keys.make(replaces=True)
        refused = node.sysupdate("update")
        assert refused.returncode == 1
        assert "signature" in refused.stderr.lower()
        assert node.in_use == "kubernetes-v1.30.1-x86-64.raw"


def test_images_are_in_the_order_of_the_real_client(
    real: SysupdateNode, group: Group, tmp_path: Path
) -> None:
    """Of each list a node takes the first that it can: ours must begin with the same."""
    versions = ["1.0", "1.0-rc1", "1.0_1", "1.0.1", "v1.0", "1.10", "1.9", "01.11", "1.0+b", "1a"]
    host(tmp_path, *versions)
    want(group)
    ours = newest_first(Image("kubernetes", version, "amd64") for version in versions)
    assert [one["version"] for one in real.seen()] == [image.version for image in ours]
