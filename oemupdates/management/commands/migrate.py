"""Django's own migrate, which also works before there is a data folder."""

from typing import Any

from django.conf import settings
from django.core.management.commands.migrate import Command as Migrate


class Command(Migrate):
    """Makes an embedded server's data folder, then migrates: SQLite makes files but no folders."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the command."""
        if settings.EMBEDDED:
            settings.DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
        super().handle(*args, **options)
