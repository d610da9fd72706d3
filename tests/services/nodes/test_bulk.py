"""Changes of many nodes: done once each, in chunks, and taken back."""

from collections.abc import Iterator
from typing import Any

import pytest

from oemupdates.domain.access import Role
from oemupdates.domain.node import State
from oemupdates.domain.query import Query
from oemupdates.domain.query_reading import read
from oemupdates.models import Activity, BulkChange, BulkItem, Group, Node, Operator, RoleGrant
from oemupdates.services.access import access
from oemupdates.services.nodes import bulk, bulk_work, labels, nodes
from oemupdates.services.nodes.bulk import CannotStart, CannotStop, CannotUndo, Wanted
from oemupdates.services.shared.activity import BadWords
from tests.services.makers import budget_of, counted, limit, make_node, recounted, seeded_group

pytestmark = pytest.mark.django_db


@pytest.fixture
def by() -> Operator:
    return Operator.objects.create_superuser("ann")


@pytest.fixture(autouse=True)
def _true_counters() -> Iterator[None]:
    yield
    assert counted() == recounted()


def do(by: Operator, verb: str, text: str = "", **arguments: Any) -> BulkChange:
    wanted = Wanted(verb, "kernel bug", arguments, query=read(text))
    return bulk_work.advance(bulk.start(wanted, by=by), seconds=30)


def back(change: BulkChange, by: Operator) -> BulkChange:
    return bulk_work.advance(bulk.undo(change, by=by), seconds=30)


def held() -> list[Node]:
    return list(Node.objects.filter(is_held=True).order_by("pk"))


class TestEachVerb:
    def test_holds_what_matches_and_tells_why_others_were_refused(self, by: Operator) -> None:
        azure = [make_node(oem="azure") for _ in range(3)]
        make_node(oem="ami")
        nodes.hold(azure[1], by=None, because="disk")
        change = do(by, "hold", "oem:azure")
        assert (change.state, change.done, change.refused) == ("done", 2, 1)
        assert change.refusals == {"is held already": 1}
        assert held() == azure
        assert azure[1].held_because == ""
        azure[0].refresh_from_db()
        assert (azure[0].held_by, azure[0].held_because) == ("ann", "kernel bug")
        change = back(change, by)
        assert (change.state, change.done) == ("done", 2)
        assert held() == [azure[1]]

    def test_releases_and_gives_holds_back_as_they_were(self, by: Operator) -> None:
        node = nodes.hold(make_node(), by=by, because="disk")
        change = do(by, "release", "is:held")
        assert held() == []
        back(change, by)
        node.refresh_from_db()
        assert (node.is_held, node.held_because, node.held_by) == (True, "disk", "ann")

    def test_labels_and_gives_the_former_value_back(self, by: Operator) -> None:
        plain, old = make_node(), make_node()
        labels.label(old, "rack=7", by=by)
        change = do(by, "label", label="rack=8")
        assert change.done == 2
        back(change, by)
        assert list(plain.labels.all()) == []
        assert [str(row.label) for row in old.labels.all()] == ["rack=7"]

    def test_takes_labels_away_and_gives_them_back(self, by: Operator) -> None:
        node, other = make_node(), make_node()
        labels.label(node, "rack=7", by=by)
        change = do(by, "unlabel", key="rack")
        assert (change.done, change.refused) == (1, 1)
        back(change, by)
        assert [str(row.label) for row in node.labels.all()] == ["rack=7"]
        assert list(other.labels.all()) == []

    def test_moves_and_moves_back(self, by: Operator) -> None:
        beta = limit(seeded_group("beta"), 5)
        moving = make_node(state=State.DOWNLOADING)
        other = make_node(architecture="arm64")
        change = do(by, "move", group=beta.pk)
        assert change.done == 1
        why = "is arm64, and beta (amd64) is not."
        assert (change.refusals, change.refused_nodes) == ({why: 1}, {why: [other.pk]})
        moving.refresh_from_db()
        assert (moving.group_id, moving.moved_to_id) == (beta.pk, beta.pk)
        assert budget_of(beta) == 1
        back(change, by)
        moving.refresh_from_db()
        assert (moving.group_id, moving.moved_to_id) == (seeded_group().pk, None)
        assert budget_of(beta) == 0

    def test_archives_and_brings_back(self, by: Operator) -> None:
        node = make_node()
        change = do(by, "archive")
        assert Node.objects.listed().count() == 0
        assert do(by, "unarchive", "is:archived").done == 1
        node.refresh_from_db()
        assert not node.is_archived
        change = do(by, "archive")
        back(change, by)
        assert Node.objects.listed().count() == 1

    def test_retries_and_forgets_for_good(self, by: Operator) -> None:
        make_node(state=State.FAILED, download_failures=3)
        change = do(by, "retry")
        assert Node.objects.get().state == State.WAITING
        with pytest.raises(CannotUndo):
            bulk.undo(change, by=by)


class TestStart:
    def test_refuses_what_says_too_little(self, by: Operator) -> None:
        for wanted in (
            Wanted("explode"),
            Wanted("release", arguments={"until": "x"}),
            Wanted("hold", "x", {"until": "yesterday"}),
            Wanted("move", "x"),
            Wanted("move", "x", {"group": "99999"}),
            Wanted("release", keys=[]),
            Wanted("release", keys=range(1, bulk.MOST_KEYS + 2)),
        ):
            with pytest.raises(CannotStart):
                bulk.start(wanted, by=by)
        with pytest.raises(labels.BadLabel):
            bulk.start(Wanted("label", arguments={"label": "a b"}), by=by)
        with pytest.raises(BadWords):
            bulk.start(Wanted("hold"), by=by)
        assert not BulkChange.objects.exists()

    def test_takes_as_many_keys_as_a_list_may_have(self, by: Operator) -> None:
        change = bulk.start(Wanted("release", keys=range(1, bulk.MOST_KEYS + 1)), by=by)
        assert change.expected == bulk.MOST_KEYS

    def test_is_written_down_once(self, by: Operator) -> None:
        for _ in range(3):
            make_node()
        do(by, "hold", "os:4459")
        row = Activity.objects.get()
        assert (row.verb, row.why, row.after["query"]) == ("bulk.started", "kernel bug", "os:4459")


