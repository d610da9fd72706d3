"""Takes away the payload files that nothing names any more."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.template.defaultfilters import filesizeformat

from oemupdates.services.shared.activity import Refused
from oemupdates.services.upkeep import collecting


class Command(BaseCommand):
    """Says what would go and why; with --delete it goes."""

    help = (
        "Say which files of the payload folder no release names, and which of them would go: none"
        " that a node ran or was offered lately. Nothing is deleted without --delete."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Say what the command takes."""
        parser.add_argument("--delete", action="store_true", help="take away what would go")
        parser.add_argument("--why", default="", help="for colleagues to read")

    def handle(self, *_args: Any, delete: bool, why: str, **_options: Any) -> None:
        """Print a line a folder."""
        try:
            plan = collecting.collect(by=None, why=why) if delete else collecting.plan()
        except Refused as refusal:
            raise CommandError(str(refusal)) from refusal
        goes = "went" if delete else "would go"
        for piece in plan.pieces:
            size = filesizeformat(piece.size).replace("\xa0", " ")
            self.stdout.write(f"{goes if piece.goes else 'stays'}: {piece} ({size}): {piece.why}")
        total = filesizeformat(plan.size).replace("\xa0", " ")
        self.stdout.write(f"{total} {goes}.")
