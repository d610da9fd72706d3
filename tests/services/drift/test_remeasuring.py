"""Measuring nodes again that said nothing."""

from datetime import timedelta

import pytest
from django.db.models import F

from bench import drifts
from oemupdates.domain.drift import first_of, measure
from oemupdates.domain.drift_facts import Drift
from oemupdates.domain.node import Node as Known
from oemupdates.domain.node import State
from oemupdates.domain.report import Extension, Report
from oemupdates.domain.reported import brief
from oemupdates.models import Activity, Configuration, DriftInterval, DriftPass, Node, Oem
from oemupdates.services.checkins import snapshot
from oemupdates.services.checkins.measuring import Measuring
from oemupdates.services.drift import drift_telling, remeasuring
from oemupdates.services.nodes import nodes
from oemupdates.services.oem import catalogue
from tests.services.makers import NOW, counted, make_node, recounted, seeded_group

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=8)


def advance(at=NOW) -> int:
    return remeasuring.advance(at, seconds=60)


def move_configuration() -> None:
    Configuration.objects.update(epoch=F("epoch") + 1)


def node_as_measured(**given) -> Node:
    node = make_node(**{"oem": "azure", "aleph_version": "4459.2.1"} | given)
    remeasuring.again([node.pk], Measuring(snapshot.load(), NOW), by="a test")
    return Node.objects.get(pk=node.pk)


class TestAPass:
    def test_measures_every_node_once_and_then_rests(self):
        for oem in ("azure", "packet", ""):
            make_node(oem=oem, version="4722.0.0", aleph_version="4459.2.1")
        assert advance() == 3
        found = {first_of(drift) for drift in Node.objects.values_list("drift", flat=True)}
        assert found == {"assumed_in_sync", "oem_dropped_upstream", "no_oem"}
        assert counted() == recounted()
        assert advance() == 0
        assert DriftPass.objects.get().measured == 3

    def test_follows_a_catalogue_that_operators_correct(self):
        node = node_as_measured(oem="azure")
        advance()
        row = Oem.objects.get(kind=Oem.Kind.OEM, oem_id="azure")
        terms = catalogue.terms_of(row)
        catalogue.change(
            row, type(terms)(**{**_values(terms), "dropped_in": "4459.0.0"}), by=None, why="Test"
        )
        assert advance() == 1
        node.refresh_from_db()
        assert (first_of(node.drift), node.drift_at) == ("oem_dropped_upstream", NOW)

    def test_goes_on_where_a_worker_ended(self, monkeypatch):
        monkeypatch.setattr(remeasuring, "LOOK", 2)
        made = [make_node(oem="azure") for _ in range(5)]
        assert remeasuring.advance(NOW, seconds=-1) == 2
        assert DriftPass.objects.get().last_node == made[1].pk
        assert remeasuring.advance(NOW, seconds=-1) == 2
        assert advance() == 1
        assert DriftPass.objects.get().ended_at == NOW

    def test_begins_anew_where_the_configuration_moved_meanwhile(self, monkeypatch):
        monkeypatch.setattr(remeasuring, "LOOK", 2)
        for _ in range(3):
            make_node(oem="azure")
        remeasuring.advance(NOW, seconds=-1)
        move_configuration()
        advance()
        assert DriftPass.objects.get().epoch == Configuration.objects.get().epoch
        assert DriftPass.objects.get().measured == 3

    def test_reads_what_nodes_reported(self):
        said = Report(boot_id="b", oem="azure", oem_flag_active=True, os_version="4459.2.1")
        node = make_node(oem="azure", boot_id="{b}", reported=brief(said))
        merged = said._replace(extensions=(Extension("oem-azure", merged=True),))
        other = make_node(oem="azure", boot_id="{b}", reported=brief(merged))
        advance()
        node.refresh_from_db()
        other.refresh_from_db()
        assert (first_of(node.drift), other.drift) == ("oem_missing_for_os", "in_sync")

    def test_tells_nodes_apart_by_all_that_is_measured(self):
        seen = set()

        class Watched(Known):
            def __getattribute__(self, name):
                seen.add(name)
                return super().__getattribute__(name)

        measuring = Measuring(snapshot.load(), NOW)
        for values in drifts.fleet(dict.fromkeys(Drift, 1), NOW):
            node = Watched("", "", **values | {"reported": ""})
            measure(measuring.facts(node))
        assert {"version", "state_at"} < seen
        # Of these only the words of a finding are made, or a report is held against them.
        assert seen & remeasuring.NOT_MEASURED <= {"target_version", "reported", "boot_id"}

    def test_looks_at_many_nodes_with_few_queries(self, django_assert_max_num_queries):
        for _ in range(50):
            make_node(oem="azure", aleph_version="4459.2.1")
        advance()
        move_configuration()
        with django_assert_max_num_queries(25):
            assert advance() == 0


