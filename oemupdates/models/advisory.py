"""Known holes, the packages of images that have them, and on how many nodes they were."""

from django.db import models

from oemupdates.models.sync import PackageList


class Package(models.Model):
    """One package of an image, as its list names it."""

    package_list = models.ForeignKey(PackageList, models.CASCADE, related_name="packages")
    name = models.CharField(max_length=128)
    version = models.CharField(max_length=64)

    class Meta:
        ordering = ("name", "version")
        constraints = (
            models.UniqueConstraint(
                fields=("package_list", "name", "version"), name="package_is_unique"
            ),
        )
        indexes = (models.Index(fields=("name",), name="package_name"),)

    def __str__(self) -> str:
        return f"{self.name}-{self.version}"


class Advisory(models.Model):
    """One advisory as it was given, in the format of osv.dev; `domain.advisory` reads it.

    `is_own` if operators brought it; the others come with the product, which renews them.
    """

    name = models.CharField(max_length=64, unique=True)
    content = models.JSONField()
    modified_at = models.DateTimeField()
    is_own = models.BooleanField(default=False)

    class Meta:
        ordering = ("-name",)
        verbose_name_plural = "advisories"
        constraints = (
            models.CheckConstraint(condition=~models.Q(name=""), name="advisory_has_a_name"),
        )

    def __str__(self) -> str:
        return self.name


class Exposure(models.Model):
    """How many nodes had a hole on a day, at its worst hour: what exposed node-days are summed of.

    `unknown` are nodes of which nobody can say, as the packages of their image are not known.
    """

    advisory = models.ForeignKey(Advisory, models.CASCADE, related_name="exposures")
    day = models.DateField()
    nodes = models.PositiveIntegerField()
    unknown = models.PositiveIntegerField()

    class Meta:
        ordering = ("advisory", "day")
        constraints = (
            models.UniqueConstraint(fields=("advisory", "day"), name="exposure_is_unique"),
        )

    def __str__(self) -> str:
        return f"{self.nodes} nodes with {self.advisory} on {self.day}"
