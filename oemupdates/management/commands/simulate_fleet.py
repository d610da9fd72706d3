"""`manage.py simulate_fleet`: nodes that behave as the stock client does, over real HTTP."""

import argparse
import asyncio
import contextlib
import signal
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from oemupdates.management.simulation.client import Address
from oemupdates.management.simulation.driver import Driver, Manner
from oemupdates.management.simulation.habits import Chances
from oemupdates.management.simulation.population import recall, remember, settle
from oemupdates.management.simulation.step import Node

SUMMARY_SECONDS = 5.0


def _share(text: str) -> float:
    share = float(text)
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError("a rate goes from 0 to 1")
    return share


def _positive(text: str) -> float:
    number = float(text)
    if not number > 0:
        raise argparse.ArgumentTypeError("must be more than 0")
    return number


class Command(BaseCommand):
    """Simulates a fleet of nodes against an update server."""

    help = (
        "Let a simulated fleet of Flatcar nodes check in with an update server, over HTTP, until"
        " --duration is over or the process is told to stop."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Everything that a fleet can differ in."""
        add = parser.add_argument
        add("--nodes", type=int, default=100, help="how many nodes (default 100)")
        add("--url", required=True, help="the update server: http://127.0.0.1:8000/v1/update")
        add(
            "--speed",
            type=_positive,
            default=1.0,
            help="how much faster than life: 600 makes 45 minutes 4.5 seconds (default 1)",
        )
        add("--seed", type=int, default=0, help="the same seed makes the same fleet (default 0)")
        add("--duration", type=_positive, help="seconds to run (default: until stopped)")
        add("--track", action="append", default=[], help="let nodes ask for this; repeatable")
        add("--failure-rate", type=_share, default=0.03, help="downloads that fail")
        add("--postinst-rate", type=_share, default=0.01, help="nodes whose post-install fails")
        add("--rollback-rate", type=_share, default=0.02, help="updates that are rolled back")
        add("--interrupt-rate", type=_share, default=0.02, help="downloads that are resumed")
        add("--dark-rate", type=_share, default=0.02, help="nodes that fall silent some day")
        add("--download", action="store_true", help="really download payloads and check hashes")
        add("--keep-alive", action="store_true", help="keep connections, which real nodes do not")
        add("--connections", type=int, default=128, help="at once, at most (default 128)")
        add("--state", type=Path, help="file to carry on from, and to leave the fleet's state in")

    def handle(self, **options: Any) -> None:
        """Settle the fleet, and let it live."""
        if options["nodes"] < 1 or options["connections"] < 1:
            raise CommandError("--nodes and --connections must be at least 1")
        try:
            Address.of(options["url"])
        except ValueError as error:
            raise CommandError(str(error)) from error
        nodes, self.score = settle(
            options["nodes"],
            seed=options["seed"],
            chances=Chances(
                failure=options["failure_rate"],
                postinst=options["postinst_rate"],
                rollback=options["rollback_rate"],
                interrupted=options["interrupt_rate"],
                dark=options["dark_rate"],
            ),
            tracks=options["track"],
            known=recall(options["state"]) if options["state"] else None,
        )
        manner = Manner(
            url=options["url"],
            speed=options["speed"],
            connections=options["connections"],
            keeps_alive=options["keep_alive"],
            downloads=options["download"],
        )
        try:
            asyncio.run(self._live(nodes, manner, options["duration"]))
        finally:
            if options["state"]:
                remember(nodes, options["state"])

    async def _live(self, nodes: list[Node], manner: Manner, duration: float | None) -> None:
        driver = Driver(nodes, manner)
        life = asyncio.create_task(driver.run())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, life.cancel)
        reports = asyncio.create_task(self._report(driver))
        try:
            with contextlib.suppress(TimeoutError, asyncio.CancelledError):
                await asyncio.wait_for(life, duration)
        finally:
            reports.cancel()
        self.stdout.write(f"{self._summary(driver)}; over")

    async def _report(self, driver: Driver) -> None:
        while True:
            await asyncio.sleep(SUMMARY_SECONDS)
            self.stdout.write(self._summary(driver))
            self.stdout.flush()

    def _summary(self, driver: Driver) -> str:
        tally, elapsed = driver.tally, driver.elapsed
        requests = tally.posts.total()
        statuses = ", ".join(f"{status}: {n}" for status, n in sorted(tally.statuses.items()))
        score = ", ".join(f"{n} {what}" for what, n in sorted(self.score.items()))
        return (
            f"{elapsed:.0f} s, {requests} requests ({requests / max(elapsed, 0.001):.0f}/s;"
            f" {statuses or 'none answered'}); p50 {tally.quantile(0.5) * 1000:.0f} ms,"
            f" p99 {tally.quantile(0.99) * 1000:.0f} ms, {max(tally.late, 0):.1f} s behind;"
            f" {tally.downloads} downloads; {score or 'no updates yet'}"
        )
