"""Labels of nodes over the API."""

from oemupdates.api.frame.call import Call, Listed
from oemupdates.api.frame.fields import Asked, Reasoned, Shape, Text, Words
from oemupdates.api.frame.operation import Resource, operation
from oemupdates.api.frame.paging import Order
from oemupdates.api.nodes.node_shapes import NodeShape
from oemupdates.api.nodes.nodes import operated, seen
from oemupdates.domain.access import Permission
from oemupdates.models import Label, Node
from oemupdates.services.nodes import labels as verbs

BY_TEXT = Order(("key", "value", "pk"), is_descending=False)


class LabelShape(Shape):
    """A label that nodes carry: `rack=7`, or plain, with an empty value."""

    class Meta:
        model = Label
        fields = ("id", "key", "value")


class LabelsAsked(Asked):
    """Which labels to list."""

    key = Words(required=False, max_length=63)


class NewLabel(Reasoned):
    """A label to be written, in place of another with its key."""

    key = Text(max_length=63)
    value = Text(required=False, allow_blank=True, max_length=128)


class OldLabel(Reasoned):
    """The key of a label to be taken off."""

    key = Text(max_length=63)


class Labels(Resource):
    """All labels."""

    tag = "labels"

    @operation(
        "list_labels", needs=Permission.READ_FLEET, gives=LabelShape, asks=LabelsAsked, lists=True
    )
    def get(self, call: Call) -> Listed[Label]:
        """List the labels that nodes carry which you may see."""
        rows = Label.objects.filter(**call.chosen("key")).within(call.where())
        return Listed(rows, BY_TEXT)


class Labelling(Resource):
    """Labelling a node."""

    tag = "labels"

    @operation("label_node", needs=Permission.OPERATE_NODES, gives=NodeShape, takes=NewLabel)
    def post(self, call: Call, pk: int) -> Node:
        """Write a label on a node, in place of another with its key."""
        key, value = call.said["key"], call.said.get("value", "")
        text = f"{key}={value}" if value else key
        verbs.label(operated(call, pk), text, by=call.by, why=call.said.get("why", ""))
        return seen(call, pk)


class Unlabelling(Resource):
    """Taking a label off a node."""

    tag = "labels"

    @operation("unlabel_node", needs=Permission.OPERATE_NODES, gives=NodeShape, takes=OldLabel)
    def post(self, call: Call, pk: int) -> Node:
        """Take the label with a key off a node."""
        verbs.unlabel(
            operated(call, pk), call.said["key"], by=call.by, why=call.said.get("why", "")
        )
        return seen(call, pk)
