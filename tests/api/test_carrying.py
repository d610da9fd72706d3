"""What takes a node to a release by hand, over the API."""

import shlex

import pytest
from django.test import Client

from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.models import Release
from oemupdates.services.groups import channels
from tests.api.conftest import problem
from tests.flatcar_update_rules import OnNode, run
from tests.services.makers import make_node, make_release, seeded_channel


@pytest.fixture
def release(db: None) -> Release:
    found: Release = make_release(payloads=(OS_PAYLOAD, "oem-azure.gz", "flatcar-zfs.gz"))
    channels.set_target(seeded_channel(), found, by=None)
    return found


class TestToNode:
    def test_says_it_for_the_target_of_its_channel(self, api: Client, release: Release) -> None:
        path = f"/api/v1/nodes/{make_node(oem='azure').pk}/flatcar-update?extension=zfs"
        said = api.get(path).json()
        assert run(shlex.split(said["line"])[2:], OnNode("azure", ("zfs",))).payload == OS_PAYLOAD
        folder = "http://testserver/payloads/amd64-usr/4593.2.1/"
        assert said["files"][1] == {
            "name": "oem-azure.gz",
            "size": 1000,
            "sha256": "2" * 64,
            "url": f"{folder}oem-azure.gz",
        }
        assert said["archive"].startswith(f"{folder}flatcar-update.tar?")
        assert said["mirror_lines"].startswith("sed ")
        assert (said["missing"], said["problems"], said["extensions"]) == ([], [], ["zfs"])

    def test_says_what_is_missing(self, api: Client, release: Release) -> None:
        said = api.get(f"/api/v1/nodes/{make_node(oem='vmware').pk}/flatcar-update").json()
        assert (said["missing"], said["line"], said["archive"]) == (["oem-vmware.gz"], "", "")
        assert "oem-vmware.gz" in said["problems"][0]

    def test_takes_any_release_of_its_architecture(self, api: Client, release: Release) -> None:
        node, arm = make_node(), make_release("4600.0.0", architecture="arm64")
        other = make_release("4600.0.0")
        path = f"/api/v1/nodes/{node.pk}/flatcar-update?release="
        assert api.get(f"{path}{other.pk}").json()["version"] == "4600.0.0"
        assert problem(api.get(f"{path}{arm.pk}")) == (404, "not-found")

    def test_has_nothing_to_say_without_a_release(self, api: Client) -> None:
        path = f"/api/v1/nodes/{make_node().pk}/flatcar-update"
        assert problem(api.get(path)) == (404, "not-found")


class TestOfRelease:
    def test_says_it_for_an_oem(self, api: Client, release: Release) -> None:
        path = f"/api/v1/releases/{release.pk}/flatcar-update?oem=azure&running=4459.2.1"
        said = api.get(path).json()
        assert [one["name"] for one in said["files"]] == [OS_PAYLOAD, "oem-azure.gz"]

    @pytest.mark.parametrize("asked", ["oem=a/b", "extension=a%20b", "node=1"])
    def test_takes_no_names_that_are_none(self, api: Client, release: Release, asked: str) -> None:
        answer = api.get(f"/api/v1/releases/{release.pk}/flatcar-update?{asked}")
        assert problem(answer) == (400, "invalid")
