"""Activity: what operators, gates and the clock did."""

from datetime import UTC
from typing import NoReturn

from django.conf import settings
from django.db import models

from oemupdates.domain.chain import link
from oemupdates.models.token import ApiToken

# What somebody did, known or not, where the rest is what the system did: who fails to log in is a
# person, and whoever they say they are did not do it.
BY_PEOPLE = models.Q(actor__isnull=False) | models.Q(verb="operator.log_in_failed")


class Activity(models.Model):
    """One thing that somebody did, with what was before and after, and why. Append-only.

    `actor` is empty when the system did it, or nobody who is known; `token` is what they came
    with, if it was one. `verb` reads as `group.updates_off`; `subject` is how the thing was
    called, and `subject_url` where it is shown. `hash` covers all of it and `previous_hash`.
    """

    at = models.DateTimeField(db_index=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="activities"
    )
    token = models.ForeignKey(ApiToken, models.PROTECT, null=True, related_name="activities")
    address = models.CharField(max_length=39, blank=True, default="")
    request_id = models.CharField(max_length=64, blank=True, default="")
    verb = models.CharField(max_length=64)
    subject_kind = models.CharField(max_length=32)
    subject_id = models.BigIntegerField(null=True)
    subject = models.CharField(max_length=300)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    why = models.CharField(max_length=500, blank=True, default="")
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        ordering = ("-id",)
        verbose_name_plural = "activity"
        indexes = (
            models.Index(fields=("subject_kind", "subject_id", "id"), name="activity_subject"),
            models.Index(fields=("subject_kind", "id"), name="activity_kind"),
            models.Index(fields=("actor", "id"), name="activity_actor"),
            models.Index(fields=("verb", "id"), name="activity_verb"),
            # Much is done by the clock, and little by people.
            models.Index(fields=("id",), condition=BY_PEOPLE, name="activity_people"),
        )
        constraints = (
            # Two rows after the same one would be two histories.
            models.UniqueConstraint(fields=("previous_hash",), name="activity_is_one_chain"),
        )

    def __str__(self) -> str:
        return f"{self.verb} {self.subject}"

    def delete(self, *_args: object, **_kwargs: object) -> NoReturn:
        """Refuse: what was done stays written."""
        raise TypeError("activity is append-only")

    def link(self, previous: str) -> str:
        """What the row's hash must be after the row with this one."""
        content = {
            "at": self.at.astimezone(UTC).isoformat(timespec="microseconds"),
            "actor": self.actor_id,
            "token": self.token_id,
            "address": self.address,
            "request_id": self.request_id,
            "verb": self.verb,
            "subject_kind": self.subject_kind,
            "subject_id": self.subject_id,
            "subject": self.subject,
            "before": self.before,
            "after": self.after,
            "why": self.why,
        }
        return link(previous, content)


class ActivityCheck(models.Model):
    """One row: how far the chain of activity was found whole, and what was wrong with it."""

    ONLY = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY)
    checked_at = models.DateTimeField()
    rows = models.PositiveBigIntegerField()
    last_id = models.BigIntegerField(null=True)
    last_hash = models.CharField(max_length=64)
    problem = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        constraints = (
            models.CheckConstraint(condition=models.Q(id=1), name="activity_check_is_one_row"),
        )

    def __str__(self) -> str:
        return self.problem or f"whole up to {self.last_id}"
