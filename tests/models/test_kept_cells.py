"""The counters' cells, whose texts are read once."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from oemupdates.models import NodeCount, kept_cells

pytestmark = pytest.mark.django_db
_VALUES = {"architecture": "amd64-usr", "version": "4593.2.1", "is_dark": False, "group": 1}


def make_count(**given):
    return NodeCount.objects.create(
        **_VALUES | {"shard": 0, "nodes": 5, "state": "waiting"} | given
    )


def by_state():
    return dict(kept_cells.read(("state",)))


class TestCells:
    def test_are_summed_over_shards_and_over_what_nobody_asks_for(self):
        make_count()
        make_count(shard=1, nodes=-2)
        make_count(version="4459.2.4", nodes=10)
        make_count(state="failed", nodes=0)
        assert by_state() == {"waiting": 13}

    def test_say_what_moved_since(self):
        count = make_count()
        assert by_state() == {"waiting": 5}
        NodeCount.objects.filter(pk=count.pk).update(nodes=3)
        make_count(state="failed", nodes=2)
        assert by_state() == {"waiting": 3, "failed": 2}
        count.delete()
        assert by_state() == {"failed": 2}

    def test_have_their_texts_read_once(self):
        make_count()
        with CaptureQueriesContext(connection) as first:
            by_state()
        with CaptureQueriesContext(connection) as then:
            by_state()
        assert (len(first), len(then)) == (2, 1)
        assert '"version"' not in then[0]["sql"]

    def test_are_forgotten_once_most_are_gone(self):
        for number in range(5):
            make_count(version=str(number))
        by_state()
        NodeCount.objects.exclude(version="0").delete()
        assert by_state() == {"waiting": 5}
        with CaptureQueriesContext(connection) as anew:
            assert by_state() == {"waiting": 5}
        assert len(anew) == 2

    def test_are_all_read_where_many_are_new(self, monkeypatch):
        monkeypatch.setattr(kept_cells, "_NAMED", 1)
        make_count()
        by_state()
        make_count(state="failed", nodes=2)
        make_count(state="offered", nodes=3)
        assert by_state() == {"waiting": 5, "failed": 2, "offered": 3}

    def test_are_kept_for_few_sets_of_columns(self):
        make_count()
        for columns in (("state",), ("group",), ("version",), ("oem",), ("drift",)):
            kept_cells.read(columns)
        with CaptureQueriesContext(connection) as last:
            kept_cells.read(("drift",))
        with CaptureQueriesContext(connection) as first:
            assert by_state() == {"waiting": 5}
        assert (len(last), len(first)) == (1, 2)

    def test_have_the_sysext_and_what_ran_beside_them(self):
        make_count(oem="azure", oem_basis="derived", oem_version="4459.2.4")
        ((values, nodes),) = kept_cells.read(("sysext", "ran"))
        assert (values[0], nodes) == ("different", 5)
        assert values[1].startswith("amd64-usr\x1f4593.2.1\x1fazure")
