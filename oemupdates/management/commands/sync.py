"""Fetches releases from upstreams, in the foreground."""

import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.template.defaultfilters import filesizeformat
from django.utils import timezone

from oemupdates.management.commands.upstream import find, find_channel
from oemupdates.models import Subscription, SyncRun
from oemupdates.services.shared.activity import Refused
from oemupdates.services.sync import sync, sync_runs
from oemupdates.services.sync.sync_keeper import Keeper

_SAY_SECONDS = 5.0


class Command(BaseCommand):
    """Syncs what is due, or what it is told to, and prints what came of it."""

    help = (
        "Fetch what upstreams have for the channels that follow them. Without options, where it"
        " is time; workers do the same by themselves."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Let `--version` be a release's; Django's own is told by `manage.py version`."""
        return super().create_parser(prog_name, subcommand, conflict_handler="resolve", **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        """Say what the command takes."""
        parser.add_argument("--upstream", default="", help="only from this one")
        parser.add_argument("--channel", default="", help="only for this channel")
        parser.add_argument("--board", choices=["amd64-usr", "arm64-usr"], default="amd64-usr")
        parser.add_argument(
            "--version", default="", help="fetch this release, newest or not; no channel moves"
        )
        parser.add_argument("--now", action="store_true", help="also where it is not time yet")
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would be fetched, and fetch nothing"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Work on one run after the other; a failure is told at the end."""
        try:
            runs = self._import(options) if options["version"] else self._subscribed(options)
        except Refused as refusal:
            raise CommandError(str(refusal)) from refusal
        failed = 0
        for run in runs:
            claimed = sync_runs.claim(run.pk)
            if claimed is None:
                self.stdout.write(f"{run}: a worker is at it already.")
                continue
            self.stdout.write(f"{run}:")
            failed += self._print(self._work(claimed))
        if not runs:
            self.stdout.write("Nothing is due; --now does not wait for it.")
        if failed:
            raise CommandError(f"{failed} of {len(runs)} failed.")

    def _import(self, options: dict[str, Any]) -> list[SyncRun]:
        if not options["upstream"] or not options["channel"]:
            raise CommandError("--version needs --upstream and --channel.")
        channel = find_channel(options["channel"], options["board"])
        run = sync_runs.ask(
            find(options["upstream"]),
            channel,
            version=options["version"],
            is_dry=options["dry_run"],
            by=None,
        )
        return [run]

    def _subscribed(self, options: dict[str, Any]) -> list[SyncRun]:
        chosen = Subscription.objects.filter(upstream__is_enabled=True)
        if options["upstream"]:
            chosen = chosen.filter(upstream=find(options["upstream"]))
        if options["channel"]:
            chosen = chosen.filter(channel=find_channel(options["channel"], options["board"]))
        if not options["now"] and not options["dry_run"]:
            chosen = chosen.filter(next_run_at__lte=timezone.now())
        return [
            self._run(one, is_dry=options["dry_run"])
            for one in chosen.select_related("upstream", "channel")
        ]

    def _run(self, subscription: Subscription, *, is_dry: bool) -> SyncRun:
        """A new run, or the one that waits or was left behind."""
        upstream, channel = subscription.upstream, subscription.channel
        open_ones = SyncRun.objects.filter(
            upstream=upstream, channel=channel, state__in=SyncRun.OPEN
        ).select_related("upstream", "channel")
        if (run := open_ones.first()) and run.is_dry == is_dry:
            return run
        return sync_runs.ask(upstream, channel, is_dry=is_dry, by=None)

    def _work(self, run: SyncRun) -> SyncRun:
        over = threading.Event()

        def watch(keeper: Keeper) -> None:
            threading.Thread(target=self._tell, args=(keeper, over), daemon=True).start()

        try:
            return sync.work(run, watch)
        except KeyboardInterrupt:
            sync_runs.cancel(run, by=None, why="ended in the shell")
            raise
        finally:
            over.set()

    def _tell(self, keeper: Keeper, over: threading.Event) -> None:
        """Print how far it is, now and then."""
        while not over.wait(_SAY_SECONDS):
            done, total = (
                filesizeformat(number).replace("\xa0", " ")
                for number in (keeper.bytes_done, keeper.bytes_total)
            )
            self.stdout.write(f"  {keeper.doing}, {done} of {total}")

    def _print(self, run: SyncRun) -> bool:
        """Print what a run came to; whether it failed."""
        for line in (*run.changes, *run.remarks):
            self.stdout.write(f"  {line}")
        if run.state == SyncRun.State.DONE and not run.changes:
            self.stdout.write("  Nothing changed.")
        if run.state == SyncRun.State.CANCELLED:
            self.stdout.write("  Cancelled; what was fetched is kept.")
        if run.problem:
            self.stdout.write(self.style.ERROR(f"  Failed: {run.problem}"))
        return bool(run.problem)
