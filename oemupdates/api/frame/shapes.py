"""How one thing is named inside another."""

from oemupdates.api.frame.fields import Shape
from oemupdates.models import Application, Channel, Group, Operator, Release


class ApplicationRef(Shape):
    """An application, as others name it; Flatcar's OS is one."""

    class Meta:
        model = Application
        fields = ("uuid", "name")


class GroupRef(Shape):
    """A group, as others name it."""

    class Meta:
        model = Group
        fields = ("id", "name", "architecture")


class ChannelRef(Shape):
    """A channel, as others name it."""

    class Meta:
        model = Channel
        fields = ("id", "name", "architecture")


class ReleaseRef(Shape):
    """A release, as others name it."""

    class Meta:
        model = Release
        fields = ("id", "version", "architecture")


class OperatorRef(Shape):
    """Somebody, as others name them."""

    class Meta:
        model = Operator
        fields = ("id", "username")
