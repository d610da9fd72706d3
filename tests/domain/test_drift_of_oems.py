"""The class of an OEM, with both sides of its rule, by each of the ways it is known."""

from typing import Any

import pytest

from oemupdates.domain.checkin import REPORTED
from oemupdates.domain.drift_facts import Basis, Drift
from tests.domain.drift_maker import (
    BEACON,
    NIGHTLY,
    NO_FLAG,
    OLDER,
    TWICE,
    UNPORTED,
    V,
    facts,
    first,
    image,
    report,
    stored,
)

NOTHING_MERGED = {"extensions": (), "files": ()}
CUSTOM = {"oem": "acme", "extensions": (image("oem-acme"),), "files": stored(f"oem-acme-{V}.raw")}


@pytest.mark.parametrize(
    ("said", "about", "drift"),
    [
        # In step, and each way to be apart: another version, another build, no version at all.
        ({}, {}, Drift.IN_SYNC),
        ({"extensions": (image(version_id=OLDER),)}, {}, Drift.OEM_VERSION_MISMATCH),
        ({"extensions": (image(payload_version="2.9.1.1-r4"),)}, {}, Drift.OEM_PAYLOAD_STALE),
        ({"extensions": (image(payload_version=""),)}, {}, Drift.IN_SYNC),
        ({}, {"version": NIGHTLY}, Drift.IN_SYNC),
        ({"extensions": (image(version_id="", payload_version=""),)}, {}, Drift.IN_SYNC),
        # Bound to a level: one of the first images, and right for versions of that time.
        ({"extensions": (image(version_id="", sysext_level="1.0"),)}, {}, Drift.OEM_INITIAL),
        (
            {"extensions": (image(target="/oem/sysext/oem-azure-initial.raw"),)},
            {},
            Drift.OEM_INITIAL,
        ),
        (
            {"extensions": (image(version_id="", sysext_level="1.0", payload_version=""),)},
            {"version": "3637.0.0"},
            Drift.IN_SYNC,
        ),
        # The image is not there, or it is and is not merged.
        (
            {"extensions": (image(merged=False, target_exists=False),)},
            {},
            Drift.OEM_MISSING_FOR_OS,
        ),
        ({"extensions": (image(target_exists=False),)}, {}, Drift.OEM_MISSING_FOR_OS),
        (NOTHING_MERGED, {}, Drift.OEM_MISSING_FOR_OS),
        (
            {"extensions": (), "files": stored(f"oem-azure-{OLDER}.raw")},
            {},
            Drift.OEM_MISSING_FOR_OS,
        ),
        ({"extensions": ()}, {}, Drift.OEM_NOT_MERGED),
        ({"extensions": (image(merged=False, target="/dev/null"),)}, {}, Drift.OEM_NOT_MERGED),
        # No OEM, and two that differ.
        ({"oem": ""}, {"oem": ""}, Drift.NO_OEM),
        ({"oem": ""}, {"oem": "diskless"}, Drift.NO_OEM),
        ({"oem": "azure"}, {"oem": ""}, Drift.OEM_ID_MISMATCH),
        ({"oem": "ami"}, {}, Drift.OEM_ID_MISMATCH),
        ({"oem": '"azure"'}, {"oem": '"azure"'}, Drift.OEM_ID_MISMATCH),
        # On the way from files to the sysext.
        ({"oem_migration_pending": True}, {}, Drift.MIGRATION_PENDING),
        (NO_FLAG | {"oem_migration_pending": True}, {}, Drift.MIGRATION_PENDING),
        (NO_FLAG, {}, Drift.MIGRATION_WAITING),
        (NO_FLAG | NOTHING_MERGED, {}, Drift.OEM_NOT_MIGRATED),
        (NO_FLAG | NOTHING_MERGED, {"version": UNPORTED}, Drift.OEM_UNPORTED),
        (
            NO_FLAG | NOTHING_MERGED | {"oem": "hyperv"},
            {"oem": "hyperv"},
            Drift.OEM_NOT_MIGRATABLE,
        ),
        (
            NO_FLAG | NOTHING_MERGED | {"oem": "hyperv"},
            {"oem": "hyperv", "version": "4230.2.3"},
            Drift.OEM_UNPORTED,
        ),
        (
            NO_FLAG | NOTHING_MERGED | {"oem": "rackspace"},
            {"oem": "rackspace"},
            Drift.OEM_UNPORTED,
        ),
        # OEMs of the operators' own.
        (CUSTOM, {"oem": "acme"}, Drift.IN_SYNC),
        (CUSTOM | NO_FLAG, {"oem": "acme"}, Drift.OEM_UNKNOWN),
        (CUSTOM | {"extensions": ()}, {"oem": "acme"}, Drift.OEM_NOT_MERGED),
        (CUSTOM | NOTHING_MERGED, {"oem": "acme"}, Drift.OEM_MISSING_FOR_OS),
        # Below the first version with a sysext, and beyond the last.
        (NOTHING_MERGED, {"version": UNPORTED}, Drift.OEM_DOWNGRADED_BELOW_PORT),
        (
            NOTHING_MERGED | {"oem": "packet"},
            {"oem": "packet", "version": "4722.0.0"},
            Drift.OEM_DROPPED_UPSTREAM,
        ),
        (
            NOTHING_MERGED | {"oem": "packet"},
            {"oem": "packet", "version": "4721.0.0"},
            Drift.OEM_MISSING_FOR_OS,
        ),
    ],
)
def test_the_class_of_an_oem_by_its_report(
    said: dict[str, Any], about: dict[str, Any], drift: Drift
) -> None:
    found = first(facts(report(**said), about=about))
    assert (found.drift, found.basis) == (drift, Basis.REPORT)


