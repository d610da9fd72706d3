"""The demo fleet over the API: how far it is, asked for, and taken away again."""

from rest_framework import serializers

from oemupdates.api.frame.call import Call
from oemupdates.api.frame.choices import DEMO_STATES
from oemupdates.api.frame.fields import Plain
from oemupdates.api.frame.operation import Resource, operation
from oemupdates.api.frame.shapes import OperatorRef
from oemupdates.domain.access import Permission
from oemupdates.services.demo import demo as verbs

ACCEPTED = 202


class DemoShape(Plain):
    """The demo fleet: which of the `days` of its past is loaded, or how many nodes are left."""

    state = serializers.ChoiceField(DEMO_STATES)
    by = OperatorRef(allow_null=True)
    asked_at = serializers.DateTimeField(allow_null=True)
    day = serializers.IntegerField()
    days = serializers.IntegerField()
    nodes = serializers.IntegerField(help_text="How many nodes it has when it is there.")
    nodes_left = serializers.IntegerField(help_text="How many are left while it is being removed.")
    problem = serializers.CharField(help_text="Why it does not go on; empty if it does.")

    changeable = ("state",)


class Demo(Resource):
    """The demo fleet."""

    tag = "demo"

    @operation("get_demo", needs=Permission.READ_FLEET, gives=DemoShape)
    def get(self, call: Call) -> verbs.Progress:
        """Say how far the demo fleet is; its `state` is `none` while there is none."""
        call.require(Permission.READ_FLEET)
        return verbs.progress()

    @operation("load_demo", needs=Permission.ADMINISTER, gives=DemoShape, status=ACCEPTED)
    def post(self, call: Call) -> verbs.Progress:
        """Ask for the demo fleet on a server without nodes; the clock loads it."""
        verbs.load(by=call.by)
        return verbs.progress()

    @operation(
        "remove_demo",
        needs=Permission.ADMINISTER,
        gives=DemoShape,
        status=ACCEPTED,
        is_conditional=True,
    )
    def delete(self, call: Call) -> verbs.Progress:
        """Ask that the demo fleet goes, and all that is its own; the clock removes it."""
        call.check_version(verbs.progress())
        verbs.remove(by=call.by)
        return verbs.progress()
