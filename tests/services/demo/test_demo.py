"""The demo fleet: loaded once whatever happens, and gone without a trace but its activity."""

from collections import Counter
from datetime import timedelta

import pytest
from django.utils import timezone

from oemupdates.domain import demo as plan
from oemupdates.domain.node import State
from oemupdates.models import (
    Activity,
    Answer,
    Application,
    Channel,
    DarkMark,
    DemoFleet,
    Event,
    Group,
    GroupBudget,
    Label,
    Node,
    NodeCount,
    NodeLabel,
    Operator,
    Payload,
    Release,
    RoleGrant,
    Sample,
    VersionInterval,
)
from oemupdates.models.sample import ALL, WHOLE_FLEET, Dimension
from oemupdates.services.counters import counters, samples
from oemupdates.services.demo import demo, demo_removal
from oemupdates.services.nodes import labels
from tests.services.makers import counted, make_node, make_operator, recounted, seeded_group

# Check-ins come over a connection of their own.
pytestmark = pytest.mark.django_db(transaction=True)

KEPT = (
    Answer, Application, Channel, DarkMark, DemoFleet, Event, Group, GroupBudget, Node,
    NodeCount, NodeLabel, Payload, Release, RoleGrant, Sample, VersionInterval,
)  # fmt: skip
FAR = 1e9


