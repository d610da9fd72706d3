import pytest

from oemupdates.domain.node import State
from oemupdates.models import Activity, Channel, Group, GroupBudget
from oemupdates.services.groups import groups
from oemupdates.services.shared.activity import BadWords
from tests.services.makers import (
    budget_of,
    flatcar,
    last_activity,
    make_application,
    make_node,
    make_operator,
    seeded_channel,
    seeded_group,
)

pytestmark = pytest.mark.django_db

REFUSED = [
    ({"name": ""}, "needs a name"),
    ({"name": "beta"}, "named beta"),
    ({"track": "edge eu"}, "no track"),
    ({"track": 'edge"eu'}, "no track"),
    ({"track": "x" * 257}, "no track"),
    ({"track": "beta"}, "belong to beta"),
    ({"track": "5b810680-e36a-4879-b98a-4f989e80b899"}, "means alpha"),
    ({"poll_interval_seconds": 2699}, "from 2700 to 14400"),
    ({"poll_interval_seconds": 14401}, "from 2700 to 14400"),
    ({"dark_after_seconds": 4049}, "may be quiet for 4050"),
    ({"poll_interval_seconds": 14400, "dark_after_seconds": 21599}, "quiet for 21600"),
    ({"dark_after_seconds": 366 * 24 * 60 * 60}, "before"),
    ({"max_postinst_failures": 0}, "from 1 to 1000"),
    ({"max_download_failures": 1001}, "from 1 to 1000"),
    ({"max_under_way": 0}, "switch updates off"),
    ({"max_under_way": 10_000_001}, "at most"),
]
ACCEPTED = [
    {"track": "edge-eu/1.a_b:c@d+e"},
    {"poll_interval_seconds": 2700, "dark_after_seconds": 4050},
    {"poll_interval_seconds": 14400, "dark_after_seconds": 21600},
    {"max_postinst_failures": 1, "max_download_failures": 1000},
    {"max_under_way": 1},
    {"description": "nodes of the north"},
    {"needs_oem_payload": False, "offers_own_oem_only": True},
    {"channel": None},
    {"payload_source": "origin_first", "has_node_urls": True},
]


class TestCreate:
    def test_makes_a_group_that_nodes_can_ask_for(self, epoch):
        group = groups.create(
            flatcar(),
            architecture="arm64",
            by=make_operator(),
            name="Edge EU",
            track="edge-eu",
            channel=seeded_channel("stable", "arm64"),
        )
        row = Group.objects.get(pk=group.pk)
        assert (row.name, row.track, row.architecture) == ("Edge EU", "edge-eu", "arm64")
        assert epoch() == 1
        written = last_activity()
        assert written.verb == "group.created"
        assert written.after == {
            "name": "Edge EU",
            "track": "edge-eu",
            "channel": "stable (arm64)",
        }

    def test_takes_the_name_for_the_track(self):
        assert groups.create(flatcar(), architecture="amd64", by=None, name="pets").track == "pets"

    def test_gives_a_limit_its_budget(self):
        group = groups.create(
            flatcar(), architecture="amd64", by=None, name="pets", max_under_way=5
        )
        assert budget_of(group) == 0

    def test_refuses_an_architecture_that_flatcar_has_not(self):
        with pytest.raises(groups.CannotEdit, match="riscv"):
            groups.create(flatcar(), architecture="riscv", by=None, name="pets")

    def test_leaves_nothing_of_a_group_that_it_refuses(self, epoch):
        with pytest.raises(groups.CannotEdit):
            groups.create(flatcar(), architecture="amd64", by=None, name="stable")
        assert epoch() == 0
        assert not Activity.objects.exists()

    def test_takes_the_same_track_for_the_other_architecture(self):
        for architecture in ("amd64", "arm64"):
            groups.create(flatcar(), architecture=architecture, by=None, name="pets")


