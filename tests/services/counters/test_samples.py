import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from oemupdates.domain.access import EVERYWHERE, NOWHERE, Reach
from oemupdates.domain.checkin import DERIVED, REPORTED
from oemupdates.domain.node import State
from oemupdates.models import Dimension, Node, NodeCount, Sample
from oemupdates.models.sample import OTHERS, WHOLE_FLEET
from oemupdates.services.counters import samples
from oemupdates.services.server import history
from tests.services.makers import make_node, seeded_group

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def counts(dimension: Dimension, group: int = WHOLE_FLEET, at: datetime = NOON) -> dict:
    return Sample.objects.get(group=group, dimension=dimension, at=at).counts


def only(*groups):
    return Reach(is_everywhere=False, groups=frozenset(group.pk for group in groups))


class TestTake:
    def test_counts_the_fleet_by_every_dimension(self):
        make_node(version="4593.2.1", oem="azure", oem_version="4593.2.1", oem_basis=DERIVED)
        make_node(version="4459.2.1", oem="azure", oem_version="4593.2.1", oem_basis=DERIVED)
        make_node(oem="qemu", oem_basis=REPORTED, state=State.FAILED, is_dark=True)
        samples.take(NOON)
        assert counts(Dimension.NODES) == {"all": 3, "dark": 1}
        assert counts(Dimension.VERSION) == {"4593.2.1": 1, "4459.2.1": 2}
        assert counts(Dimension.STATE) == {"up_to_date": 2, "failed": 1}
        assert counts(Dimension.OEM) == {"azure same": 1, "azure different": 1, "qemu unknown": 1}
        assert counts(Dimension.BASIS) == {"derived": 2, "reported": 1}

    def test_counts_each_group_and_no_group_only_with_the_fleet(self):
        beta = seeded_group("beta")
        make_node()
        make_node(group=beta)
        make_node(group=None, state=State.UNASSIGNED)
        samples.take(NOON)
        assert counts(Dimension.NODES) == {"all": 3, "dark": 0}
        assert counts(Dimension.NODES, beta.pk) == {"all": 1, "dark": 0}
        groups = set(Sample.objects.values_list("group", flat=True))
        assert groups == {WHOLE_FLEET, beta.pk, seeded_group().pk}

    def test_stands_for_its_hour_however_late(self):
        make_node()
        samples.take(NOON + timedelta(minutes=59, seconds=59))
        assert set(Sample.objects.values_list("at", flat=True)) == {NOON}

    def test_is_taken_once_an_hour(self):
        make_node()
        assert samples.take(NOON) > 0
        make_node()
        assert samples.take(NOON + timedelta(minutes=30)) == 0
        assert counts(Dimension.NODES)["all"] == 1
        assert samples.take(NOON + HOUR) > 0
        assert counts(Dimension.NODES, at=NOON + HOUR)["all"] == 2

    def test_marks_the_first_of_each_day(self):
        make_node()
        for hours in (0, 1, 11, 12, 13):
            samples.take(NOON + hours * HOUR)
        firsts = Sample.objects.daily().filter(group=WHOLE_FLEET, dimension=Dimension.NODES)
        assert list(firsts.values_list("at", flat=True)) == [NOON, NOON + 12 * HOUR]

    def test_takes_none_of_a_fleet_that_never_had_a_node(self):
        assert samples.take(NOON) == 0

    def test_takes_one_of_a_fleet_that_has_none_any_more(self):
        make_node()
        samples.take(NOON)
        NodeCount.objects.all().delete()
        samples.take(NOON + HOUR)
        assert counts(Dimension.NODES, at=NOON + HOUR) == {"all": 0, "dark": 0}
        assert counts(Dimension.VERSION, at=NOON + HOUR) == {}

    def test_sums_the_rarest_values_as_others(self, monkeypatch):
        monkeypatch.setattr(samples, "VALUES", 2)
        for version, number in (("1.0.0", 3), ("2.0.0", 2), ("3.0.0", 1), ("4.0.0", 1)):
            for _ in range(number):
                make_node(version=version)
        samples.take(NOON)
        assert counts(Dimension.VERSION) == {"1.0.0": 3, "2.0.0": 2, OTHERS: 2}

    def test_keeps_the_biggest_groups_apart(self, monkeypatch):
        monkeypatch.setattr(samples, "GROUPS", 1)
        make_node()
        make_node(group=seeded_group("beta"))
        make_node(group=seeded_group("beta"))
        samples.take(NOON)
        groups = set(Sample.objects.values_list("group", flat=True))
        assert groups == {WHOLE_FLEET, seeded_group("beta").pk}

    def test_asks_as_often_for_one_node_as_for_many(self, django_assert_max_num_queries):
        for number in range(20):
            make_node(version=f"{number}.0.0")
        with django_assert_max_num_queries(8):
            samples.take(NOON)

    @pytest.mark.django_db(transaction=True)
    def test_leaves_one_when_taken_twice_at_once(self):
        make_node()
        together = threading.Barrier(2)
        failures: list[Exception] = []

        def take():
            together.wait()
            try:
                samples.take(NOON)
            except Exception as failure:  # noqa: BLE001 - told by the test
                failures.append(failure)
            finally:
                connection.close()

        hands = [threading.Thread(target=take) for _ in range(2)]
        for hand in hands:
            hand.start()
        for hand in hands:
            hand.join()
        assert failures == []
        assert Sample.objects.filter(group=WHOLE_FLEET).count() == len(Dimension)


