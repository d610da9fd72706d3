from datetime import timedelta

import pytest

from oemupdates.domain.fetched import Boot, Neighbour, boot
from oemupdates.domain.node import State
from tests.domain.plain import LATER, NEW, NOW, OLD

pytestmark = pytest.mark.once

RUNS = Neighbour(1, NEW, State.UP_TO_DATE, "", None)
ELSEWHERE = Neighbour(2, OLD, State.UP_TO_DATE, "", None)
TAKES = Neighbour(3, OLD, State.DOWNLOADED, NEW, None)
REBOOTS = Neighbour(4, OLD, State.REBOOT_PENDING, NEW, NOW)


@pytest.mark.parametrize(
    ("neighbours", "found"),
    [
        ([], None),
        ([ELSEWHERE], None),
        ([RUNS], Boot(1)),
        ([RUNS, ELSEWHERE], Boot(1)),
        ([RUNS, RUNS._replace(id=5)], Boot(None)),
        ([TAKES], None),
        ([RUNS, TAKES], None),
        ([TAKES._replace(state=State.FAILED)], None),
        ([TAKES._replace(target_version="4600.0.0"), RUNS], Boot(1)),
        ([REBOOTS], Boot(4)),
        ([REBOOTS._replace(applied_at=LATER)], None),
        ([REBOOTS._replace(applied_at=LATER + timedelta(seconds=1)), RUNS], None),
        ([REBOOTS._replace(applied_at=None)], None),
    ],
)
def test_a_boot_is_told_from_an_update(neighbours: list[Neighbour], found: Boot | None) -> None:
    assert boot(neighbours, NEW, LATER) == found