class TestAdvance:
    def test_goes_on_where_it_was_and_does_nothing_twice(
        self, by: Operator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(bulk_work, "CHUNK", 2)
        for _ in range(5):
            make_node()
        change = bulk.start(Wanted("hold", "x"), by=by)
        for done in (2, 4, 5):
            change = bulk_work.advance(change, seconds=0)
            assert change.done == done
            assert len(held()) == done
        assert change.state == BulkChange.State.DONE
        assert bulk_work.advance(change, seconds=5).done == 5
        assert BulkItem.objects.count() == 5

    def test_loses_nothing_to_a_crash_in_the_middle_of_a_chunk(
        self, by: Operator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(bulk_work, "CHUNK", 2)
        for _ in range(4):
            make_node()
        change = bulk_work.advance(bulk.start(Wanted("hold", "x"), by=by), seconds=0)
        with monkeypatch.context() as broken:
            broken.setattr(BulkChange, "save", lambda *_, **__: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                bulk_work.advance(change, seconds=0)
        assert len(held()) == 2
        assert bulk_work.advance(change, seconds=9).done == 4

    def test_changes_picked_nodes_only(self, by: Operator) -> None:
        made = [make_node() for _ in range(3)]
        keys = [made[0].pk, made[2].pk, 10**9]
        change = bulk_work.advance(bulk.start(Wanted("hold", "x", keys=keys), by=by), seconds=9)
        assert (change.done, held()) == (2, [made[0], made[2]])

    def test_works_for_every_running_change(self, by: Operator) -> None:
        make_node()
        bulk.start(Wanted("hold", "x"), by=by)
        bulk.start(Wanted("label", arguments={"label": "x"}), by=by)
        assert bulk_work.advance_all(seconds=9) == 2
        assert bulk_work.advance_all(seconds=9) == 0

    def test_stops_where_somebody_stopped_it(self, by: Operator) -> None:
        make_node()
        change = bulk.start(Wanted("hold", "x"), by=by)
        bulk.stop(change, by=by)
        assert bulk_work.advance(change, seconds=9).state == BulkChange.State.STOPPED
        assert held() == []
        with pytest.raises(CannotStop):
            bulk.stop(change, by=by)

    def test_stops_with_words_when_what_it_names_is_gone(self, by: Operator) -> None:
        make_node()
        change = bulk.start(Wanted("hold", "x", query=read("group:stable")), by=by)
        Group.objects.filter(name="stable").update(name="renamed")
        change = bulk_work.advance(change, seconds=9)
        assert change.state == BulkChange.State.STOPPED
        assert "There is no group 'stable'." in change.refusals


class TestUndo:
    def test_leaves_what_somebody_changed_since(self, by: Operator) -> None:
        node = make_node()
        change = do(by, "hold")
        nodes.release_hold(node, by=by)
        nodes.hold(node, by=by, because="another")
        undone = back(change, by)
        assert (undone.done, undone.refused) == (0, 1)
        assert undone.refusals == {"Somebody changed since.": 1}
        node.refresh_from_db()
        assert node.held_because == "another"

    def test_is_done_once_and_by_anybody(self, by: Operator) -> None:
        make_node()
        change = do(by, "hold")
        other = Operator.objects.create_superuser("bob")
        undone = back(change, other)
        assert undone.done == 1
        for again in (change, undone):
            with pytest.raises(CannotUndo):
                bulk.undo(again, by=by)

    def test_waits_for_the_end(self, by: Operator) -> None:
        make_node()
        with pytest.raises(CannotUndo):
            bulk.undo(bulk.start(Wanted("hold", "x"), by=by), by=by)


class TestReach:
    @pytest.fixture
    def some(self) -> Operator:
        """Somebody who operates the stable group alone."""
        operator = Operator.objects.create_user("carl")
        RoleGrant.objects.create(operator=operator, role=Role.OPERATOR, group=seeded_group())
        return operator

    def test_changes_nothing_beyond_it(self, some: Operator) -> None:
        mine, other = make_node(), make_node(group=seeded_group("beta"))
        assert do(some, "hold").done == 1
        keys = [mine.pk, other.pk]
        change = bulk.start(Wanted("label", keys=keys, arguments={"label": "x"}), by=some)
        change = bulk_work.advance(change, seconds=9)
        assert (change.done, change.refusals) == (1, {"is not yours to change": 1})
        assert change.refused_nodes == {}, "a part of the fleet is not told of the rest"
        assert held() == [mine]

    def test_moves_nothing_to_a_group_beyond_it(self, some: Operator) -> None:
        with pytest.raises(access.NotAllowed):
            do(some, "move", group=seeded_group("beta").pk)

    def test_starts_nothing_for_those_who_only_look(self) -> None:
        viewer = Operator.objects.create_user("eve")
        RoleGrant.objects.create(operator=viewer, role=Role.VIEWER)
        with pytest.raises(access.NotAllowed):
            bulk.start(Wanted("hold", "x", query=Query()), by=viewer)
