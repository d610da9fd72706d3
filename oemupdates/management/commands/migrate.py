"""Django's own migrate, which also works before there is a data folder."""

from typing import Any

from django.conf import settings
from django.core.management.commands.migrate import Command as Migrate


class Command(Migrate):
    """Makes an embedded server's data folder, then migrates: SQLite makes files but no folders."""

    def execute(self, *args: Any, **options: Any) -> Any:
        """Run the command; Django's checks look at the database before it handles anything."""
        if settings.EMBEDDED:
            settings.DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
        return super().execute(*args, **options)
