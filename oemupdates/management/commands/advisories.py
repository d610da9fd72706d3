"""Brings advisories from files."""

import json
from argparse import FileType
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from oemupdates.services.security import advisories


class Command(BaseCommand):
    """Takes advisories in OSV's format, a file each; a wrong one stops none of the others."""

    help = "Take advisories in the format of osv.dev, and those that come with this version."

    def add_arguments(self, parser: CommandParser) -> None:
        """Say what the command takes."""
        parser.add_argument("file", nargs="*", type=FileType("rb"))
        parser.add_argument("--why", default="", help="for colleagues to read")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Take them one by one."""
        self.stdout.write(f"{advisories.load_shipped()} of the product are new or renewed.")
        refused = 0
        for file in options["file"]:
            try:
                said = json.load(file)
                self.stdout.write(f"{advisories.take(said, by=None, why=options['why'])} is here.")
            except (ValueError, RecursionError, advisories.CannotTakeAdvisory) as error:
                refused += 1
                self.stderr.write(f"{file.name}: {error}")
        if refused:
            raise CommandError(f"{refused} of {len(options['file'])} were refused.")
