"""The epoch of the configuration that check-ins are answered from."""

from django.db import models


class Configuration(models.Model):
    """One row. Every change of groups, channels, releases or applications adds one to `epoch`.

    Each batch of check-ins reads it, and decides anew when it differs from what the process knows.
    """

    ONLY = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY)
    epoch = models.PositiveBigIntegerField(default=1)

    class Meta:
        constraints = (
            models.CheckConstraint(condition=models.Q(id=1), name="configuration_is_one_row"),
        )

    def __str__(self) -> str:
        return f"epoch {self.epoch}"
