import re

import pytest
from django.test import Client

from oemupdates.dashboard.groups.path_drawing import MOST_COLUMNS, draw
from oemupdates.domain.access import Role
from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.models import Channel, DeadEnd, Floor, Operator
from oemupdates.services.groups.ways import Stop
from tests.dashboard.conftest import PASSWORD, log_in, permit
from tests.services.makers import make_node, make_release, seeded_channel, seeded_group


def shown(page: Client, path: str = "/paths/") -> str:
    return " ".join(page.get(path).content.decode().split())


@pytest.fixture
def channel(db: None) -> Channel:
    found = seeded_channel()
    found.target = make_release("4593.2.1", payloads=(OS_PAYLOAD, "oem-azure.gz"))
    found.save()
    Floor.objects.create(channel=found, release=make_release("3815.2.0"), reason="a new layout")
    return found


class TestPaths:
    def test_say_how_many_updates_every_version_is_away(
        self, page: Client, channel: Channel
    ) -> None:
        make_node(version="3510.2.0")
        make_node(version="4459.2.1")
        make_node(version="4593.2.1")
        html = shown(page)
        assert f"Every node of {channel} has a way to the target." in html
        rows = re.findall(r'<th scope="row" class="long">([\d.]+)</th>(.*?)</tr>', html)
        far = {
            version: re.search(r'To the target">(.*?)<', rest).group(1)  # type: ignore[union-attr]
            for version, rest in rows
        }
        assert far == {
            "4593.2.1": "there",
            "4459.2.1": "1 update",
            "3815.2.0": "",
            "3510.2.0": "2 updates",
        }

    def test_put_stranded_nodes_first_with_why_and_the_way_out(
        self, page: Client, channel: Channel
    ) -> None:
        DeadEnd.objects.create(channel=channel, version="3510.2.0", reason="it cannot verify")
        make_node(version="3510.2.0")
        make_node(version="4459.2.1", oem="ami")
        html = shown(page)
        assert "2 nodes of stable (amd64) have no way to the target." in html
        assert html.index("Stranded") < html.index("From version to version")
        assert "Its version 3510.2.0 is a dead end: it cannot verify." in html
        assert "Reinstall the node, or take the dead end away." in html
        assert "4593.2.1 lacks oem-ami.gz" in html

    def test_every_count_leads_to_its_nodes(self, page: Client, channel: Channel) -> None:
        make_node(version="4459.2.1")
        make_node(version="4459.2.1")
        make_node(version="4593.2.1")
        group = seeded_group().pk
        link = f"/nodes/?group={group}&amp;version=4459.2.1"
        assert link in shown(page)
        listed = page.get(link.replace("&amp;", "&")).content.decode()
        assert listed.count("4459.2.1") >= 2

    def test_choose_the_channel_with_the_most_nodes_or_the_one_of_the_url(
        self, page: Client, channel: Channel
    ) -> None:
        make_node(group=seeded_group("beta"))
        make_node(group=seeded_group("beta"))
        make_node()
        assert "of beta (amd64)" in shown(page)
        assert "of stable (amd64)" in shown(page, f"/paths/?channel={channel.pk}")
        assert page.get("/paths/?channel=x").status_code == 404

    def test_show_somebody_limited_to_groups_only_their_nodes(self, channel: Channel) -> None:
        beta = seeded_group("beta")
        make_node(version="4459.2.1")
        make_node(version="4152.2.0", group=beta)
        somebody = Operator.objects.create_user("limited", password=PASSWORD)
        client = log_in(permit(somebody, Role.VIEWER, beta))
        html = shown(client)
        assert "4152.2.0" in html
        assert "4459.2.1" not in html
        assert client.get(f"/paths/?channel={channel.pk}").status_code == 404


class TestPicture:
    def test_gives_each_version_a_column_while_they_are_few(self) -> None:
        stops = [Stop(f"{number}.0.0", nodes=1) for number in range(MOST_COLUMNS)]
        assert len(draw(stops, [1]).boxes) == MOST_COLUMNS

    def test_puts_rare_versions_together_where_they_are_many(self) -> None:
        stops = [Stop(f"{number}.0.0", nodes=number) for number in range(1, 400)]
        stops[100].floor, stops[200].is_target = "why", True
        picture = draw(stops, [1])
        assert len(picture.boxes) <= 2 * MOST_COLUMNS
        labels = [box.label for box in picture.boxes]
        assert {"101.0.0", "201.0.0", "399.0.0"} <= set(labels)
        assert labels[0] == "100 versions"

    def test_draws_a_step_once_however_many_take_it(self) -> None:
        stops = [Stop("1.0.0", 3, next="3.0.0"), Stop("2.0.0", 6, next="3.0.0"), Stop("3.0.0")]
        picture = draw(stops, [1])
        assert [arc.width for arc in picture.arcs] == ["2.7", "4.2"]

    def test_draws_no_step_from_a_dead_end(self) -> None:
        stops = [Stop("1.0.0", 3, stranded=3, dead_end="no"), Stop("2.0.0", is_target=True)]
        picture = draw(stops, [1])
        assert picture.arcs == []
        assert [(box.tone, box.what) for box in picture.boxes] == [
            ("bad", "dead end"),
            ("good", "target"),
        ]
