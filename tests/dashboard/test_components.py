"""The pages of components: which there are, what may be done about them, and an upload."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from oemupdates.domain.access import Role
from oemupdates.models import Component, ComponentImage, ComponentWant, Group, Operator
from oemupdates.services.components import components, list_keys
from tests.api.component_maker import make_component, make_row
from tests.component_images import make_image
from tests.dashboard.conftest import log_in, permit
from tests.dashboard.test_palette import rows as found_by_palette
from tests.services.makers import (
    last_activity,
    make_node,
    seeded_group,
)

PAGE = "/components/"


@pytest.fixture(autouse=True)
def root(tmp_path: Path, settings: Any) -> Path:
    settings.PAYLOAD_DIR = tmp_path / "hosted"
    settings.SYSUPDATE_KEY = tmp_path / "key.asc"
    return tmp_path / "hosted"


def text(answer: Any) -> str:
    html = answer.content.decode().partition("<main")[2].replace("&#x27;", "'")
    return " ".join(html.replace("\xa0", " ").split())


def words(answer: Any) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", text(answer)).split())


def want(component: Component, group: Group, up_to: str = "") -> ComponentWant:
    return ComponentWant.objects.create(group=group, component=component, up_to=up_to)


class TestList:
    def test_names_the_newest_for_each_architecture_and_who_wants_it(self, page: Client) -> None:
        tool = make_component("tool", "1.9.0", "1.10.0")
        make_row(tool, "1.8.0", architecture="arm64")
        make_component("other")
        want(tool, seeded_group())
        said = words(page.get(PAGE))
        assert "other none none 0 0 bytes no group" in said
        assert "tool 1.10.0 1.8.0 3 12.0 KB stable (amd64)" in said
        assert f'href="/groups/{seeded_group().pk}/#components"' in text(page.get(PAGE))

    def test_says_what_a_component_is_where_there_is_none(
        self, page: Client, viewer: Operator
    ) -> None:
        said = words(page.get(PAGE))
        assert "There is no component yet" in said
        assert "import_component" in said
        assert "Add an image" in said
        assert "Add an image" not in words(log_in(viewer).get(PAGE))

    def test_counts_the_nodes_that_are_behind_or_ahead(self, page: Client) -> None:
        make_component("tool", "1.0.0")
        make_node(drift="no_oem sysupdate_behind")
        make_node(drift="no_oem sysupdate_ahead sysupdate_behind", group=seeded_group("beta"))
        said = words(page.get(PAGE))
        assert "2 Nodes behind 1 Nodes ahead" in said
        assert '"/nodes/?drift=sysupdate_behind"' in text(page.get(PAGE))
        some = permit(Operator.objects.create_user("ben"), Role.VIEWER, seeded_group())
        assert "1 Nodes behind 0 Nodes ahead" in words(log_in(some).get(PAGE))

    def test_names_no_group_beyond_somebodys_reach(self, heard: None) -> None:
        tool = make_component("tool", "1.0.0")
        want(tool, seeded_group())
        want(tool, seeded_group("beta"))
        some = permit(Operator.objects.create_user("ben"), Role.VIEWER, seeded_group("beta"))
        for path in (PAGE, f"{PAGE}tool/"):
            html = text(log_in(some).get(path))
            assert f"/groups/{seeded_group('beta').pk}/" in html
            assert f"/groups/{seeded_group().pk}/" not in html

    def test_is_in_the_rail_and_found_by_the_palette(self, page: Client) -> None:
        make_component("tool", "1.0.0")
        assert 'data-go="m"' in page.get("/").content.decode()
        assert found_by_palette(page, "compon")[0] == "Components g m page"
        assert found_by_palette(page, "too") == ["tool component"]


class TestPage:
    def test_lists_images_the_newest_first_and_what_each_group_wants(self, page: Client) -> None:
        tool = make_component("tool", "1.9.0", "1.10.0")
        make_row(tool, "1.10.1", bound_to="4593.2.1")
        group = seeded_group()
        want(tool, group)
        want(tool, seeded_group("beta"), up_to="1.9.0")
        make_node(group=group)
        html = text(page.get(f"{PAGE}tool/"))
        assert re.findall(r'<th scope="row" class="long">(1[^<]*)</th>', html) == [
            "1.10.1",
            "1.10.0",
            "1.9.0",
        ]
        said = words(page.get(f"{PAGE}tool/"))
        assert "The newest is 1.10.1 for amd64. Wanted by beta (amd64) , stable (amd64) ." in said
        assert "4593.2.1 alone 4.0 KB" in said
        assert "the newest 1.10.1 for OS 4593.2.1 alone 1" in said
        assert "up to 1.9.0 1.9.0 0" in said
        assert f'data-copy="{"a" * 64}"' in html

    def test_folds_what_is_old(self, page: Client) -> None:
        make_component("tool", *(f"1.{number}.0" for number in range(40)))
        few = text(page.get(f"{PAGE}tool/"))
        assert few.count("Withdraw this image") == 30
        assert "All 40 images" in few
        assert text(page.get(f"{PAGE}tool/?all=1")).count("Withdraw this image") == 40

    def test_an_image_is_withdrawn_with_a_reason_and_put_back(self, page: Client) -> None:
        image = make_component("tool", "1.0.0").images.get()
        where = f"{PAGE}images/{image.pk}/"
        assert "Say why" in words(page.post(f"{where}withdraw/", follow=True))
        said = words(page.post(f"{where}withdraw/", {"because": "It crashes"}, follow=True))
        assert "tool 1.0.0 (amd64) is on no list any more." in said
        assert re.search(r"Withdrawn just now It crashes", said)
        assert "No image of it is on any list." in said
        again = page.post(f"{where}withdraw/", {"because": "Twice"}, follow=True)
        assert "is withdrawn already" in words(again)
        said = words(page.post(f"{where}put-back/", {"why": "Mended"}, follow=True))
        assert "is on the lists again" in said
        assert "admin put back image tool 1.0.0 (amd64)" in said
        assert last_activity().why == "Mended"

    def test_a_component_goes_once_its_name_is_typed_and_nobody_wants_it(
        self, page: Client
    ) -> None:
        tool = make_component("tool", "1.0.0")
        wish = want(tool, seeded_group())
        where = f"{PAGE}tool/remove/"
        assert "Let these stop first" in words(page.get(f"{PAGE}tool/"))
        refused = words(page.post(where, {"confirmed": "tool"}, follow=True))
        assert "tool stays: " in refused
        wish.delete()
        assert "its name was not typed" in words(page.post(where, {"confirmed": "x"}, follow=True))
        answer = page.post(where, {"confirmed": "tool", "why": "Unused"}, follow=True)
        assert "tool is removed." in words(answer)
        assert not Component.objects.exists()
        assert last_activity().why == "Unused"

    def test_activity_leads_to_it(self, page: Client) -> None:
        image = make_component("tool", "1.0.0").images.get()
        components.withdraw(image, why="It crashes", by=None)
        for query in ("", "?kind=componentimage", "?verb=component.image_withdrawn"):
            html = text(page.get(f"/activity/{query}"))
            assert "withdrew image" in html
            assert 'href="/components/tool/"' in html
        some = permit(Operator.objects.create_user("ben"), Role.VIEWER, seeded_group())
        assert "withdrew image" in text(log_in(some).get("/activity/"))


class TestKey:
    def test_the_page_says_how_lists_are_signed_or_by_which_key(self, page: Client) -> None:
        assert "Lists are not signed" in words(page.get(PAGE))
        list_keys.make()
        make_component("tool", "1.0.0")
        for path in (PAGE, f"{PAGE}tool/"):
            assert f'data-copy="{list_keys.fingerprint()}"' in text(page.get(path))

    def test_a_key_that_cannot_be_read_is_told(self, page: Client, settings: Any) -> None:
        Path(settings.SYSUPDATE_KEY).write_text("no key")
        assert "cannot be read" in words(page.get(PAGE))


class TestUpload:
    def post(self, client: Client, *files: SimpleUploadedFile) -> Any:
        return client.post(f"{PAGE}images/upload/", {"image": list(files)}, follow=True)

    def file(self, folder: Path, name: str = "tool-1.0.0-x86-64.raw", **given: Any) -> Any:
        content = make_image(folder, "tool", "1.0.0", **given).read_bytes()
        return SimpleUploadedFile(name, content)

    def test_the_first_image_makes_the_component(
        self, page: Client, tmp_path: Path, root: Path
    ) -> None:
        said = words(self.post(page, self.file(tmp_path)))
        assert "tool 1.0.0 (amd64) is here, for every OS version." in said
        assert (root / "components/tool/tool-1.0.0-x86-64.raw").is_file()
        image = ComponentImage.objects.get()
        assert (str(image.component), image.version) == ("tool", "1.0.0")
        assert "admin added image tool 1.0.0 (amd64)" in said
        assert "bound to" not in said  # it was bound to nothing before, and is not now
        said = words(self.post(page, self.file(tmp_path)))
        assert "was here before" in said
        assert not [*(root / ".uploads").iterdir()]

    def test_an_image_for_one_os_version_says_so(self, page: Client, tmp_path: Path) -> None:
        file = self.file(tmp_path, inside="ID=flatcar\nVERSION_ID=4593.2.1\n")
        assert "is here, for OS 4593.2.1 alone." in words(self.post(page, file))

    def test_what_is_wrong_is_told_and_changes_nothing(
        self, page: Client, tmp_path: Path, root: Path
    ) -> None:
        for file, problem in (
            (SimpleUploadedFile("tool.tar", b"none"), "'tool.tar' is no name of an image"),
            (SimpleUploadedFile("tool-1.0.0-arm64.raw", b"none"), "Image: tool-1.0.0-arm64.raw: "),
        ):
            assert problem in words(self.post(page, file))
        assert "Choose a file" in words(self.post(page))
        assert not Component.objects.exists()
        assert not [*(root / ".uploads").iterdir()]

    def test_nothing_is_kept_of_whoever_may_not(
        self, viewer: Operator, admin: Operator, tmp_path: Path, root: Path
    ) -> None:
        assert self.post(log_in(viewer), self.file(tmp_path)).status_code == 403
        assert not root.exists()
        client = log_in(admin)
        client.get(PAGE)
        client.handler.enforce_csrf_checks = True
        assert self.post(client, self.file(tmp_path)).status_code == 403
        assert not [*(root / ".uploads").iterdir()]
        assert not Component.objects.exists()
