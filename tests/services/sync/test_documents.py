"""Notes and lists of packages that come later than their release."""

from datetime import timedelta

import pytest
from django.utils import timezone

from oemupdates.models import PackageList, Release
from tests.services.sync_maker import NEW, follow, run, system
from tests.upstream.public_server import BOARD, real_files

# Whoever keeps a run does so by a connection of its own.
pytestmark = pytest.mark.django_db(transaction=True)


class TestWork:
    def test_asks_again_for_notes_and_lists_that_could_not_be_had(self, public):
        public.publish(NEW, real_files())
        public.feed(NEW, "Much is new.", "2026-08-01")
        lists = {"flatcar_production_image": b"app-shells/bash-5.2\n", "oem-azure": b"app/a-1\n"}
        for name, content in lists.items():
            public.documents[f"/images/{BOARD}/{NEW}/{name}_packages.txt"] = content
        public.faults |= {"feed-stable.json": ["403"], "oem-azure_packages.txt": ["403"]}
        subscription = follow(public, feed=f"{public.url}/feed-{{channel}}.json")
        first = run(subscription)
        assert first.state == "done"
        assert "feed-stable.json answers 403" in first.remarks[0]
        assert PackageList.objects.get().name == "flatcar_production_image"
        run(subscription)
        assert set(PackageList.objects.values_list("name", flat=True)) == set(lists)
        assert Release.objects.get().notes == "Much is new."
        asked = len(public.asked)
        run(subscription)
        assert len(public.asked) - asked == 2  # what is offered, and version.txt

    def test_asks_later_for_a_list_that_was_not_published_yet(self, public):
        public.publish(NEW, system("new"))
        subscription = follow(public, needs_signature=False)
        run(subscription)
        where = f"/images/{BOARD}/{NEW}/flatcar_production_image_packages.txt"
        public.documents[where] = b"app-shells/bash-5.2\n"
        run(subscription)
        assert not PackageList.objects.exists()  # it was looked for just now
        long_ago = timezone.now() - timedelta(hours=7)
        Release.objects.update(documented_at=long_ago)
        assert run(subscription).changes == [f"A list of packages of {NEW} is here."]
