"""Nodes: the machines of the fleet, as last heard."""

from django.db import models
from django.db.models import Q

from oemupdates.domain.checkin import DERIVED, NO_BASIS, OBSERVED, REPORTED
from oemupdates.domain.node import State
from oemupdates.models.group import Group
from oemupdates.models.needs import BEGINNING
from oemupdates.models.node_queries import NodeQuerySet


class Node(models.Model):
    """One machine as one application sees it; `oemupdates.domain.node.Node` explains the values.

    The check-in path writes these rows by SQL of its own (`services.checkins`). No index covers a
    column that an ordinary check-in changes (`last_seen_at`, `check_in_count`), so that PostgreSQL
    updates in place (HOT).
    """

    machine_id = models.CharField(max_length=64)
    application = models.CharField(max_length=64)
    group = models.ForeignKey(
        Group, models.PROTECT, null=True, related_name="nodes", db_index=False
    )
    track = models.CharField(max_length=256, blank=True)
    version = models.CharField(max_length=64, blank=True)
    architecture = models.CharField(max_length=16, blank=True)
    oem = models.CharField(max_length=64, blank=True)
    oem_version = models.CharField(max_length=128, blank=True)
    oem_build = models.CharField(max_length=128, blank=True)
    oem_basis = models.CharField(max_length=16, blank=True)
    birth_version = models.CharField(max_length=128, blank=True)
    aleph_version = models.CharField(max_length=64, blank=True)
    alias = models.CharField(max_length=256, blank=True)
    name = models.CharField(max_length=256, blank=True, default="")
    boot_id = models.CharField(max_length=64, blank=True)
    updater = models.CharField(max_length=64, blank=True)
    address = models.GenericIPAddressField(null=True)
    is_pxe = models.BooleanField(default=False)
    is_dark = models.BooleanField(default=False)
    is_archived = models.BooleanField(default=False)
    state = models.CharField(max_length=16)
    target_version = models.CharField(max_length=64, blank=True)
    offered_at = models.DateTimeField(null=True)
    applied_boot_id = models.CharField(max_length=64, blank=True)
    rolled_back_version = models.CharField(max_length=64, blank=True)
    download_failures = models.PositiveIntegerField(default=0)
    postinst_failures = models.PositiveIntegerField(default=0)
    last_error_code = models.PositiveIntegerField(default=0)
    last_event = models.CharField(max_length=160, blank=True)
    answer = models.CharField(max_length=80, blank=True)
    reasons = models.TextField(blank=True)
    is_held = models.BooleanField(default=False)
    held_because = models.CharField(max_length=500, blank=True, default="")
    held_by = models.CharField(max_length=150, blank=True, default="")
    held_until = models.DateTimeField(null=True)
    # Where an operator put it, whatever its track says, and until when.
    moved_to = models.ForeignKey(
        Group, models.PROTECT, null=True, related_name="moved_nodes", db_index=False
    )
    moved_because = models.CharField(max_length=500, blank=True, default="", db_default="")
    moved_by = models.CharField(max_length=150, blank=True, default="", db_default="")
    moved_until = models.DateTimeField(null=True)
    # The payloads that an update must bring, by its last report: names with spaces between.
    needs = models.TextField(blank=True, default="", db_default="")
    reported = models.TextField(blank=True, default="", db_default="")
    # How far it is out of step, as it was last measured; empty until it was.
    drift = models.CharField(max_length=400, blank=True, default="", db_default="")
    drift_basis = models.CharField(max_length=16, blank=True, default="", db_default="")
    drift_at = models.DateTimeField(null=True)
    state_at = models.DateTimeField(null=True)
    ported_versions = models.CharField(max_length=160, blank=True, default="", db_default="")
    former_boots = models.CharField(max_length=200, blank=True, default="", db_default="")
    boot_returns = models.PositiveIntegerField(default=0, db_default=0)
    doubled_at = models.DateTimeField(null=True)
    reset_at = models.DateTimeField(null=True)
    fallback_at = models.DateTimeField(null=True)
    boot_fetched_at = models.DateTimeField(null=True)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    check_in_count = models.PositiveBigIntegerField(default=0)

    objects = NodeQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(fields=("machine_id", "application"), name="node_is_unique"),
            models.CheckConstraint(condition=~Q(machine_id=""), name="node_has_a_machine_id"),
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in State]), name="node_state_is_known"
            ),
            models.CheckConstraint(
                condition=Q(oem_basis__in=[NO_BASIS, REPORTED, DERIVED, OBSERVED]),
                name="node_oem_basis_is_known",
            ),
            models.CheckConstraint(
                condition=Q(oem_version="") | Q(oem_basis__in=[DERIVED, OBSERVED]),
                name="node_birth_version_is_never_current",
            ),
            models.CheckConstraint(
                condition=Q(is_held=False) | ~Q(held_because=""),
                name="node_is_held_for_a_reason",
            ),
            models.CheckConstraint(
                condition=Q(moved_to=None) | ~Q(moved_because=""),
                name="node_is_moved_for_a_reason",
            ),
        )
        indexes = (
            models.Index(fields=("group", "id"), name="node_group"),
            models.Index(fields=("state", "id"), name="node_state"),
            models.Index(fields=("version", "id"), name="node_version"),
            models.Index(fields=("oem", "id"), name="node_oem"),
            models.Index(fields=("drift", "id"), name="node_drift"),
            # Whose findings end by themselves.
            models.Index(
                fields=("doubled_at",), condition=Q(doubled_at__isnull=False), name="node_doubled"
            ),
            models.Index(
                fields=("reset_at",), condition=Q(reset_at__isnull=False), name="node_reset"
            ),
            models.Index(
                fields=("fallback_at",),
                condition=Q(fallback_at__isnull=False),
                name="node_fallback",
            ),
            models.Index(
                fields=("boot_fetched_at",),
                condition=Q(boot_fetched_at__isnull=False),
                name="node_boot_fetched",
            ),
            models.Index(fields=("address",), name="node_address"),
            models.Index(fields=("alias",), opclasses=("varchar_pattern_ops",), name="node_alias"),
            models.Index(
                fields=("name",),
                opclasses=("varchar_pattern_ops",),
                condition=~Q(name=""),
                name="node_name",
            ),
            # Who is on the way to a release that is to be removed.
            models.Index(
                fields=("target_version",), condition=~Q(target_version=""), name="node_target"
            ),
            # Few nodes are moved, and a group that is deleted asks for its own three times.
            models.Index(
                fields=("moved_to",), condition=Q(moved_to__isnull=False), name="node_moved"
            ),
            models.Index(BEGINNING, condition=~Q(needs=""), name="node_needs"),
            models.Index(fields=("id",), condition=Q(is_held=True), name="node_held"),
            models.Index(fields=("id",), condition=Q(is_dark=True), name="node_dark"),
            models.Index(fields=("id",), condition=Q(is_archived=True), name="node_archived"),
        )

    def __str__(self) -> str:
        return self.name or self.alias or self.machine_id
