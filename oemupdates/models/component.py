"""Extensions that nodes keep up to date by systemd-sysupdate; `domain.sysupdate` says how."""

from django.db import models

from oemupdates.domain.sysupdate import Image, Withheld
from oemupdates.models.application import Architecture
from oemupdates.models.group import Group
from oemupdates.models.node import Node


class Component(models.Model):
    """One such extension: it has versions of its own, apart from the OS's."""

    name = models.CharField(max_length=64, unique=True)
    added_at = models.DateTimeField()

    class Meta:
        ordering = ("name",)
        constraints = (
            models.CheckConstraint(
                condition=~models.Q(name="") & ~models.Q(name__contains="/"),
                name="component_name_is_bare",
            ),
        )

    def __str__(self) -> str:
        return self.name


class ComponentImage(models.Model):
    """One image of a component, hosted here; its bytes never change.

    `bound_to` is the OS version that it was built for; empty if it fits every version. One that
    is withdrawn is on no node's list; nodes that have it keep it.
    """

    # What an `Image` is made of, for who reads many.
    VALUES = ("component__name", "version", "architecture", "sha256", "size", "bound_to")

    component = models.ForeignKey(Component, models.CASCADE, related_name="images")
    version = models.CharField(max_length=64)
    architecture = models.CharField(max_length=16, choices=Architecture)
    size = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    bound_to = models.CharField(max_length=64, blank=True, default="")
    added_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_because = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        ordering = ("component", "version", "architecture")
        constraints = (
            models.UniqueConstraint(
                fields=("component", "version", "architecture"), name="component_image_is_unique"
            ),
            models.CheckConstraint(
                condition=models.Q(size__gt=0, sha256__length=64),
                name="component_image_has_size_and_hash",
            ),
            models.CheckConstraint(
                condition=~models.Q(version="") & ~models.Q(version__contains="/"),
                name="component_image_version_is_bare",
            ),
            models.CheckConstraint(
                condition=models.Q(withdrawn_at=None, withdrawn_because="")
                | (models.Q(withdrawn_at__isnull=False) & ~models.Q(withdrawn_because="")),
                name="component_image_is_withdrawn_for_a_reason",
            ),
        )

    def __str__(self) -> str:
        return f"{self.component} {self.version} ({self.architecture})"

    @property
    def image(self) -> Image:
        """It, as lists are made of."""
        return Image(
            self.component.name,
            self.version,
            self.architecture,
            self.sha256,
            self.size,
            self.bound_to,
        )


class ComponentWant(models.Model):
    """That a group's nodes should have a component: up to a version, or the newest if empty."""

    group = models.ForeignKey(Group, models.CASCADE, related_name="component_wants")
    component = models.ForeignKey(Component, models.PROTECT, related_name="wants")
    up_to = models.CharField(max_length=64, blank=True, default="")

    class Meta:
        ordering = ("component__name",)
        constraints = (
            models.UniqueConstraint(
                fields=("group", "component"), name="component_want_is_unique"
            ),
        )

    def __str__(self) -> str:
        return f"{self.group}: {self.component} {self.up_to or 'newest'}"


class ComponentPoll(models.Model):
    """When a node last asked for a component's list, what it said, and what it was shown.

    `boot_id` and `os_version` are what the address said, as systemd-sysupdate filled it in.
    `newest` is the newest version on the list; empty if it named nothing, for the reason
    `withheld`. `took` is the last version whose image it was sent.
    """

    node = models.ForeignKey(Node, models.CASCADE, related_name="component_polls")
    component = models.ForeignKey(Component, models.CASCADE, related_name="polls")
    polled_at = models.DateTimeField()
    boot_id = models.CharField(max_length=64)
    os_version = models.CharField(max_length=64)
    newest = models.CharField(max_length=64, blank=True, default="")
    withheld = models.CharField(max_length=16, blank=True, default="")
    took = models.CharField(max_length=64, blank=True, default="")
    took_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("component__name",)
        constraints = (
            models.UniqueConstraint(fields=("node", "component"), name="component_poll_is_unique"),
            models.CheckConstraint(
                condition=models.Q(withheld__in=["", *(one.value for one in Withheld)]),
                name="component_poll_is_withheld_for_a_known_reason",
            ),
            models.CheckConstraint(
                condition=models.Q(newest="") | models.Q(withheld=""),
                name="component_poll_lists_or_withholds",
            ),
        )

    def __str__(self) -> str:
        return f"{self.node}: {self.component}"
