"""What a group's page says and does about the components that its nodes should have."""

import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from oemupdates.dashboard.groups.group_components import FEW_VERSIONS
from oemupdates.domain import transfer
from oemupdates.domain.access import Role
from oemupdates.models import Component, ComponentWant, Group, Operator
from oemupdates.services.components import components, list_keys
from tests.api.component_maker import make_component, make_row
from tests.dashboard.conftest import log_in, permit
from tests.services.makers import last_activity, make_node, seeded_group


@pytest.fixture
def group(heard: None, settings: Any, tmp_path: Path) -> Group:
    settings.SYSUPDATE_KEY = tmp_path / "key.asc"
    return seeded_group()


def plain(answer: Any) -> str:
    """A page as a browser understands it."""
    return unescape(answer.content.decode())


def section(answer: Any) -> str:
    return str(plain(answer).partition('id="components"')[2].partition("</section>")[0])


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def post(client: Client, group: Group, where: str = "want/", **said: str) -> str:
    answer = client.post(f"/groups/{group.pk}/components/{where}", said, follow=True)
    return words(answer.content.decode().replace("&#x27;", "'").partition("<main")[2])


def test_a_group_that_wants_nothing_says_what_there_is_to_want(page: Client, group: Group) -> None:
    make_component("tool", "1.0.0", "1.1.0")
    make_row(make_component("elsewhere"), "1.0.0", "arm64")
    html = section(page.get(f"/groups/{group.pk}/"))
    assert "Its nodes should have none." in html
    assert re.findall(r'<option value="([^"]*)"', html) == ["tool", "tool 1.1.0", "tool 1.0.0"]
    assert "How its nodes fetch" not in html


def test_a_component_is_chosen_changed_and_stopped(page: Client, group: Group) -> None:
    tool = make_component("tool", "1.0.0", "1.1.0")
    said = post(page, group, want="tool", why="They asked for it")
    assert f"Nodes of {group} get tool, the newest." in said
    assert "tool the newest 1.1.0" in said
    assert last_activity().why == "They asked for it"
    said = post(page, group, want="tool 1.0.0")
    assert f"Nodes of {group} get tool, up to 1.0.0." in said
    assert "tool up to 1.0.0 1.0.0" in said
    assert ComponentWant.objects.get(group=group, component=tool).up_to == "1.0.0"
    html = section(page.get(f"/groups/{group.pk}/"))
    assert '<option value="tool 1.0.0" selected>' in html
    said = post(page, group, "stop/", component="tool", why="They did not")
    assert f"Nodes of {group} get no more of tool." in said
    assert "chose a component for it" in said
    assert "took a component from it" in said
    assert not ComponentWant.objects.exists()


@pytest.mark.parametrize(
    ("where", "said", "problem"),
    [
        ("want/", {}, "Choose a component"),
        ("want/", {"want": "none 1.0.0"}, "Choose a component"),
        ("want/", {"want": "\0"}, "Choose a component"),
        ("want/", {"want": "tool 9"}, "There is no tool 9 for amd64 here."),
        ("stop/", {"component": "tool"}, "does not want tool"),
        ("stop/", {"component": "none"}, "Choose a component"),
    ],
)
def test_what_cannot_be_is_told(
    page: Client, group: Group, where: str, said: dict[str, str], problem: str
) -> None:
    make_component("tool", "1.0.0")
    assert problem in post(page, group, where, **said)
    assert not ComponentWant.objects.exists()


def test_a_version_that_is_withdrawn_stays_chosen(page: Client, group: Group) -> None:
    tool = make_component("tool", "1.0.0", "1.1.0")
    post(page, group, want="tool 1.0.0")
    components.withdraw(tool.images.get(version="1.0.0"), why="It crashes", by=None)
    html = section(page.get(f"/groups/{group.pk}/"))
    assert '<option value="tool 1.0.0" selected>up to 1.0.0, which is withdrawn' in html
    assert "tool up to 1.0.0 nothing" in words(html)


