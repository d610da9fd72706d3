"""Manages the servers that releases come from."""

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from oemupdates.models import FLATCAR, Architecture, Channel, Proposal, Upstream
from oemupdates.services.shared.activity import Refused
from oemupdates.services.sync import proposals, upstreams
from oemupdates.services.sync.upstreams import Kind, Policy, Terms

_BOARDS = {f"{architecture}-usr": architecture for architecture in Architecture.values}
_TERMS = [field.name for field in fields(Terms)]


class Command(BaseCommand):
    """Adds, lists, switches and removes upstreams, and lets channels follow them."""

    help = (
        "Say from which servers releases come, and which channels follow them. Nothing is asked"
        " of any server before it was added here and a channel follows it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Say what the command takes."""
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        self._add_add(verbs.add_parser("add", help="know another server"))
        verbs.add_parser("list", help="print upstreams, what follows them, and proposals")
        for verb, what in (
            ("on", "ask it for releases again"),
            ("off", "leave it alone"),
            ("remove", "forget it; releases that came from it stay"),
        ):
            verbs.add_parser(verb, help=what).add_argument("name")
        for verb, what in (
            ("follow", "let a channel get its releases from it"),
            ("unfollow", "let a channel get no more releases from it"),
        ):
            one = verbs.add_parser(verb, help=what)
            one.add_argument("name")
            one.add_argument("channel", help="alpha, beta, stable, lts, edge, ...")
            one.add_argument("--board", choices=sorted(_BOARDS), default="amd64-usr")
            if verb == "follow":
                one.add_argument("--track", default="", help="its name over there, if it differs")
        for verb, what in (
            ("accept", "move a channel to what was proposed"),
            ("dismiss", "leave a channel where it is"),
        ):
            verbs.add_parser(verb, help=what).add_argument("proposal", type=int)

    def _add_add(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--kind", choices=Kind.values, default=Kind.PUBLIC.value)
        parser.add_argument("--address", default="", help="where it answers Omaha requests")
        parser.add_argument(
            "--release-server", default="", help="folder above <board>/<version>/<file>"
        )
        parser.add_argument("--images-server", default="", help="the same, of version.txt")
        parser.add_argument("--feed", default="", help="releases with their notes, in JSON")
        parser.add_argument("--ca-file", default="", help="authorities that it is trusted by")
        parser.add_argument("--proxy", default="")
        parser.add_argument("--policy", choices=Policy.values, default=Policy.PROPOSE.value)
        parser.add_argument(
            "--hash-only",
            dest="needs_signature",
            action="store_false",
            help="also take payloads that no key of FLEET_PAYLOAD_KEYS signed",
        )
        parser.add_argument(
            "--needs-inside",
            action="store_true",
            help="offer no OEM or extension whose image nobody could look into",
        )
        parser.add_argument("--interval-minutes", type=int, default=60)

    def handle(self, *_args: Any, **options: Any) -> None:
        """Do what the verb says."""
        verb = {
            "add": self._add,
            "list": self._list,
            "on": self._switch,
            "off": self._switch,
            "remove": self._remove,
            "follow": self._follow,
            "unfollow": self._follow,
            "accept": self._decide,
            "dismiss": self._decide,
        }[options["verb"]]
        try:
            for line in verb(options):
                self.stdout.write(line)
        except Refused as refusal:
            raise CommandError(str(refusal)) from refusal

    def _add(self, options: dict[str, Any]) -> Iterable[str]:
        row = upstreams.add(Terms(**{name: options[name] for name in _TERMS}), by=None)
        yield f"{row} is at {row.address or row.release_server}"
        if not row.address:
            yield f"It has files alone: manage.py sync --upstream {row} --version 4459.2.1"
            return
        yield f"No channel follows it yet: manage.py upstream follow {row} stable"

    def _list(self, _options: dict[str, Any]) -> Iterable[str]:
        for row in Upstream.objects.prefetch_related("subscriptions__channel"):
            state = row.policy if row.is_enabled else "off"
            yield f"{row}  {row.kind}  {state}  {row.address or row.release_server}"
            for one in row.subscriptions.all():
                last = one.last_success_at
                said = f"last synced {last:%Y-%m-%d %H:%M} UTC" if last else "never synced"
                yield f"  {one.channel} follows {one.track}, {said}"
        for proposal in Proposal.objects.filter(state=Proposal.State.OPEN).select_related(
            "upstream", "channel", "release"
        ):
            yield f"Proposal {proposal.pk}: {proposal}, by {proposal.upstream}"

    def _switch(self, options: dict[str, Any]) -> Iterable[str]:
        row = upstreams.switch(find(options["name"]), on=options["verb"] == "on", by=None)
        yield f"{row} is {options['verb']}."

    def _remove(self, options: dict[str, Any]) -> Iterable[str]:
        upstreams.remove(find(options["name"]), by=None)
        yield f"{options['name']} is removed."

    def _follow(self, options: dict[str, Any]) -> Iterable[str]:
        row, channel = find(options["name"]), find_channel(options["channel"], options["board"])
        if options["verb"] == "unfollow":
            upstreams.unsubscribe(row, channel, by=None)
            yield f"{channel} gets no more releases from {row}."
        else:
            one = upstreams.subscribe(row, channel, track=options["track"], by=None)
            yield f"{channel} follows {one.track} of {row}."

    def _decide(self, options: dict[str, Any]) -> Iterable[str]:
        known = Proposal.objects.select_related("channel", "release", "upstream")
        proposal = known.filter(pk=options["proposal"]).first()
        if proposal is None:
            raise CommandError(f"There is no proposal {options['proposal']}.")
        if options["verb"] == "accept":
            channel = proposals.accept(proposal, by=None)
            yield f"Nodes of channel {channel} update to {proposal.release.version} from now."
        else:
            proposals.dismiss(proposal, by=None)
            yield f"{proposal.channel} stays where it is."


def find(name: str) -> Upstream:
    """The upstream of that name; `CommandError` lists those that there are."""
    row = Upstream.objects.filter(name=name).first()
    if row is None:
        names = ", ".join(Upstream.objects.values_list("name", flat=True)) or "none"
        raise CommandError(f"There is no upstream {name!r}, only {names}.")
    return row


def find_channel(name: str, board: str) -> Channel:
    """Flatcar's channel of that name for a board; `CommandError` lists those that there are."""
    channels = Channel.objects.filter(
        application__uuid=FLATCAR, architecture=_BOARDS[board]
    ).select_related("application")
    channel = channels.filter(name=name).first()
    if channel is None:
        names = ", ".join(channels.values_list("name", flat=True))
        raise CommandError(f"{board} has no channel {name!r}, only {names}.")
    return channel
