"""Nodes that are in step, and what makes them drift."""

from typing import Any

from oemupdates.domain.checkin import DERIVED, OBSERVED
from oemupdates.domain.drift import measure
from oemupdates.domain.drift_facts import Drift, Facts, Found, Shipped
from oemupdates.domain.node import State
from oemupdates.domain.report import Extension, Report, StoredFile
from oemupdates.domain.shipped import SHIPPED
from tests.domain.plain import node

V, OLDER, NEXT = "4593.2.1", "4459.2.4", "4757.1.0"
UNPORTED = "3602.2.3"
TWICE = f"{OLDER} {V}"  # migrated by two updates
NIGHTLY = f"{V}+nightly-20260821-2100"
BUILD = "2.12.0.4-r2"
RUNS = Shipped(V, frozenset({"oem-azure.gz", "flatcar-python.gz"}), BUILD)
BOOT = "boot-1"
NO_FLAG = {"oem_flag_active": False}
BEACON = {"oem_basis": OBSERVED, "oem_build": BUILD}


def image(name: str = "oem-azure", **changes: Any) -> Extension:
    """An image that is merged as its OS wants it."""
    values: dict[str, Any] = {
        "merged": True,
        "version_id": V,
        "payload_version": BUILD,
        "target": f"/oem/sysext/{name}-{V}.raw",
        "target_exists": True,
    }
    return Extension(name, **(values | changes))


def stored(*names: str) -> tuple[StoredFile, ...]:
    return tuple(StoredFile(f"/oem/sysext/{name}", 1) for name in names)


def report(**changes: Any) -> Report:
    """A node that is in step."""
    values: dict[str, Any] = {
        "machine_id": "m",
        "boot_id": BOOT,
        "application": "",
        "os_version": V,
        "os_version_id": V,
        "board": "amd64-usr",
        "oem": "azure",
        "oem_release_version": "2.9.1.1-r4",
        "oem_flag_active": True,
        "oem_known_to_os": True,
        "oem_migration_pending": False,
        "extensions": (image(),),
        "files": stored(f"oem-azure-{V}.raw"),
    }
    return Report(**(values | changes))


def facts(said: Report | None = None, *, about: dict[str, Any] | None = None, **own: Any) -> Facts:
    """A node that runs V and was installed with an older version, which had the sysext too."""
    values: dict[str, Any] = {
        "version": V,
        "boot_id": f"{{{BOOT}}}",
        "aleph_version": OLDER,
        "oem": "azure",
        "oem_basis": DERIVED,
        "oem_version": V,
        "state": State.UP_TO_DATE,
        "target_version": "",
    }
    shown = {"runs": RUNS, "target": RUNS} | own
    return Facts(node(**(values | (about or {}))), SHIPPED, said, **shown)


def drifts(given: Facts) -> list[Drift]:
    return [found.drift for found in measure(given)]


def first(given: Facts) -> Found:
    return measure(given)[0]


def target(*names: str, version: str = NEXT) -> Shipped:
    return Shipped(version, frozenset(names))
