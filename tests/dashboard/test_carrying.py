"""The page that says how a release is carried to a node by hand."""

import shlex
from html import unescape

import pytest
from django.test import Client

from oemupdates.domain.access import Role
from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.models import Operator
from oemupdates.services.groups import channels
from oemupdates.services.releases import releases
from tests.dashboard.conftest import log_in, permit
from tests.flatcar_update_rules import OnNode, Run, run
from tests.services.makers import make_node, make_release, seeded_channel, seeded_group

FILES = (OS_PAYLOAD, "oem-azure.gz", "flatcar-zfs.gz", "flatcar-python.gz")
MIRROR = "http://testserver/payloads"


def text(page: Client, path: str, status: int = 200) -> str:
    answer = page.get(path)
    assert answer.status_code == status
    return unescape(" ".join(answer.content.decode().split()))


def line(html: str) -> list[str]:
    """The arguments in the one snippet that is the line."""
    found = [part.partition("</code>")[0] for part in html.split("<code>sudo flatcar-update ")[1:]]
    assert len(found) == 1
    return shlex.split(found[0])


@pytest.fixture
def release(db: None):
    found = make_release("4593.2.1", payloads=FILES)
    channels.set_target(seeded_channel(), found, by=None)
    return found


class TestOfANode:
    def test_gives_the_line_for_its_oem_and_its_channels_target(self, page, release) -> None:
        make_release("4600.0.0", payloads=FILES)
        node = make_node(oem="azure")
        html = text(page, f"/nodes/{node.pk}/carry/?extension=zfs")
        assert run(line(html), OnNode("azure", ("zfs",))) == Run(
            "4593.2.1", OS_PAYLOAD, ["oem-azure.gz", "flatcar-zfs.gz"]
        )
        folder = f"{MIRROR}/amd64-usr/4593.2.1/"
        assert f'href="{folder}flatcar-update.tar?file=oem-azure.gz&file=flatcar-zfs.gz"' in html
        assert f"#{MIRROR}#g" in html
        assert f'<option value="{release.pk}" selected>4593.2.1</option>' in html
        assert 'value="zfs" checked' in html
        assert 'value="python">' in html
        assert f"/nodes/{node.pk}/carry/" in text(page, f"/nodes/{node.pk}/")

    def test_names_what_the_release_lacks(self, page, release) -> None:
        node = make_node(oem="vmware")
        html = text(page, f"/nodes/{node.pk}/carry/")
        assert "4593.2.1 has no oem-vmware.gz here, and the update would fail" in html
        assert "sudo flatcar-update" not in html

    def test_says_what_to_know_first(self, page, release) -> None:
        floor = make_release("4515.2.0")
        channels.add_floor(seeded_channel(), floor, by=None, because="Moves the OEM")
        releases.block(release, by=None, because="It is broken")
        html = text(page, f"/nodes/{make_node(oem='azure').pk}/carry/")
        assert "4515.2.0 comes first, so carry that one in before: Moves the OEM" in html
        assert "4593.2.1 is blocked: It is broken" in html
        newer = make_node(version="4700.0.0")
        assert "which is no older" in text(page, f"/nodes/{newer.pk}/carry/")

    def test_of_another_group_is_not_there(
        self, release, viewer: Operator, admin: Operator
    ) -> None:
        limited = permit(Operator.objects.create_user("here"), Role.VIEWER, seeded_group())
        there = make_node(group=seeded_group("beta"))
        assert log_in(limited).get(f"/nodes/{there.pk}/carry/").status_code == 404
        assert log_in(viewer).get(f"/nodes/{there.pk}/carry/").status_code == 200

    def test_of_an_unknown_application_has_nothing_to_choose(self, page) -> None:
        node = make_node(application="of somebody else", group=None)
        assert "There is no release to carry" in text(page, f"/nodes/{node.pk}/carry/")

    def test_takes_no_release_of_another_architecture(self, page, release) -> None:
        other = make_release("4593.2.1", architecture="arm64")
        text(page, f"/nodes/{make_node().pk}/carry/?release={other.pk}", status=404)


class TestOfARelease:
    def test_gives_the_line_for_the_oem_that_is_asked_for(self, page, release) -> None:
        html = text(page, f"/releases/{release.pk}/carry/?oem=azure&running=4459.2.1")
        assert run(line(html), OnNode("azure")).extensions == ["oem-azure.gz"]
        assert run(line(text(page, f"/releases/{release.pk}/carry/")), OnNode()).extensions == []

    def test_whose_files_are_elsewhere_has_no_download(self, page) -> None:
        away = make_release(payloads=FILES, codebase="https://mirror.example.net/4593.2.1/")
        html = text(page, f"/releases/{away.pk}/carry/?oem=azure")
        assert line(html)
        assert "Its payloads are on https://mirror.example.net/4593.2.1/" in html
        assert "flatcar-update.tar" not in html
        assert "command -v" not in html

    @pytest.mark.parametrize("asked", ["oem=a/b", "extension=%00", "running=$(x)"])
    def test_takes_no_names_that_are_none(self, page, release, asked: str) -> None:
        html = text(page, f"/releases/{release.pk}/carry/?{asked}", status=400)
        assert "is no name of an OEM, an extension or a version" in html

    def test_says_which_bytes_nobody_read(self, page, release) -> None:
        release.payloads.filter(name="oem-azure.gz").update(is_verified=False)
        html = text(page, f"/releases/{release.pk}/carry/?oem=azure")
        assert "Nobody has read the bytes of oem-azure.gz here" in html
