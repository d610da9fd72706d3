"""What of a node's report is kept with the node, and read where it checks in or is measured."""

import json
import re
from typing import Any

from oemupdates.domain.checkin import ANY, LEVEL, OBSERVED, OemClaim
from oemupdates.domain.report import OEM_PREFIX, Report, flatcar_name
from oemupdates.domain.sysupdate import version_of

# A version that a node's row has room for, and the beacon would tell.
_WORD = re.compile(r"[0-9A-Za-z._+~-]{1,60}", re.ASCII)


def brief(report: Report) -> str:
    """What of a report a node is measured by, as it is kept; `report.load` reads it too."""
    names = {f"{OEM_PREFIX}{report.oem_id}", *map(flatcar_name, report.extensions_by_update)}
    told = {
        "boot_id": report.boot_id,
        "oem": report.oem,
        "oem_flag_active": report.oem_flag_active,
        "oem_migration_pending": report.oem_migration_pending,
        "enabled_sysext": report.extensions_by_update,
        "extensions": [
            *(_told(one._asdict()) for one in report.extensions if one.name in names),
            *(
                {"name": one.name, "target": one.target}
                for one in report.extensions
                if one.name not in names and version_of(one.name, one.target)
            ),
        ],
        "files": [
            {"path": file.name}
            for file in report.files
            if file.name in {f"{name}-{report.os_version}.raw" for name in names}
        ],
    }
    return json.dumps(_told(told), separators=(",", ":"), ensure_ascii=False, sort_keys=True)


def _told(values: dict[str, Any]) -> dict[str, Any]:
    """What says something."""
    return {name: value for name, value in values.items() if value}


def end(kept: str) -> str:
    """A kept report that counts no more, since it is of no boot."""
    return json.dumps(json.loads(kept) | {"boot_id": ""}, separators=(",", ":"), sort_keys=True)


def is_kept_of(kept: str, boot_id: str) -> bool:
    """Whether a kept report is of a boot, as check-ins ask each time: without reading it."""
    boot = boot_id.strip("{}")
    return bool(boot) and f'"boot_id":"{boot}"' in kept


def observed(kept: str, *, oem: str, boot_id: str) -> OemClaim | None:
    """What a kept report saw to be merged of an OEM; None if it is of another one, or boot."""
    if not is_kept_of(kept, boot_id):
        return None
    told = json.loads(kept)
    if told.get("oem") != oem:
        return None
    name = f"{OEM_PREFIX}{oem}"
    image: dict[str, Any] = next(
        (one for one in told.get("extensions", ()) if one["name"] == name), {}
    )
    if not image.get("merged"):
        return OemClaim(OBSERVED)
    level, build = image.get("sysext_level"), image.get("payload_version", "")
    version = f"{LEVEL}{level}" if level else image.get("version_id") or ANY
    if not _WORD.fullmatch(version):
        return None
    return OemClaim(OBSERVED, version, build if _WORD.fullmatch(build) else "")
