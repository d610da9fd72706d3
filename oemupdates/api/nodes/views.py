"""Saved views of the node list over the API: one's own, and those that others share."""

from django.db import models
from django.shortcuts import get_object_or_404

from oemupdates.api.frame.call import Call, Listed
from oemupdates.api.frame.fields import Body, Flag, Shape, Text
from oemupdates.api.frame.operation import Resource, operation
from oemupdates.api.frame.paging import Order
from oemupdates.api.frame.shapes import OperatorRef
from oemupdates.api.nodes.nodes_asked import meaningful
from oemupdates.domain.access import Permission
from oemupdates.models import SavedView
from oemupdates.services.finding import saved_views as verbs

BY_NAME = Order(("name", "pk"), is_descending=False)


class ViewShape(Shape):
    """A query of the node list by name; its owner's default is what their list opens with."""

    owner = OperatorRef()

    changeable = ("name", "is_shared", "is_default")

    class Meta:
        model = SavedView
        fields = ("id", "owner", "name", "query", "is_shared", "is_default")


class NewView(Body):
    """A query to be kept by name, in place of one's view of that name."""

    name = Text(max_length=64)
    query = Text(
        required=False, allow_blank=True, max_length=2000, help_text="All nodes if empty."
    )
    is_shared = Flag(required=False)


class ViewChange(Body):
    """What is to be changed of a view; what is left out stays as it is."""

    name = Text(required=False, max_length=64)
    is_shared = Flag(required=False)
    is_default = Flag(required=False)


def _shown(call: Call) -> models.QuerySet[SavedView]:
    return SavedView.objects.all().shown_to(call.by)


def _own(call: Call, pk: int) -> SavedView:
    """A view that is to be changed, as whoever asks has read it; kept so until the commit."""
    rows = SavedView.objects.filter(owner=call.by).select_for_update(no_key=True)
    view = get_object_or_404(rows, pk=pk)
    call.check_version(view, ViewShape)
    return view


class Views(Resource):
    """All views."""

    tag = "views"

    @operation("list_views", needs=Permission.READ_FLEET, gives=ViewShape, lists=True)
    def get(self, call: Call) -> Listed[SavedView]:
        """List your views, and those that others share, by name."""
        return Listed(_shown(call), BY_NAME)

    @operation(
        "save_view", needs=Permission.READ_FLEET, gives=ViewShape, takes=NewView, status=201
    )
    def post(self, call: Call) -> SavedView:
        """Keep a query by name; a view of yours with that name is replaced."""
        said = call.said
        shared = said.get("is_shared", False)
        query = said.get("query", "")
        return meaningful(
            lambda: verbs.save(query, by=call.by, name=said["name"], is_shared=shared)
        )


class OneView(Resource):
    """One view."""

    tag = "views"

    @operation("get_view", needs=Permission.READ_FLEET, gives=ViewShape)
    def get(self, call: Call, pk: int) -> SavedView:
        """Show a view of yours, or one that is shared."""
        return get_object_or_404(_shown(call), pk=pk)

    @operation(
        "change_view",
        needs=Permission.READ_FLEET,
        gives=ViewShape,
        takes=ViewChange,
        is_conditional=True,
    )
    def patch(self, call: Call, pk: int) -> SavedView:
        """Rename a view of yours, share it or not, open the list with it or not."""
        view = _own(call, pk)
        now = {name: getattr(view, name) for name in ViewShape.changeable}
        return verbs.edit(view, by=call.by, **now | call.said)

    @operation("delete_view", needs=Permission.READ_FLEET, is_conditional=True)
    def delete(self, call: Call, pk: int) -> None:
        """Forget a view of yours."""
        verbs.delete(_own(call, pk), by=call.by)
