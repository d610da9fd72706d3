"""Nodes of every class of drift, as many of each as is asked for, by what makes them so."""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import repeat
from typing import Any, NamedTuple

from oemupdates import models
from oemupdates.domain.checkin import DERIVED, OBSERVED
from oemupdates.domain.drift_facts import Drift
from oemupdates.domain.node import State
from oemupdates.domain.oem import payload_name
from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.domain.report import Extension, Report, StoredFile
from oemupdates.domain.reported import brief

RUNS, NEXT, OLDER, UNPORTED, DROPPED = "4593.2.1", "4757.1.0", "4459.2.4", "3510.2.8", "4722.0.0"
BUILD = "2.12.0.4-r2"
# What the releases have that such a fleet runs and goes to, and the tools in their images.
PAYLOADS: Mapping[str, tuple[str, ...]] = {
    RUNS: (OS_PAYLOAD, payload_name("azure"), "flatcar-python.gz"),
    NEXT: (OS_PAYLOAD, payload_name("azure"), "flatcar-python.gz"),
}
_BOOT = "b00t"
_IMAGE = Extension(
    "oem-azure",
    merged=True,
    version_id=RUNS,
    payload_version=BUILD,
    target=f"/oem/sysext/oem-azure-{RUNS}.raw",
    target_exists=True,
)
_STORED = StoredFile(f"/oem/sysext/oem-azure-{RUNS}.raw", 1)
_SAID = Report(
    boot_id=_BOOT,
    os_version=RUNS,
    oem="azure",
    oem_flag_active=True,
    extensions=(_IMAGE,),
    files=(_STORED,),
)
# A component that the fleet's group wants, and versions to both sides of that.
COMPONENT, WANTED, BEHIND, AHEAD = "kubernetes", "v1.31.0", "v1.30.1", "v1.32.0"
_ZFS = Extension("flatcar-zfs", merged=True, target="/etc/z.raw", target_exists=True)


class Made(NamedTuple):
    """What makes a node be of a class, beside one that is in step, and what else it then is."""

    values: dict[str, Any]
    also: tuple[Drift, ...]


def _said(**changes: Any) -> dict[str, Any]:
    return {"reported": brief(_SAID._replace(**changes))}


def _has(version: str) -> dict[str, Any]:
    path = f"../../opt/extensions/{COMPONENT}/{COMPONENT}-{version}-x86-64.raw"
    return _said(extensions=(_IMAGE, Extension(COMPONENT, merged=True, target=path)))


def want_component(group: models.Group, now: datetime) -> None:
    """Let a group want what some of such a fleet's nodes have another version of."""
    component = models.Component.objects.create(name=COMPONENT, added_at=now)
    models.ComponentImage.objects.create(
        component=component,
        version=WANTED,
        architecture=group.architecture,
        size=1,
        sha256="3" * 64,
        added_at=now,
    )
    models.ComponentWant.objects.create(group=group, component=component)