def test_the_newest_versions_may_be_chosen_and_the_one_that_is(page: Client, group: Group) -> None:
    make_component("tool", *(f"1.{minor}" for minor in range(FEW_VERSIONS + 5)))
    html = section(page.get(f"/groups/{group.pk}/"))
    assert html.count('value="tool 1.') == FEW_VERSIONS
    assert 'value="tool 1.4"' not in html
    post(page, group, want="tool 1.4")
    html = section(page.get(f"/groups/{group.pk}/"))
    assert '<option value="tool 1.4" selected>up to 1.4</option>' in html
    assert html.count('value="tool 1.') == FEW_VERSIONS + 1


def test_a_group_whose_updates_are_off_lists_nothing(page: Client, group: Group) -> None:
    make_component("tool", "1.0.0")
    post(page, group, want="tool")
    Group.objects.update(updates_enabled=False)
    assert "updates are off" in section(page.get(f"/groups/{group.pk}/"))


def test_the_nodes_that_are_behind_are_counted(page: Client, group: Group) -> None:
    make_component("tool", "1.0.0")
    post(page, group, want="tool")
    assert "Component behind" not in section(page.get(f"/groups/{group.pk}/"))
    make_node(drift="no_oem sysupdate_behind")
    make_node(drift="no_oem sysupdate_behind", group=seeded_group("beta"))
    html = section(page.get(f"/groups/{group.pk}/"))
    assert "Component behind 1 node" in words(html)
    assert f'"/nodes/?group={group.pk}&drift=sysupdate_behind"' in html
    assert "Component ahead" not in html


def test_nodes_are_given_what_makes_them_fetch(page: Client, group: Group, settings: Any) -> None:
    settings.FLEET_URL = "https://fleet.example.net"
    for name in ("tool", "other"):
        make_component(name, "1.0.0")
        post(page, group, want=name)
    source = transfer.Source("https://fleet.example.net", group.track)
    where = f"/groups/{group.pk}/components/"
    assert f'href="{where}"' in section(page.get(f"/groups/{group.pk}/"))
    html = plain(page.get(where))
    assert transfer.butane(["other", "tool"], source).strip() in html
    assert transfer.transfer("tool", source).strip() in html
    for unit in transfer.units("tool"):
        assert f"/etc/systemd/system/{unit.name}" in html
        assert unit.text.strip() in html
    assert "systemctl enable --now sysupdate-tool.timer" in html
    assert transfer.KEYRING not in html
    key = list_keys.make()
    html = plain(page.get(where))
    assert transfer.butane(["other", "tool"], source._replace(key=key)).strip() in html
    assert f"needs it first, as <code>{transfer.KEYRING}</code>" in html
    Path(settings.SYSUPDATE_KEY).write_text("no key")
    html = plain(page.get(where))
    assert "cannot be read as an OpenPGP key" in html
    assert "variant: flatcar" not in html


def test_nodes_of_a_group_that_wants_nothing_are_given_nothing(page: Client, group: Group) -> None:
    html = plain(page.get(f"/groups/{group.pk}/components/"))
    assert "Its nodes should have no component" in html
    assert "variant: flatcar" not in html


def test_who_may_not_operate_the_group_sees_and_does_nothing_of_it(
    group: Group, viewer: Operator
) -> None:
    make_component("tool", "1.0.0")
    ComponentWant.objects.create(group=group, component=Component.objects.get())
    html = section(log_in(viewer).get(f"/groups/{group.pk}/"))
    assert "tool" in html
    assert "<form" not in html
    other = permit(Operator.objects.create_user("ben"), Role.OPERATOR, seeded_group("beta"))
    for where in ("want/", "stop/"):
        address = f"/groups/{group.pk}/components/{where}"
        assert log_in(other).post(address, {"want": "tool"}).status_code == 403
