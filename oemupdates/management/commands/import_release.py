"""Registers a folder of payload files as a release."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.template.defaultfilters import filesizeformat

from oemupdates.models import FLATCAR, Architecture, Channel, Release
from oemupdates.services.releases import release_additions, releases
from oemupdates.services.releases.releases import Imported, Source
from oemupdates.services.shared.activity import Refused

_BOARDS = {f"{architecture}-usr": architecture for architecture in Architecture.values}


class Command(BaseCommand):
    """Registers payload files, and lets a channel's nodes have them."""

    help = (
        "Register a folder of payload files (flatcar_production_update.gz, oem-<id>.gz,"
        " flatcar-<name>.gz) as a release of Flatcar. Sizes and hashes are computed from the"
        " bytes. The files are copied, for this server to host, unless --url says where nodes"
        " find them."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Let `--version` be the release's; Django's own is told by `manage.py version`."""
        return super().create_parser(prog_name, subcommand, conflict_handler="resolve", **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        """Say what the command takes."""
        parser.add_argument("directory", type=Path, metavar="DIR")
        parser.add_argument("--version", required=True, help="as in version.txt: 4593.2.1")
        parser.add_argument("--board", required=True, choices=sorted(_BOARDS))
        parser.add_argument("--channel", help="alpha, beta, stable, lts, edge, ...")
        parser.add_argument(
            "--add",
            action="store_true",
            help="add the files, as one OEM, to a release that is registered; without --channel",
        )
        parser.add_argument(
            "--url", default="", help="URL of the folder from which nodes get these files"
        )
        parser.add_argument(
            "--no-target",
            action="store_true",
            help="leave the channel's target as it is, also when this release is newer",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Import, and print what is registered now."""
        if options["add"]:
            self._add(options)
            return
        if not options["channel"]:
            raise CommandError("Say which --channel the release is for.")
        channel = self._channel(options["channel"], options["board"])
        source = Source(
            options["directory"],
            options["version"],
            codebase=options["url"],
            moves_target=not options["no_target"],
        )
        try:
            imported = releases.import_release(source, channel=channel, by=None)
        except (Refused, OSError) as refusal:
            raise CommandError(str(refusal)) from refusal
        self._print(imported, channel)

    def _add(self, options: dict[str, Any]) -> None:
        """Add files to a release, and print each of them."""
        if options["channel"] or options["url"]:
            raise CommandError("--add takes neither --channel nor --url: the release has its own.")
        version, board = options["version"], options["board"]
        release = Release.objects.select_related("application").filter(
            application__uuid=FLATCAR, version=version, architecture=_BOARDS[board]
        )
        if (found := release.first()) is None:
            raise CommandError(f"There is no release {version} for {board} to add to.")
        try:
            imported = release_additions.add(found, options["directory"], by=None)
        except (Refused, OSError) as refusal:
            raise CommandError(str(refusal)) from refusal
        self._print_files(imported)
        self.stdout.write(release_additions.told(imported))

    def _channel(self, name: str, board: str) -> Channel:
        channels = Channel.objects.filter(
            application__uuid=FLATCAR, architecture=_BOARDS[board]
        ).select_related("application")
        channel = channels.filter(name=name).first()
        if channel is None:
            names = ", ".join(channels.values_list("name", flat=True))
            raise CommandError(f"{board} has no channel {name!r}, only {names}.")
        return channel

    def _print(self, imported: Imported, channel: Channel) -> None:
        release = imported.release
        self._print_files(imported)
        where = release.codebase or (
            f"{settings.FLEET_URL}/payloads/{release.board}/{release.version}/"
        )
        if imported.is_new:
            self.stdout.write(f"Registered {release}; nodes find it at {where}")
        elif imported.added:
            self.stdout.write(f"Added {len(imported.added)} payloads to {release} at {where}")
        else:
            self.stdout.write(f"{release} is registered like this already; nothing changed.")
        if imported.target_moved:
            self.stdout.write(f"Nodes of channel {channel} update to {release.version} from now.")

    def _print_files(self, imported: Imported) -> None:
        width = max(len(file.name) for file in imported.folder.files)
        for file in imported.folder.files:
            state = "new" if file.name in imported.added else "known"
            size = filesizeformat(file.size).replace("\xa0", " ")
            self.stdout.write(f"{file.name:<{width}}  {size:>10}  {file.sha256[:16]}  {state}")
        for name, why in imported.folder.ignored.items():
            self.stdout.write(f"{name} ignored: {why}")
        for warning in imported.folder.warnings:
            self.stdout.write(self.style.WARNING(f"warning: {warning}"))
        for why, names in imported.folder.unread.items():
            self.stdout.write(f"not looked into, as {why}: {', '.join(names)}")
