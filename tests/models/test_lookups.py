import ipaddress
import random

import pytest
from django.core.exceptions import FieldError
from django.db import connection

from oemupdates.models import Node
from oemupdates.models.lookups import following
from tests.services.makers import make_node


class TestFollowing:
    @pytest.mark.parametrize(
        ("prefix", "end"),
        [
            ("a", "b"),
            ("az", "a{"),
            ("10.2.", "10.2/"),
            ("\ud7ff", "\ue000"),
            ("a\U0010ffff", "b"),
            ("\U0010ffff", ""),
            ("", ""),
        ],
    )
    def test_is_the_least_text_behind(self, prefix: str, end: str) -> None:
        assert following(prefix) == end


@pytest.mark.django_db
class TestBegins:
    ALIASES = ("web", "web-1", "Web-1", "we", "wec", "w%b", "w_b", "w\\b", "\U0001f600x", "")

    @pytest.fixture(autouse=True)
    def _nodes(self, db: None) -> None:
        for alias in self.ALIASES:
            make_node(alias=alias)

    @pytest.mark.parametrize(
        "prefix", ["web", "web-1", "w%", "w_", "w\\", "\U0001f600", "zzz", "W", "\U0010ffff", ""]
    )
    def test_finds_what_begins_with_a_text_and_minds_case(self, prefix: str) -> None:
        found = Node.objects.filter(alias__begins=prefix).values_list("alias", flat=True)
        assert sorted(found) == sorted(alias for alias in self.ALIASES if alias.startswith(prefix))

    def test_uses_the_index_on_sqlite(self) -> None:
        if connection.vendor == "sqlite":
            plan = Node.objects.filter(alias__begins="we").order_by().explain()
            assert "node_alias (alias>? AND alias<?)" in plan


@pytest.mark.django_db
class TestWithin:
    @pytest.mark.parametrize("length", range(1, 33))
    def test_finds_the_addresses_of_a_network_and_no_others(self, length: int) -> None:
        dice = random.Random(length)  # noqa: S311 - for the same cases in every run
        network = ipaddress.ip_network((dice.getrandbits(32), length), strict=False)
        first, last = int(network[0]), int(network[-1])
        near = [first - 1, first, last, last + 1, *(dice.randint(first, last) for _ in range(5))]
        near += [dice.getrandbits(32) for _ in range(5)]
        addresses = {str(ipaddress.ip_address(number)) for number in near if 0 <= number < 2**32}
        for address in addresses:
            make_node(address=address)
        make_node(address=None)
        make_node(address="2001:db8::1")
        found = Node.objects.filter(address__within=str(network))
        assert {node.address for node in found} == {
            address for address in addresses if ipaddress.ip_address(address) in network
        }

    @pytest.mark.parametrize("network", ["2001:db8::/32", "0.0.0.0/0"])
    def test_refuses_on_sqlite_what_it_cannot_find(self, network: str) -> None:
        found = Node.objects.filter(address__within=network)
        if connection.vendor == "sqlite":
            with pytest.raises(FieldError):
                list(found)
        else:
            assert list(found) == []
