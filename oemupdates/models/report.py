"""Reports: what nodes told of the systemd-sysext images on them."""

from django.db import models

from oemupdates.models.node import Node


class SysextReport(models.Model):
    """The latest report of a node; `domain.report` explains the values of its `content`.

    `changed_at` is since when it has said the same, `received_at` when it last said so; one that
    `is_over` is too old to count.
    """

    node = models.OneToOneField(Node, models.CASCADE, related_name="sysext_report")
    boot_id = models.CharField(max_length=64)
    os_version = models.CharField(max_length=200, blank=True)
    digest = models.CharField(max_length=64)
    content = models.TextField()
    address = models.GenericIPAddressField(null=True)
    changed_at = models.DateTimeField()
    received_at = models.DateTimeField()
    is_over = models.BooleanField(default=False, db_default=False)

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.CheckConstraint(condition=~models.Q(boot_id=""), name="report_is_of_a_boot"),
            models.CheckConstraint(
                condition=models.Q(received_at__gte=models.F("changed_at")),
                name="report_is_received_after_it_changed",
            ),
        )
        indexes = (
            models.Index(
                fields=("received_at",), condition=models.Q(is_over=False), name="report_counts"
            ),
        )

    def __str__(self) -> str:
        return f"{self.node} at {self.received_at}"
