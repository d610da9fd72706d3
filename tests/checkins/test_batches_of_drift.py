"""How a batch of check-ins measures the drift of its nodes, and writes down what is serious."""

import pytest

from oemupdates.models import DriftInterval, Node
from tests.checkins.test_batches import hear_all, machine
from tests.domain.plain import FIRST, check
from tests.services.makers import counted, recounted

pytestmark = pytest.mark.django_db(transaction=True)


class TestDrift:
    """A node is measured in the transaction that hears it."""

    def test_is_kept_and_counted_with_the_node(self) -> None:
        hear_all(check(FIRST, **machine(1)))
        node = Node.objects.get()
        assert (node.drift, node.drift_basis) == ("assumed_in_sync report_never", "derived")
        assert node.drift_at == node.state_at == node.last_seen_at
        assert counted() == recounted()

    def test_opens_and_closes_as_the_node_speaks(self) -> None:
        not_merged = {"oem_version": "sysext/none", **machine(1)}
        hear_all(check(FIRST, **not_merged))
        (row,) = DriftInterval.objects.all()
        assert (row.drift, row.basis, row.closed_at) == ("oem_not_merged", "beacon", None)
        began = Node.objects.get().drift_at
        hear_all(check(**not_merged))
        assert Node.objects.get().drift_at == began
        hear_all(check(boot_id="{next}", oem_version="sysext/4459.2.4/-", **machine(1)))
        row.refresh_from_db()
        assert (row.closed_by, row.closed_at) == ("a reboot", Node.objects.get().drift_at)
        assert Node.objects.get().drift == "in_sync report_never"
        assert counted() == recounted()

    def test_of_an_update_that_ends_it_says_so(self) -> None:
        hear_all(check(FIRST, oem_version="sysext/none", **machine(1)))
        hear_all(
            check(version="4593.2.1", boot_id="{b}", oem_version="sysext/4593.2.1/-", **machine(1))
        )
        assert DriftInterval.objects.get().closed_by == "the way to 4593.2.1"

    def test_tells_clones_by_boots_that_come_back(self) -> None:
        turns = [check(boot_id=f"{{{boot}}}", **machine(1)) for boot in "abab"]
        hear_all(*turns[:3])
        assert "duplicate_machine_id" not in Node.objects.get().drift
        hear_all(turns[3])
        assert "duplicate_machine_id" in Node.objects.get().drift
        assert DriftInterval.objects.filter(drift="duplicate_machine_id", closed_at=None).exists()
