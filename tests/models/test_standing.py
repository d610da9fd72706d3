import pytest

from oemupdates.domain.node import UNDER_WAY, State
from oemupdates.models import Node, NodeCount
from oemupdates.models.standing import (
    Standing,
    Standings,
    standing,
    standings,
    wanted_by_standing,
)
from tests.services.makers import make_node, seeded_group

TARGET = "4593.2.1"


@pytest.mark.parametrize(
    ("version", "state", "stands"),
    [
        ("4593.2.1", State.UP_TO_DATE, Standing.ON_TARGET),
        ("4593.2.2", State.UP_TO_DATE, Standing.ON_TARGET),
        ("4593.2.10", State.WAITING, Standing.ON_TARGET),
        ("4593.2.1", State.DOWNLOADING, Standing.ON_TARGET),
        ("4593.2.0", State.UP_TO_DATE, Standing.BEHIND),
        ("4593.2.0", State.FAILED, Standing.BEHIND),
        ("4593.2.0", State.REBOOT_PENDING, Standing.IN_PROGRESS),
        ("no version", State.UP_TO_DATE, Standing.BEHIND),
        ("", State.DEFERRED, Standing.IN_PROGRESS),
    ],
)
def test_a_node_stands_by_its_version_and_then_by_its_state(
    version: str, state: State, stands: Standing
) -> None:
    assert standing(version, state, target=TARGET) is stands


@pytest.mark.parametrize("state", State)
def test_without_a_target_no_node_is_on_it(state: State) -> None:
    expected = Standing.IN_PROGRESS if state in UNDER_WAY else Standing.BEHIND
    assert standing("4593.2.1", state, target="") is expected


@pytest.mark.django_db
class TestGroups:
    @pytest.fixture(autouse=True)
    def _nodes(self, db: None) -> None:
        for version in ("4593.2.1", "4593.2.2", "4459.2.4", "bad"):
            for state in (State.UP_TO_DATE, State.OFFERED, State.WAITING):
                make_node(version=version, state=state)
        make_node(version="4593.2.1", group=seeded_group("beta"))

    def test_have_their_numbers(self) -> None:
        group, beta, empty = (seeded_group(name).pk for name in ("stable", "beta", "lts"))
        found = standings({group: TARGET, beta: "", empty: TARGET})
        assert found[group] == Standings(on_target=6, in_progress=2, behind=4)
        assert found[beta] == Standings(behind=1)
        assert found[empty].nodes == 0

    @pytest.mark.parametrize("stands", Standing)
    def test_find_as_many_nodes_as_they_count(self, stands: Standing) -> None:
        group = seeded_group().pk
        wanted = {"group": [group], **wanted_by_standing(group, TARGET, stands)}
        number = getattr(standings({group: TARGET})[group], stands.value)
        assert NodeCount.objects.of(wanted).total() == number
        assert Node.objects.having(wanted).count() == number
