"""The OEM catalogue as rows: Flatcar's own, corrected by operators, and theirs."""

from django.db import models
from django.db.models import Q

from oemupdates.domain.oem import Before


class Oem(models.Model):
    """One OEM id or one extension; `domain.oem.Oem` explains the values.

    A row `is_custom` if operators added it. `is_corrected` says that they changed one of
    Flatcar's, so that no later version of the product takes that back.
    """

    class Kind(models.TextChoices):
        """What comes as a systemd-sysext for each OS version."""

        OEM = "oem", "OEM"
        EXTENSION = "extension", "extension"

    kind = models.CharField(max_length=16, choices=Kind, default=Kind.OEM)
    oem_id = models.CharField(max_length=64)
    name = models.CharField(max_length=64, blank=True)
    architectures = models.CharField(max_length=32)
    alpha_since = models.CharField(max_length=64, blank=True)
    stable_since = models.CharField(max_length=64, blank=True)
    dropped_in = models.CharField(max_length=64, blank=True)
    migrates = models.BooleanField(default=False)
    tools = models.CharField(max_length=200, blank=True)
    build_tool = models.CharField(max_length=64, blank=True)
    before = models.CharField(
        max_length=16,
        choices=[(one.value, one.value) for one in Before],
        default=Before.NOTHING.value,
    )
    source = models.CharField(max_length=200, blank=True)
    is_custom = models.BooleanField(default=False)
    is_corrected = models.BooleanField(default=False)

    class Meta:
        ordering = ("kind", "oem_id")
        constraints = (
            models.UniqueConstraint(fields=("kind", "oem_id"), name="oem_is_unique"),
            models.CheckConstraint(condition=~Q(oem_id=""), name="oem_has_an_id"),
            models.CheckConstraint(
                condition=Q(architectures__in=["amd64", "arm64", "amd64 arm64"]),
                name="oem_is_for_machines_that_flatcar_runs_on",
            ),
            models.CheckConstraint(
                condition=Q(before__in=[one.value for one in Before]), name="oem_before_is_known"
            ),
            models.CheckConstraint(
                condition=Q(is_custom=False) | Q(is_corrected=False),
                name="oem_of_operators_corrects_none",
            ),
        )

    def __str__(self) -> str:
        return self.oem_id


class OemProposal(models.Model):
    """What releases show of an OEM that the catalogue does not say, for an operator to decide.

    `changes` are what the catalogue would say, by field. `first_version` and `last_version` are
    the releases between which its payload was seen.
    """

    class State(models.TextChoices):
        """What became of it."""

        OPEN = "open"
        ACCEPTED = "accepted"
        DISMISSED = "dismissed"

    oem_id = models.CharField(max_length=64)
    is_new = models.BooleanField()
    changes = models.JSONField()
    architectures = models.CharField(max_length=32)
    first_version = models.CharField(max_length=64)
    last_version = models.CharField(max_length=64)
    made_at = models.DateTimeField()
    state = models.CharField(max_length=16, choices=State.choices, default=State.OPEN)

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                fields=("oem_id",), condition=Q(state="open"), name="oem_proposal_is_alone"
            ),
        )

    def __str__(self) -> str:
        return self.oem_id
