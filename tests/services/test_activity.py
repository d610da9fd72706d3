import pytest
from django.db import DatabaseError, transaction

from oemupdates.models import Activity
from oemupdates.services import activity
from tests.services.makers import make_node, make_operator, seeded_group

pytestmark = pytest.mark.django_db


class TestRecord:
    def test_says_who_did_what_to_whom_and_why(self):
        group, ann = seeded_group(), make_operator("ann")
        row = activity.record(verb="group.edited", subject=group, by=ann, why="quiet weekend")
        row.refresh_from_db()
        assert (row.verb, row.actor, row.why) == ("group.edited", ann, "quiet weekend")
        assert (row.subject_kind, row.subject_id) == ("group", group.pk)
        assert row.subject == "stable (amd64)"

    def test_keeps_the_name_that_a_node_had(self):
        node = make_node(alias="x" * 256)
        assert activity.record(verb="node.held", subject=node, by=None).subject == "x" * 256

    def test_can_never_be_changed(self):
        row = activity.record(verb="group.edited", subject=seeded_group(), by=None)
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            Activity.objects.filter(pk=row.pk).update(verb="nothing.happened")