class TestSeries:
    def test_gives_the_values_of_each_time_in_order(self):
        make_node()
        samples.take(NOON)
        make_node(version="4593.2.1")
        samples.take(NOON + HOUR)
        found = Sample.objects.series(Dimension.VERSION, EVERYWHERE, since=NOON, until=NOON + HOUR)
        assert found == [
            (NOON, {"4459.2.1": 1}),
            (NOON + HOUR, {"4459.2.1": 1, "4593.2.1": 1}),
        ]

    def test_leaves_out_what_is_earlier_or_later(self):
        make_node()
        for hours in range(4):
            samples.take(NOON + hours * HOUR)
        found = Sample.objects.series(
            Dimension.NODES, EVERYWHERE, since=NOON + HOUR, until=NOON + 2 * HOUR
        )
        assert [at for at, _counts in found] == [NOON + HOUR, NOON + 2 * HOUR]

    def test_sums_the_groups_that_somebody_may_see(self):
        stable, beta, edge = (seeded_group(name) for name in ("stable", "beta", "alpha"))
        for group in (stable, beta, edge):
            make_node(group=group)
        samples.take(NOON)
        series = Sample.objects.series
        span = {"since": NOON, "until": NOON}
        assert series(Dimension.VERSION, only(stable, beta), **span) == [(NOON, {"4459.2.1": 2})]
        assert series(Dimension.VERSION, only(beta), **span) == [(NOON, {"4459.2.1": 1})]
        assert series(Dimension.VERSION, NOWHERE, **span) == []

    def test_asks_once(self, django_assert_num_queries):
        make_node()
        for hours in range(5):
            samples.take(NOON + hours * HOUR)
        with django_assert_num_queries(1):
            Sample.objects.series(Dimension.VERSION, EVERYWHERE, since=NOON, until=NOON + DAY)

    def test_never_takes_the_fleet_for_a_group(self):
        make_node()
        samples.take(NOON)
        reach = Reach(is_everywhere=False, groups=frozenset({WHOLE_FLEET}))
        assert Sample.objects.series(Dimension.NODES, reach, since=NOON, until=NOON) == []


class TestAsOf:
    def test_gives_the_last_sample_before_a_moment(self):
        make_node()
        samples.take(NOON)
        make_node()
        samples.take(NOON + HOUR)
        found = Sample.objects.as_of(NOON + timedelta(minutes=59), EVERYWHERE)
        assert found is not None
        at, by_dimension = found
        assert (at, by_dimension[Dimension.NODES]["all"]) == (NOON, 1)

    def test_gives_none_of_before_the_first(self):
        make_node()
        samples.take(NOON)
        assert Sample.objects.as_of(NOON - HOUR, EVERYWHERE) is None


class TestForgetting:
    def test_keeps_hours_for_five_weeks_and_days_for_two_years(self):
        make_node()
        old, older = NOON - 36 * DAY, NOON - 731 * DAY
        for at in (older, old, old + HOUR, NOON - 34 * DAY, NOON - 34 * DAY + HOUR):
            samples.take(at)
        history.forget(NOON)
        left = Sample.objects.filter(group=WHOLE_FLEET, dimension=Dimension.NODES)
        assert list(left.values_list("at", flat=True)) == [
            old,
            NOON - 34 * DAY,
            NOON - 34 * DAY + HOUR,
        ]


class TestNow:
    def test_counts_as_a_sample_would(self):
        make_node()
        make_node(group=seeded_group("beta"))
        assert samples.now_within(None)[Dimension.NODES]["all"] == Node.objects.count() == 2
        beta = frozenset({seeded_group("beta").pk})
        assert samples.now_within(beta)[Dimension.VERSION] == {"4459.2.1": 1}
