import pytest

from oemupdates.models import Activity, Subscription, Upstream
from oemupdates.services.sync import upstreams
from oemupdates.services.sync.upstreams import (
    CannotKeep,
    CannotSubscribe,
    CannotUnsubscribe,
    Terms,
)
from tests.services.makers import last_activity, make_operator, seeded_channel

pytestmark = pytest.mark.django_db


def terms(**given):
    return Terms(**({"name": "flatcar", "kind": "public"} | given))


def add(**given):
    return upstreams.add(terms(**given), by=None)


class TestAdd:
    def test_knows_where_the_public_server_is(self):
        row = add()
        assert row.address.startswith("https://public.update.")
        assert "{channel}" in row.images_server
        assert (row.policy, row.needs_signature) == ("propose", True)
        assert last_activity().verb == "upstream.added"

    def test_knows_where_another_fleet_keeps_its_payloads(self):
        row = add(kind="fleet", address="https://a.example:8443/v1/update")
        assert row.release_server == "https://a.example:8443/payloads"

    def test_gives_each_an_id_of_its_own_that_stays(self):
        first, second = add(), add(name="other")
        assert first.machine_id != second.machine_id
        assert Upstream.objects.get(pk=first.pk).machine_id == first.machine_id

    @pytest.mark.parametrize(
        ("given", "words"),
        [
            ({"name": " "}, "needs a name"),
            ({"kind": "ftp"}, "no kind"),
            ({"kind": "nebraska"}, "needs the address"),
            ({"kind": "files"}, "needs the address of its files"),
            ({"kind": "files", "address": "https://a/"}, "no Omaha requests"),
            ({"address": "file:///etc/passwd"}, "no http"),
            ({"address": "https://"}, "no http"),
            ({"address": "https://a b/"}, "no http"),
            ({"address": "https://a/{channel}"}, "no http"),
            ({"address": "https://me:secret@a/"}, "password"),
            ({"release_server": "https://me:secret@a/"}, "password"),
            ({"images_server": "https://me:secret@a/{channel}"}, "password"),
            ({"feed": "https://me:secret@a/{channel}.json"}, "password"),
            ({"proxy": "http://me:secret@a:3128"}, "password"),
            ({"address": "https://a:99999/"}, "no address"),
            ({"proxy": "socks5://a"}, "no http"),
            ({"ca_file": "/nowhere.pem"}, "no file"),
            ({"ca_file": __file__}, "holds no certificate"),
            ({"policy": "guess"}, "no policy"),
            ({"interval_minutes": 0}, "interval"),
        ],
    )
    def test_refuses(self, given, words):
        with pytest.raises(CannotKeep, match=words):
            add(**given)
        assert not Upstream.objects.exists()

    def test_refuses_a_name_that_is_taken(self):
        add()
        with pytest.raises(CannotKeep, match="already"):
            add()


class TestEdit:
    def test_writes_down_what_changed_and_nothing_else(self):
        row = upstreams.edit(add(), terms(policy="follow"), by=make_operator())
        assert row.policy == "follow"
        assert last_activity().after == {"policy": "follow"}
        count = Activity.objects.count()
        upstreams.edit(row, terms(policy="follow"), by=None)
        assert Activity.objects.count() == count

    def test_leaves_no_follower_without_answers(self):
        row = add()
        upstreams.subscribe(row, seeded_channel(), by=None)
        files = terms(kind="files", release_server="https://files.example")
        with pytest.raises(CannotKeep, match="must answer"):
            upstreams.edit(row, files, by=None)


class TestSwitch:
    def test_is_written_down_once(self):
        row = add()
        for _ in range(2):
            row = upstreams.switch(row, on=False, by=None)
        assert not row.is_enabled
        assert Activity.objects.filter(verb="upstream.switched_off").count() == 1


class TestSubscribe:
    def test_asks_for_the_channels_own_name_by_default(self):
        row = add()
        assert upstreams.subscribe(row, seeded_channel(), by=None).track == "stable"
        other = upstreams.subscribe(row, seeded_channel("beta"), track="b2", by=None)
        assert other.track == "b2"

    def test_refuses_a_second_time(self):
        row = add()
        upstreams.subscribe(row, seeded_channel(), by=None)
        with pytest.raises(CannotSubscribe):
            upstreams.subscribe(row, seeded_channel(), by=None)


class TestUnsubscribe:
    def test_leaves_the_channel_alone(self):
        row = add()
        upstreams.subscribe(row, seeded_channel(), by=None)
        upstreams.unsubscribe(row, seeded_channel(), by=None)
        assert not Subscription.objects.exists()
        with pytest.raises(CannotUnsubscribe):
            upstreams.unsubscribe(row, seeded_channel(), by=None)


class TestRemove:
    def test_forgets_what_followed_it(self):
        row = add()
        upstreams.subscribe(row, seeded_channel(), by=None)
        upstreams.remove(row, by=None)
        assert not Subscription.objects.exists()
        assert last_activity().verb == "upstream.removed"
        with pytest.raises(CannotKeep, match="just now"):
            upstreams.remove(row, by=None)
