"""`manage.py prepare_demo`: what a simulated fleet needs to find on this server."""

import tempfile
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from oemupdates.management.simulation.content import prepare
from oemupdates.services.shared.activity import Refused


class Command(BaseCommand):
    """Makes the demo fleet's releases and groups."""

    help = (
        "Register releases with small generated payloads, a floor, a dead end and a group with a"
        " limit, for `simulate_fleet` to meet. What is there already stays as it is."
    )

    def handle(self, **_options: Any) -> None:
        """Prepare, and say what is new."""
        with tempfile.TemporaryDirectory(prefix="fleet-demo-") as folder:
            try:
                for prepared in prepare(Path(folder)):
                    word = "new" if prepared.is_new else "there already"
                    self.stdout.write(f"{prepared.what}: {word}")
            except (Refused, OSError) as refusal:
                raise CommandError(str(refusal)) from refusal
