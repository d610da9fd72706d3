"""Where else the files of a release are: remembered, and forgotten when somebody says so."""

import pytest

from oemupdates.models import Activity, Release
from oemupdates.services.releases import origins
from oemupdates.services.releases.origins import CannotForget
from tests.services.makers import last_activity, make_operator, make_release

pytestmark = pytest.mark.django_db
WRONG, RIGHT = "https://wrng.example.net/a/", "https://there.example.net/a/"


@pytest.fixture
def release():
    release = make_release("4593.2.1")
    origins.remember(release, [RIGHT, WRONG], by=None)
    return Release.objects.get()


class TestForget:
    def test_leaves_the_others_and_says_so_to_check_ins(self, release, epoch):
        before = epoch()
        origins.forget(release, WRONG, by=make_operator("ann"), why="a typing error")
        assert Release.objects.get().origins == [RIGHT]
        assert epoch() == before + 1
        told = last_activity()
        assert (told.verb, told.why) == ("release.origin_forgotten", "a typing error")
        assert told.before == {"origins": [RIGHT, WRONG]}
        assert told.after == {"origins": [RIGHT]}

    def test_refuses_what_is_no_origin(self, release):
        origins.forget(release, WRONG, by=None)
        count = Activity.objects.count()
        with pytest.raises(CannotForget, match="is no origin of"):
            origins.forget(release, WRONG, by=None)
        assert Activity.objects.count() == count

    def test_does_not_keep_a_sync_from_finding_it_again(self, release):
        origins.forget(release, WRONG, by=None)
        origins.remember(Release.objects.get(), [WRONG], by=None)
        assert Release.objects.get().origins == [WRONG, RIGHT]
