"""What operators do to their saved views of the node list; it concerns the list, and no node."""

from django.db import transaction

from oemupdates.domain.query_reading import read
from oemupdates.models import Operator, SavedView
from oemupdates.services.shared import activity

MOST_VIEWS = 50
_MAX_NAME = 64


class NotYours(activity.Refused):
    """The view is somebody else's."""


class CannotSave(activity.Refused):
    """The view has no name, a name that is taken, or is one too many."""


def save(query: str, *, by: Operator, name: str, is_shared: bool = False) -> SavedView:
    """Keep a query by name, in place of the owner's view of that name.

    Raises `CannotSave`, and `BadQuery` if it is no query.
    """
    name = _name(name)
    text = str(read(query))
    with transaction.atomic():
        Operator.objects.select_for_update().get(pk=by.pk)
        mine = SavedView.objects.filter(owner=by)
        if not mine.filter(name=name).exists() and mine.count() >= MOST_VIEWS:
            raise CannotSave(f"Nobody keeps more than {MOST_VIEWS} views; delete one first.")
        values = {"query": text, "is_shared": is_shared}
        return mine.update_or_create(owner=by, name=name, defaults=values)[0]


def edit(
    view: SavedView, *, by: Operator, name: str, is_shared: bool, is_default: bool
) -> SavedView:
    """Rename a view, share it or not, and open the list with it or not.

    Raises `CannotSave`, and `NotYours`.
    """
    _own(view, by)
    name = _name(name)
    with transaction.atomic():
        Operator.objects.select_for_update().get(pk=view.owner_id)
        others = SavedView.objects.filter(owner=view.owner_id).exclude(pk=view.pk)
        if others.filter(name=name).exists():
            raise CannotSave(f"Another view of yours is called {name}.")
        if is_default:
            others.update(is_default=False)
        view.name, view.is_shared, view.is_default = name, is_shared, is_default
        view.save(update_fields=["name", "is_shared", "is_default"])
    return view


def delete(view: SavedView, *, by: Operator) -> None:
    """Forget a view; raises `NotYours`."""
    _own(view, by)
    SavedView.objects.filter(pk=view.pk).delete()


def _own(view: SavedView, by: Operator) -> None:
    if view.owner_id != by.pk:
        raise NotYours(f"The view {view} is {view.owner}'s.")


def _name(name: str) -> str:
    name = activity.wording(name, what="The name", most=_MAX_NAME)
    if not name:
        raise CannotSave("A view needs a name.")
    return name