def made(now: datetime) -> dict[Drift, Made]:
    """How nodes come to be of each class; all run `RUNS`, unless it says so, and go to `NEXT`."""
    behind = (Drift.OS_BEHIND,)
    in_step = (Drift.IN_SYNC, *behind)
    silent: dict[str, Any] = {"reported": ""}
    unheard = (Drift.REPORT_NEVER, *behind)
    seen = {"oem_basis": OBSERVED, **silent}
    assumed = (Drift.ASSUMED_IN_SYNC, *unheard)
    reboot = {"state": State.REBOOT_PENDING.value, "target_version": NEXT}
    python = f"/etc/flatcar/sysext/flatcar-python-{RUNS}.raw"
    return {
        Drift.IN_SYNC: Made({}, behind),
        Drift.ASSUMED_IN_SYNC: Made(silent, unheard),
        Drift.NO_OEM: Made({"oem": "", "oem_basis": "", "oem_version": "", **silent}, unheard),
        Drift.OEM_UNPORTED: Made({"oem": "rackspace", "oem_version": "", **silent}, unheard),
        Drift.OEM_UNKNOWN: Made({"oem": "acme", "oem_version": "", **silent}, unheard),
        Drift.OEM_CUSTOM_UNSERVED: Made(
            {"oem": "own", "oem_version": ""}
            | _said(
                oem="own",
                extensions=(_IMAGE._replace(name="oem-own", payload_version=""),),
                files=(StoredFile(f"/oem/sysext/oem-own-{RUNS}.raw"),),
            ),
            in_step,
        ),
        Drift.OEM_NOT_MIGRATED: Made({"aleph_version": UNPORTED, **silent}, unheard),
        Drift.OEM_NOT_MIGRATABLE: Made(
            {"oem": "hyperv", "aleph_version": UNPORTED, **silent}, unheard
        ),
        Drift.MIGRATION_WAITING: Made(_said(oem_flag_active=False), behind),
        Drift.MIGRATION_PENDING: Made(_said(oem_migration_pending=True), behind),
        Drift.OEM_INITIAL: Made(
            _said(extensions=(_IMAGE._replace(version_id="", sysext_level="1.0"),)), behind
        ),
        Drift.OEM_MISSING_FOR_OS: Made(_said(extensions=(), files=()), behind),
        Drift.OEM_NOT_MERGED: Made({**seen, "oem_version": ""}, unheard),
        Drift.OEM_VERSION_MISMATCH: Made({**seen, "oem_version": OLDER}, unheard),
        Drift.OEM_PAYLOAD_STALE: Made({**seen, "oem_build": "2.13.0"}, unheard),
        Drift.OEM_ID_MISMATCH: Made(_said(oem='"azure"'), behind),
        Drift.OEM_INSTALL_AGE: Made({**silent, "birth_version": "2.9.1.1-r4"}, assumed),
        Drift.OEM_DROPPED_UPSTREAM: Made(
            {"oem": "packet", "version": DROPPED, **silent}, (*unheard, Drift.OS_UNKNOWN)
        ),
        Drift.OEM_DOWNGRADED_BELOW_PORT: Made(
            {"version": UNPORTED, **silent}, (*unheard, Drift.OS_UNKNOWN)
        ),
        Drift.EXT_MISSING: Made(_said(enabled_sysext=("python",)), in_step),
        Drift.EXT_NOT_MERGED: Made(
            _said(enabled_sysext=("python",), files=(_STORED, StoredFile(python))), in_step
        ),
        Drift.EXT_UNSERVED: Made(
            _said(enabled_sysext=("zfs",), extensions=(_IMAGE, _ZFS)), in_step
        ),
        Drift.SYSUPDATE_BEHIND: Made(_has(BEHIND), in_step),
        Drift.SYSUPDATE_AHEAD: Made(_has(AHEAD), in_step),
        Drift.REBOOT_PENDING: Made(reboot, in_step),
        Drift.REBOOT_OVERDUE: Made({**reboot, "state_at": now - timedelta(days=8)}, in_step),
        Drift.UPDATE_BLOCKED: Made({"state": State.FAILED.value, "postinst_failures": 3}, in_step),
        Drift.ROLLED_BACK: Made(
            {"state": State.ROLLED_BACK.value, "rolled_back_version": NEXT}, in_step
        ),
        Drift.DUPLICATE_MACHINE_ID: Made({"boot_returns": 2, "doubled_at": now}, in_step),
        Drift.NODE_RESET: Made({"reset_at": now}, in_step),
        Drift.BOOT_FETCH: Made({"boot_fetched_at": now}, in_step),
        Drift.PUBLIC_FALLBACK: Made({"fallback_at": now}, in_step),
        Drift.OS_BEHIND: Made({}, (Drift.IN_SYNC,)),
        Drift.OS_AHEAD: Made(
            {"version": "4800.0.0", **silent},
            (Drift.ASSUMED_IN_SYNC, Drift.REPORT_NEVER, Drift.OS_UNKNOWN),
        ),
        Drift.OS_UNKNOWN: Made(
            {"version": "own build", **silent}, (Drift.OEM_UNPORTED, Drift.REPORT_NEVER)
        ),
        Drift.REPORT_STALE: Made(_said(boot_id="another"), (Drift.ASSUMED_IN_SYNC, *behind)),
        Drift.REPORT_NEVER: Made(silent, (Drift.ASSUMED_IN_SYNC, *behind)),
    }


def fleet(many: Mapping[Drift, int], now: datetime) -> Iterator[dict[str, Any]]:
    """The values of the nodes of a fleet in which so many were made for each class."""
    in_step = {
        "version": RUNS,
        "oem": "azure",
        "oem_basis": DERIVED,
        "oem_version": RUNS,
        "aleph_version": OLDER,
        "boot_id": f"{{{_BOOT}}}",
        "state": State.WAITING.value,
        "state_at": now,
        **_said(),
    }
    how = made(now)
    for drift, number in many.items():
        yield from repeat(in_step | how[drift].values, number)


def expected(many: Mapping[Drift, int], now: datetime) -> Counter[Drift]:
    """On how many nodes of such a fleet each class must be found."""
    found: Counter[Drift] = Counter()
    for drift, one in made(now).items():
        for also in (drift, *one.also):
            found[also] += many.get(drift, 0)
    return found
