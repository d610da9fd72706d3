"""Let somebody in who lost their second factor."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from oemupdates.models import Operator
from oemupdates.services.access import factors


class Command(BaseCommand):
    """Forgets the authenticator app, the passkeys and the recovery codes of somebody."""

    help = "Forget the second factors of somebody who lost them; their sessions end."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whose they are."""
        parser.add_argument("username")
        parser.add_argument("--why", default="By whoever runs this server, from its shell")

    def handle(self, *_args: Any, username: str, why: str, **_options: Any) -> None:
        """Forget them, and say what comes next."""
        operator = Operator.objects.filter(username=username).first()
        if operator is None:
            raise CommandError(f"There is no {username}.")
        try:
            factors.reset(operator, by=None, why=why)
        except factors.CannotRemoveFactor as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(f"{username} logs in without a second factor now.")
