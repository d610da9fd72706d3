from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from django.db import DatabaseError, transaction

from oemupdates.models import Activity
from oemupdates.services.shared import activity
from tests.services.makers import make_node, make_operator, make_token, seeded_group

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

    def test_can_never_be_deleted(self):
        row = activity.record(verb="group.edited", subject=seeded_group(), by=None)
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            Activity.objects.filter(pk=row.pk).delete()
        with pytest.raises(TypeError):
            row.delete()

    def test_says_where_it_came_from(self):
        token = make_token()
        with activity.coming_from(address="192.0.2.1", request_id="r1"):
            activity.record(verb="group.edited", subject=seeded_group(), by=None)
            activity.came_with(token)
            activity.record(verb="group.edited", subject=seeded_group(), by=None)
        activity.record(verb="group.edited", subject=seeded_group(), by=None)
        said = Activity.objects.order_by("id").values_list("address", "request_id", "token")
        assert list(said) == [
            ("192.0.2.1", "r1", None),
            ("192.0.2.1", "r1", token.pk),
            ("", "", None),
        ]

    def test_names_what_is_no_row(self):
        stranger = activity.Named("operator", "an unknown name")
        row = activity.record(verb="operator.log_in_failed", subject=stranger, by=None)
        assert (row.subject_kind, row.subject, row.subject_id) == (
            "operator",
            "an unknown name",
            None,
        )

    def test_keeps_many_in_their_order_and_costs_the_same(
        self, django_assert_max_num_queries: Callable[[int], AbstractContextManager[object]]
    ):
        entries = [
            activity.Entry("group.edited", seeded_group(), None, why=str(one)) for one in range(50)
        ]
        with django_assert_max_num_queries(5):
            activity.record_all(entries)
        said = Activity.objects.order_by("id").values_list("why", flat=True)
        assert list(said) == [str(one) for one in range(50)]
