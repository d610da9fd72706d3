"""Verify that nothing of activity was changed, removed, inserted or cut off."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from oemupdates.services.shared import activity_chain


class Command(BaseCommand):
    """Reads all of activity; ends with 1 and the first broken row if the chain is broken."""

    help = "Verify the hash chain of activity."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take a hash that an earlier run printed."""
        parser.add_argument(
            "--known",
            default="",
            metavar="HASH",
            help="the last hash of an earlier run, kept elsewhere: finds an end that was cut off",
        )

    def handle(self, *_args: Any, known: str, **_options: Any) -> None:
        """Say how far the chain is whole."""
        found = activity_chain.verify(known)
        if not found.is_whole:
            raise CommandError(f"{found.problem} Whole up to row {found.last_id or 'none'}.")
        self.stdout.write(f"{found.rows} rows, whole.")
        self.stdout.write(f"Last hash: {found.last_hash}")