@pytest.fixture
def ann() -> Operator:
    return make_operator("ann")


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A past of two days, in which channels move on."""
    monkeypatch.setattr(plan, "PAST", timedelta(days=2))
    monkeypatch.setattr(plan, "STEPS", 8)
    targets = {"demo-stable": ((0, "4459.2.0"), (1, "4459.2.4")), "demo-alpha": ((0, "4722.0.0"),)}
    monkeypatch.setattr(plan, "TARGETS", targets)


def rows() -> dict[str, int]:
    return {model.__name__: model.objects.count() for model in KEPT}


def facts() -> list[tuple[object, ...]]:
    """What is remembered of every node."""
    names = ("machine_id", "version", "state", "boot_id", "check_in_count", "download_failures")
    return [*Node.objects.order_by("machine_id").values_list(*names)]


@pytest.mark.usefixtures("short")
class TestLoad:
    def test_is_done_through_the_check_ins(self, ann: Operator) -> None:
        demo.load(by=ann)
        assert Node.objects.count() == 0
        demo.advance(seconds=FAR)
        fleet = DemoFleet.objects.get()
        assert (fleet.state, fleet.problem, fleet.leased_until) == ("there", "", None)
        nodes = Node.objects.all()
        assert len(nodes) == plan.NODES
        assert {node.group.application.name for node in nodes if node.group} == {plan.NAME}
        assert not [node for node in nodes if node.group is None]
        states = Counter(node.state for node in nodes)
        assert states[State.UP_TO_DATE] > 20
        assert len(states) >= 4
        assert min(node.first_seen_at for node in nodes) == fleet.asked_at - plan.PAST
        assert VersionInterval.objects.filter(ended_at__isnull=False).count() > 20
        assert Event.objects.filter(meaning="updated").count() > 20
        assert Answer.objects.filter(answer="offer 4459.2.4").exists()
        assert counted() == recounted()
        counters.repair()
        limits = {group: group.max_under_way for group in Group.objects.all()}
        for budget in GroupBudget.objects.select_related("group"):
            assert budget.under_way <= (limits[budget.group] or 0)

    def test_brings_a_past_to_look_back_at(self, ann: Operator) -> None:
        demo.load(by=ann)
        demo.advance(seconds=FAR)
        whole = Sample.objects.filter(group=WHOLE_FLEET, dimension=Dimension.NODES)
        assert [row.counts[ALL] for row in whole] == [plan.NODES] * 3

    def test_says_who_wanted_it(self, ann: Operator) -> None:
        demo.load(by=ann)
        demo.advance(seconds=FAR)
        done = {row.verb: row for row in Activity.objects.filter(subject_kind="demofleet")}
        assert set(done) == {"demo.load_asked", "demo.loaded"}
        assert done["demo.load_asked"].actor == ann
        assert done["demo.loaded"].actor is None
        assert Activity.objects.filter(verb="channel.target_set", actor=ann).count() == 5

    def test_goes_on_after_a_worker_was_killed_anywhere(
        self, ann: Operator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        demo.load(by=ann)
        asked_at = DemoFleet.objects.get().asked_at
        demo.advance(seconds=FAR)
        whole, history = facts(), rows()
        # The same again, by workers that die after each few check-ins.
        demo.remove(by=ann)
        demo.advance(seconds=FAR)
        demo.load(by=ann)
        DemoFleet.objects.update(asked_at=asked_at)
        deaths, taken = 0, iter(range(1000))
        real = demo.check_in

        def dies(batch: object, at: object) -> None:
            real(batch, at)  # type: ignore[arg-type]
            if next(taken) % 5 == 4:
                raise KeyboardInterrupt

        monkeypatch.setattr(demo, "check_in", dies)
        while DemoFleet.objects.get().state == "loading":
            try:
                demo.advance(seconds=FAR)
            except KeyboardInterrupt:
                deaths += 1
                assert deaths < 50
        assert deaths > 3
        # What is heard now, after the past, is later than it was the first time.
        assert [fact[0] for fact in facts()] == [fact[0] for fact in whole]
        ran = Counter(fact[1] for fact in whole)
        assert Counter(fact[1] for fact in facts()) == ran
        assert rows()["VersionInterval"] == history["VersionInterval"]
        assert counted() == recounted()

    def test_is_one_workers_work_at_a_time(self, ann: Operator) -> None:
        demo.load(by=ann)
        DemoFleet.objects.update(leased_until=timezone.now() + timedelta(seconds=20))
        assert demo.advance(seconds=FAR) == 0
        DemoFleet.objects.update(leased_until=timezone.now() - timedelta(seconds=1))
        assert demo.advance(seconds=0.5) >= 1
        assert DemoFleet.objects.get().leased_until is None

    def test_says_what_stands_in_its_way(
        self, ann: Operator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        demo.load(by=ann)
        monkeypatch.setattr(plan, "NAME", "Flatcar Container Linux")
        demo.advance(seconds=FAR)
        fleet = DemoFleet.objects.get()
        assert "has this name" in fleet.problem
        assert fleet.leased_until is None

    def test_is_for_an_empty_server(self, ann: Operator) -> None:
        make_node(is_archived=True)
        with pytest.raises(demo.CannotLoad, match="nodes already"):
            demo.load(by=ann)
        assert not DemoFleet.objects.exists()

    def test_is_asked_for_once(self, ann: Operator) -> None:
        demo.load(by=ann)
        with pytest.raises(demo.CannotLoad, match="already"):
            demo.load(by=ann)
        assert Activity.objects.filter(verb="demo.load_asked").count() == 1


@pytest.mark.usefixtures("short")
class TestLife:
    def test_goes_on(self, ann: Operator) -> None:
        demo.load(by=ann)
        demo.advance(seconds=FAR)
        before = Node.objects.count()
        Node.objects.update(last_seen_at=timezone.now() - timedelta(hours=2))
        demo.advance(seconds=FAR)
        heard = Node.objects.filter(last_seen_at__gte=timezone.now() - timedelta(minutes=1))
        assert heard.count() > before * 0.9
        quiet = facts()
        demo.advance(seconds=FAR)
        assert Counter(quiet) == Counter(facts())

    def test_is_nothing_where_there_is_none(self) -> None:
        assert demo.advance(seconds=FAR) == 0


@pytest.mark.usefixtures("short")
class TestRemove:
    def test_leaves_everything_else_as_it_was(
        self, ann: Operator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(demo_removal, "CHUNK", 50)
        before = rows()
        demo.load(by=ann)
        demo.advance(seconds=FAR)
        node = make_node(group=seeded_group(), name="real")
        counters.repair()
        labels.label(node, "rack=7", by=ann)
        labels.label(Node.objects.exclude(pk=node.pk).first(), "rack=7", by=ann)
        RoleGrant.objects.create(
            operator=ann, role="viewer", group=Group.objects.filter(name="demo-berlin").first()
        )
        Sample.objects.filter(at__gte=timezone.now() - timedelta(hours=2)).delete()
        samples.take(timezone.now())
        demo.remove(by=ann)
        demo.advance(seconds=FAR)
        assert Node.objects.get() == node
        after = rows()
        assert after["Sample"] == len(Dimension) * 2
        ours = {"Node": 1, "NodeCount": 1, "NodeLabel": 1, "Sample": after["Sample"]}
        assert after == before | ours
        assert Label.objects.get().nodes == 1
        assert counted() == recounted()
        whole = Sample.objects.get(group=WHOLE_FLEET, dimension=Dimension.NODES)
        assert whole.counts == {ALL: 1}
        verbs = Activity.objects.filter(subject_kind="demofleet").values_list("verb", flat=True)
        assert set(verbs) == {
            "demo.load_asked", "demo.loaded", "demo.removal_asked", "demo.removed",
        }  # fmt: skip

    def test_ends_a_loading_half_way(self, ann: Operator) -> None:
        before = rows()
        demo.load(by=ann)
        demo.advance(seconds=0.01)
        assert DemoFleet.objects.get().step > 0
        demo.remove(by=ann)
        while DemoFleet.objects.exists():
            assert demo.advance(seconds=0.01)
        assert rows() == before

    def test_is_refused_where_there_is_none(self, ann: Operator) -> None:
        with pytest.raises(demo.CannotRemove):
            demo.remove(by=ann)
        demo.load(by=ann)
        demo.remove(by=ann)
        with pytest.raises(demo.CannotRemove):
            demo.remove(by=ann)