@pytest.mark.parametrize(
    ("about", "drift"),
    [
        ({}, Drift.IN_SYNC),
        ({"oem_build": ""}, Drift.IN_SYNC),
        ({"oem_build": "2.9.1.1-r4"}, Drift.OEM_PAYLOAD_STALE),
        ({"oem_version": OLDER}, Drift.OEM_VERSION_MISMATCH),
        ({"oem_version": "level-1.0", "oem_build": ""}, Drift.OEM_INITIAL),
        (
            {"oem_version": "level-1.0", "oem_build": "", "version": "3637.0.0"},
            Drift.IN_SYNC,
        ),
        ({"oem_version": "_any"}, Drift.IN_SYNC),
        ({"version": NIGHTLY}, Drift.IN_SYNC),
        ({"version": NIGHTLY, "oem_version": OLDER}, Drift.OEM_VERSION_MISMATCH),
        ({"oem_version": "", "oem_build": ""}, Drift.OEM_NOT_MERGED),
        (
            {"oem_version": "", "oem_build": "", "aleph_version": UNPORTED},
            Drift.OEM_NOT_MIGRATED,
        ),
        (
            {"oem_version": "", "oem_build": "", "oem": "hyperv", "aleph_version": "4230.2.3"},
            Drift.OEM_NOT_MIGRATABLE,
        ),
        ({"oem_version": "", "oem_build": "", "oem": "acme"}, Drift.OEM_UNKNOWN),
        ({"oem_version": V, "oem_build": "", "oem": "acme"}, Drift.IN_SYNC),
        (
            {"oem_version": "", "version": UNPORTED, "aleph_version": UNPORTED},
            Drift.OEM_UNPORTED,
        ),
        ({"oem_version": "", "version": UNPORTED}, Drift.OEM_DOWNGRADED_BELOW_PORT),
        (
            {"oem_version": "", "oem": "packet", "version": "4722.0.0"},
            Drift.OEM_DROPPED_UPSTREAM,
        ),
    ],
)
def test_the_class_of_an_oem_by_the_beacon(about: dict[str, Any], drift: Drift) -> None:
    found = first(facts(about=BEACON | about))
    assert (found.drift, found.basis) == (drift, Basis.BEACON)


@pytest.mark.parametrize(
    ("about", "drift"),
    [
        ({}, Drift.ASSUMED_IN_SYNC),
        ({"aleph_version": V}, Drift.ASSUMED_IN_SYNC),
        ({"oem": "", "oem_basis": ""}, Drift.NO_OEM),
        ({"oem": "diskless", "oem_basis": ""}, Drift.NO_OEM),
        ({"oem": "acme"}, Drift.OEM_UNKNOWN),
        ({"aleph_version": UNPORTED, "ported_versions": V}, Drift.OEM_NOT_MIGRATED),
        ({"aleph_version": UNPORTED, "ported_versions": TWICE}, Drift.ASSUMED_IN_SYNC),
        (
            {"oem": "hyperv", "aleph_version": "4230.2.3", "ported_versions": TWICE},
            Drift.OEM_NOT_MIGRATABLE,
        ),
        ({"oem": "hyperv", "aleph_version": "4459.2.0"}, Drift.ASSUMED_IN_SYNC),
        # Nothing was there before the sysext, or nothing is told of the birth: nothing to migrate.
        ({"oem": "hetzner", "aleph_version": UNPORTED}, Drift.ASSUMED_IN_SYNC),
        ({"oem": "hetzner", "aleph_version": ""}, Drift.ASSUMED_IN_SYNC),
        ({"aleph_version": ""}, Drift.ASSUMED_IN_SYNC),
        ({"aleph_version": "own build"}, Drift.ASSUMED_IN_SYNC),
        ({"version": UNPORTED, "aleph_version": UNPORTED}, Drift.OEM_UNPORTED),
        ({"version": UNPORTED}, Drift.OEM_DOWNGRADED_BELOW_PORT),
        (
            {"version": UNPORTED, "aleph_version": UNPORTED, "ported_versions": TWICE},
            Drift.OEM_DOWNGRADED_BELOW_PORT,
        ),
        (
            {"version": UNPORTED, "aleph_version": UNPORTED, "ported_versions": V},
            Drift.OEM_UNPORTED,
        ),
        ({"oem": "packet", "version": "4722.0.0"}, Drift.OEM_DROPPED_UPSTREAM),
        ({"oem": "vmware", "architecture": "arm64"}, Drift.OEM_UNPORTED),
    ],
)
def test_the_class_of_an_oem_as_it_is_derived(about: dict[str, Any], drift: Drift) -> None:
    found = first(facts(about={"oem_basis": REPORTED} | about))
    assert (found.drift, found.basis) == (drift, Basis.DERIVED)
