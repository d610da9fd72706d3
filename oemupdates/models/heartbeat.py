"""Heartbeats: when each part of this server last showed that it works."""

from django.db import models


class Heartbeat(models.Model):
    """When a part last did its work; a row each.

    `name` is `beat`, `worker`, or a task's. `found` is how much a task found to do the last time,
    and `total` ever.
    """

    name = models.CharField(max_length=64, primary_key=True)
    at = models.DateTimeField()
    found = models.PositiveBigIntegerField(default=0)
    total = models.PositiveBigIntegerField(default=0)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return f"{self.name} at {self.at}"
