"""Requests that were done under a key of their sender's, and how they were answered."""

from django.db import models


class DoneRequest(models.Model):
    """One request that is not done again: who sent it with which key, as one digest.

    `answer` is sealed with a key that only the sender's key opens, as it may hold a secret that
    is shown once.
    """

    digest = models.CharField(max_length=64, primary_key=True)
    fingerprint = models.CharField(max_length=64)
    answer = models.BinaryField()
    at = models.DateTimeField()

    class Meta:
        ordering = ("at",)
        indexes = (models.Index(fields=("at",), name="done_request_at"),)

    def __str__(self) -> str:
        return f"a request at {self.at}"