class TestEdit:
    @pytest.mark.parametrize(("policy", "why"), REFUSED, ids=[words for _, words in REFUSED])
    def test_refuses_in_a_sentence(self, policy, why):
        with pytest.raises(groups.CannotEdit, match=why):
            groups.edit(seeded_group(), by=None, **policy)
        assert not Activity.objects.exists()

    @pytest.mark.parametrize("policy", ACCEPTED, ids=str)
    def test_keeps_what_it_accepts(self, policy):
        groups.edit(seeded_group(), by=None, **policy)
        row = seeded_group()
        assert {name: getattr(row, name) for name in policy} == policy

    def test_writes_down_only_what_changed(self):
        groups.edit(
            seeded_group(), by=None, why="calmer", name="stable", poll_interval_seconds=3600
        )
        written = last_activity()
        assert (written.verb, written.why) == ("group.edited", "calmer")
        assert written.before == {"poll_interval_seconds": 2700}
        assert written.after == {"poll_interval_seconds": 3600}

    def test_notes_since_when_nodes_are_sent_to_urls_of_their_own_here(self):
        group = groups.edit(seeded_group(), by=None, has_node_urls=True)
        since = group.node_urls_since
        assert since is not None
        group = groups.edit(group, by=None, payload_source="mirror_first")
        assert group.node_urls_since == since
        assert groups.edit(group, by=None, payload_source="origin").node_urls_since is None

    def test_writes_nothing_down_when_nothing_changes(self):
        groups.edit(seeded_group(), by=None, name="stable", channel=seeded_channel())
        assert not Activity.objects.exists()

    def test_leaves_what_another_operator_changed_meanwhile(self):
        seen = seeded_group()
        groups.switch_updates(seen, on=False, by=None)
        groups.edit(seen, by=None, description="pets")
        assert not seeded_group().updates_enabled

    def test_refuses_a_channel_for_other_machines(self):
        with pytest.raises(groups.CannotEdit, match="arm64"):
            groups.edit(seeded_group(), by=None, channel=seeded_channel("stable", "arm64"))

    def test_refuses_a_channel_of_another_application(self):
        other = Channel.objects.create(
            application=make_application(), name="stable", architecture="amd64"
        )
        with pytest.raises(groups.CannotEdit, match="another application"):
            groups.edit(seeded_group(), by=None, channel=other)

    def test_refuses_a_description_that_is_too_long(self):
        with pytest.raises(BadWords, match="500"):
            groups.edit(seeded_group(), by=None, description="x" * 501)

    def test_refuses_what_is_no_policy(self):
        with pytest.raises(TypeError, match="architecture"):
            groups.edit(seeded_group(), by=None, architecture="arm64")

    def test_counts_the_nodes_under_way_when_a_limit_is_set(self):
        for state in (State.OFFERED, State.REBOOT_PENDING, State.FAILED, State.UP_TO_DATE):
            make_node(state=state)
        make_node(state=State.OFFERED, group=seeded_group("beta"))
        make_node(state=State.OFFERED, is_archived=True)
        groups.edit(seeded_group(), by=None, max_under_way=5)
        assert budget_of(seeded_group()) == 2

    def test_keeps_the_budget_when_a_limit_is_changed(self):
        make_node(state=State.OFFERED)
        groups.edit(seeded_group(), by=None, max_under_way=5)
        groups.edit(seeded_group(), by=None, max_under_way=1)
        assert budget_of(seeded_group()) == 1

    def test_drops_the_budget_with_the_limit(self):
        groups.edit(seeded_group(), by=None, max_under_way=5)
        groups.edit(seeded_group(), by=None, max_under_way=None)
        assert not GroupBudget.objects.exists()


class TestSwitchUpdates:
    def test_switches_them_off_and_on(self, epoch):
        group = groups.switch_updates(seeded_group(), on=False, by=make_operator(), why="freeze")
        assert not seeded_group().updates_enabled
        written = last_activity()
        assert (written.verb, written.why) == ("group.updates_off", "freeze")
        groups.switch_updates(group, on=True, by=None)
        assert seeded_group().updates_enabled
        assert last_activity().verb == "group.updates_on"
        assert epoch() == 2

    @pytest.mark.parametrize("on", [True, False])
    def test_lets_only_one_of_two_hands_win(self, on):
        Group.objects.update(updates_enabled=not on)
        groups.switch_updates(seeded_group(), on=on, by=None)
        with pytest.raises(groups.CannotSwitch, match="already"):
            groups.switch_updates(seeded_group(), on=on, by=None)
        assert Activity.objects.count() == 1
