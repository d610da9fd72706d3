"""Passes over all nodes until a line is said: `python -m bench.passes`, over a seeded database.

With `--changing` each finds that all nodes of any OEM are out of step, or are so no longer.
"""

import json
import os
import select
import sys
import time

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fleet.settings")
django.setup()

from django.utils import timezone  # noqa: E402 - Django must be set up before

from oemupdates.models import DriftPass, Oem  # noqa: E402
from oemupdates.services.drift import remeasuring  # noqa: E402
from oemupdates.services.shared.configuration import changing  # noqa: E402


def main() -> None:
    """Move the configuration and measure everything, again and again; how long each took."""
    took: list[float] = []
    while not took or not ("--once" in sys.argv or select.select([sys.stdin], [], [], 0)[0]):
        with changing():
            if "--changing" in sys.argv:
                Oem.objects.update(dropped_in="" if len(took) % 2 else "1.0.0")
        began = time.monotonic()
        remeasuring.advance(timezone.now(), seconds=3600)
        took.append(round(time.monotonic() - began, 2))
    newest = DriftPass.objects.latest("pk")
    said = {"seconds": max(took), "passes": len(took), "nodes": newest.measured}
    print(json.dumps(said | {"changed": newest.changed}))


if __name__ == "__main__":
    main()
