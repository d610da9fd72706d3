"""Makes the key that signs lists of extensions, and writes out what nodes believe it by."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from oemupdates.services.components import list_keys
from oemupdates.services.shared.activity import Refused


class Command(BaseCommand):
    """Makes the key of lists if there is none, and writes its public half."""

    help = (
        "Make the OpenPGP key that signs the lists of systemd-sysupdate, and write its public half"
        " to a file: nodes with Verify=yes have that as /etc/systemd/import-pubring.gpg."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Say what the command takes."""
        parser.add_argument(
            "file", type=Path, help="where the public key goes: import-pubring.gpg"
        )
        parser.add_argument("--new", action="store_true", help="set the former key aside")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Make, write and tell."""
        try:
            options["file"].write_bytes(list_keys.make(replaces=options["new"]))
        except (Refused, OSError) as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(f"{list_keys.fingerprint()} is in {options['file']}.")
