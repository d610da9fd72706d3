"""What runs on nodes: the beacon and the report, with their units, from `static/node`."""

from functools import cache
from pathlib import Path

from django.contrib.staticfiles import finders

from oemupdates.domain.snippet import NodeFile, Unit

FOLDER = "/opt/oem-fleet"
_PROGRAMS = ("beacon", "report")
_UNITS = (
    "oem-fleet-beacon.service",
    "oem-fleet-beacon.timer",
    "oem-fleet-report.service",
    "oem-fleet-report.timer",
)


def files() -> list[NodeFile]:
    """The programs, and where they stand on a node."""
    return [NodeFile(f"{FOLDER}/{name}", _text(name)) for name in _PROGRAMS]


def units() -> list[Unit]:
    """The units that start them."""
    return [Unit(name, _text(name)) for name in _UNITS]


@cache
def _text(name: str) -> str:
    found = finders.find(f"node/{name}")
    if not isinstance(found, str):
        raise FileNotFoundError(f"static/node/{name}")
    return Path(found).read_text()