def _values(terms):
    return {name: getattr(terms, name) for name in terms.__slots__}


class TestTime:
    def test_makes_a_reboot_overdue(self):
        node = node_as_measured(state=State.REBOOT_PENDING, state_at=NOW)
        assert "reboot_pending" in node.drift
        assert remeasuring.measure_overdue(NOW + timedelta(days=6)) == 0
        assert remeasuring.measure_overdue(NOW + timedelta(days=7)) == 1
        assert remeasuring.measure_overdue(NOW + timedelta(days=7)) == 0
        node.refresh_from_db()
        assert "reboot_overdue" in node.drift

    @pytest.mark.parametrize(
        ("given", "finding", "ends_after"),
        [
            ({"boot_returns": 2, "doubled_at": NOW}, "duplicate_machine_id", timedelta(days=1)),
            ({"reset_at": NOW}, "node_reset", timedelta(days=7)),
            ({"boot_fetched_at": NOW}, "boot_fetch", timedelta(days=7)),
            ({"fallback_at": NOW}, "public_fallback", timedelta(days=7)),
        ],
    )
    def test_ends_what_was_told_long_enough(self, given, finding, ends_after):
        node = node_as_measured(**given)
        assert finding in node.drift
        assert remeasuring.measure_overdue(NOW + ends_after - timedelta(seconds=1)) == 0
        assert remeasuring.measure_overdue(NOW + ends_after) == 1
        node.refresh_from_db()
        assert finding not in node.drift


class TestVerbs:
    def test_retrying_ends_a_block(self):
        node = node_as_measured(state=State.FAILED, postinst_failures=3, target_version="4593.2.1")
        assert "update_blocked" in node.drift
        nodes.retry(node, by=None)
        node.refresh_from_db()
        assert "update_blocked" not in node.drift
        assert node.state_at is not None
        assert DriftInterval.objects.get(drift="update_blocked").closed_by == "an operator"
        assert counted() == recounted()


class TestHistory:
    def test_says_from_when_to_when_and_what_ended_it(self):
        node = node_as_measured(rolled_back_version="4593.2.1")
        (row,) = DriftInterval.objects.all()
        assert (row.drift, row.opened_at, row.closed_at) == ("rolled_back", NOW, None)
        Node.objects.update(rolled_back_version="")
        remeasuring.again([node.pk], Measuring(snapshot.load(), LATER), by="a test")
        row.refresh_from_db()
        assert (row.closed_at, row.closed_by) == (LATER, "a test")

    def test_leaves_out_what_needs_nobody(self):
        node_as_measured()
        assert not DriftInterval.objects.exists()

    def test_is_told_by_group_and_class_each_once(self):
        for _ in range(7):
            node_as_measured(rolled_back_version="4593.2.1")
        node_as_measured(oem="packet", version="4722.0.0")
        assert drift_telling.tell() == 8
        assert drift_telling.tell() == 0
        one, many = Activity.objects.filter(verb="drift.opened").order_by("subject_kind").reverse()
        assert (one.subject_kind, one.after["drift"]) == ("node", "oem_dropped_upstream")
        assert (many.subject_kind, many.subject_id) == ("group", seeded_group().pk)
        assert (many.after["nodes"], len(many.after["such as"])) == (7, 5)
        Node.objects.update(rolled_back_version="")
        keys = Node.objects.values_list("pk", flat=True)
        remeasuring.again(list(keys), Measuring(snapshot.load(), LATER), by="a test")
        assert drift_telling.tell() == 7
        closed = Activity.objects.get(verb="drift.closed")
        assert (closed.after["drift"], closed.after["ended by"]) == ("rolled_back", "a test")
