"""Counters that the pages read, kept in the same transaction as the nodes they count."""

from django.db import models

from oemupdates.models.count_queries import NodeCountQuerySet


class NodeCount(models.Model):
    """How many nodes share these values. Readers sum over `shard`, one a writing process.

    `group` is the group's id, 0 for unassigned nodes. Archived nodes are not counted. A single
    shard may be negative; the sum over all of them never is.
    """

    group = models.BigIntegerField()
    architecture = models.CharField(max_length=16, blank=True)
    version = models.CharField(max_length=64, blank=True)
    oem = models.CharField(max_length=64, blank=True)
    oem_version = models.CharField(max_length=128, blank=True)
    oem_build = models.CharField(max_length=128, blank=True)
    oem_basis = models.CharField(max_length=16, blank=True)
    drift = models.CharField(max_length=400, blank=True, default="", db_default="")
    drift_basis = models.CharField(max_length=16, blank=True, default="", db_default="")
    state = models.CharField(max_length=16)
    is_dark = models.BooleanField()
    shard = models.PositiveSmallIntegerField()
    nodes = models.BigIntegerField()

    objects = NodeCountQuerySet.as_manager()

    CELL = (
        "group",
        "architecture",
        "version",
        "oem",
        "oem_version",
        "oem_build",
        "oem_basis",
        "drift",
        "drift_basis",
        "state",
        "is_dark",
    )

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=(
                    "group",
                    "architecture",
                    "version",
                    "oem",
                    "oem_version",
                    "oem_build",
                    "oem_basis",
                    "drift",
                    "drift_basis",
                    "state",
                    "is_dark",
                    "shard",
                ),
                name="node_count_cell",
            ),
        )

    def __str__(self) -> str:
        return f"{self.nodes} nodes {self.state} on {self.version}"


class GroupBudget(models.Model):
    """How many nodes of a group with a limit are under way; no row where there is no limit.

    Two processes that let nodes in at once meet in this row: the one that would pass the limit
    writes -1, which the constraint refuses, and decides its batch again.
    """

    group = models.OneToOneField("Group", models.CASCADE, primary_key=True, related_name="budget")
    under_way = models.IntegerField(default=0)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=models.Q(under_way__gte=0), name="group_budget_limit_kept"
            ),
        )

    def __str__(self) -> str:
        return f"{self.under_way} under way"
