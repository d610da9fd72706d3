import uuid

import pytest

from oemupdates.models import Application
from oemupdates.services.checkins import applications
from tests.services.makers import last_activity

pytestmark = pytest.mark.django_db
UUID = "0f3c9a7d-1e5b-4a2f-8c6d-7e8f90a1b2c3"


class TestRegister:
    def test_keeps_a_uuid_as_nodes_write_it(self):
        given = applications.register("Other OS", by=None, uuid="{" + UUID.upper() + "}")
        assert Application.objects.get(pk=given.pk).uuid == uuid.UUID(UUID)
        assert last_activity().after == {"uuid": UUID, "product_id": ""}

    def test_makes_a_uuid_where_none_is_given(self):
        one = applications.register("One", by=None)
        other = applications.register("Other", by=None)
        assert one.uuid != other.uuid

    def test_changes_the_epoch(self, epoch):
        applications.register("Other OS", by=None)
        assert epoch() == 1

    @pytest.mark.parametrize(
        ("name", "given"),
        [
            ("", {}),
            ("Other OS", {"uuid": "seven"}),
            ("Other OS", {"product_id": "an id"}),
            ("Flatcar Container Linux", {}),
            ("Other OS", {"uuid": "e96281a6-d1af-4bde-9a0a-97b76e56dc57"}),
            ("Other OS", {"product_id": "ORG.flatcar.container-linux"}),
        ],
    )
    def test_refuses_what_is_no_good_or_taken(self, name, given):
        with pytest.raises(applications.CannotRegister):
            applications.register(name, by=None, **given)
