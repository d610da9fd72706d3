"""The demo fleet, while there is one."""

from django.conf import settings
from django.db import models


class DemoFleet(models.Model):
    """One row: how far the demo fleet is loaded, or that it is being removed again.

    `step` is the next of its past's steps. Whoever works on it holds it until `leased_until`, and
    says so again with each step: a worker that is killed holds it for moments only.
    """

    ONLY = 1

    class State(models.TextChoices):
        """What is to be done with it."""

        LOADING = "loading", "Being loaded"
        THERE = "there", "There"
        REMOVING = "removing", "Being removed"

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY)
    state = models.CharField(max_length=16, choices=State, default=State.LOADING)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    step = models.PositiveIntegerField(default=0)
    leased_until = models.DateTimeField(null=True)
    problem = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        constraints = (
            models.CheckConstraint(condition=models.Q(id=1), name="demo_fleet_is_one_row"),
        )

    def __str__(self) -> str:
        return "the demo fleet"
