"""Carries releases over an air gap, in one signed file."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.template.defaultfilters import filesizeformat

from oemupdates.domain import bundle
from oemupdates.models import FLATCAR, Release
from oemupdates.services.carrying import bundle_import, bundle_keys, bundle_runs, bundles
from oemupdates.services.carrying.bundle_import import Belief
from oemupdates.services.shared.activity import Refused

_ARCHITECTURES = {"amd64-usr": "amd64", "arm64-usr": "arm64"}


class Command(BaseCommand):
    """Makes the key, and makes, checks and takes in bundles."""

    help = (
        "Carry releases to a server without a network: export them here as one signed file, verify"
        " it with nothing but the file and the public key, and import it there."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Say what the command takes."""
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        keys = verbs.add_parser("keys", help="print the public key, and make the pair if need be")
        keys.add_argument("--new", action="store_true", help="set the former key aside")
        self._add_export(verbs.add_parser("export", help="write a bundle"))
        for verb, what in (
            ("verify", "read a bundle to its end; needs no database"),
            ("import", "register and host what is in a bundle, or in all of a folder"),
        ):
            one = verbs.add_parser(verb, help=what)
            one.add_argument("file", type=Path)
            one.add_argument(
                "--key",
                type=Path,
                action="append",
                default=[],
                help="a public key (PEM) to believe, instead of those of FLEET_BUNDLE_KEYS",
            )
            if verb == "import":
                one.add_argument(
                    "--hash-only",
                    dest="needs_signature",
                    action="store_false",
                    help="also take payloads that no key of FLEET_PAYLOAD_KEYS signed",
                )

    def _add_export(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--release",
            dest="releases",
            action="append",
            required=True,
            metavar="VERSION",
            help="a release to carry whole; may be said again",
        )
        parser.add_argument(
            "--board", choices=sorted(_ARCHITECTURES), action="append", help="both by default"
        )
        for name, what in (("oem", "OEM"), ("extension", "extension")):
            parser.add_argument(
                f"--{name}", action="append", help=f"carry this {what}; all by default"
            )
            parser.add_argument(
                f"--no-{name}s", action="store_true", help=f"carry no {what} at all"
            )
        parser.add_argument(
            "--running",
            action="append",
            metavar="VERSION",
            help="a version that nodes over there run, whose OEM and extension payloads come too;"
            " by default those that nodes here run",
        )
        parser.add_argument("--no-running", action="store_true")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Do what the verb says."""
        verb = {
            "keys": self._keys,
            "export": self._export,
            "verify": self._verify,
            "import": self._import,
        }[options["verb"]]
        try:
            for line in verb(options):
                self.stdout.write(line)
        except (Refused, bundle.BadBundle) as refusal:
            raise CommandError(str(refusal)) from refusal
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}") from error

    def _keys(self, options: dict[str, Any]) -> Iterable[str]:
        key = bundle_keys.make(replaces=options["new"])
        name = bundle.fingerprint(key.public_key())[:16]
        self.stderr.write(f"Key {name}. The other side needs this, and never the private key:")
        yield bundle_keys.public_pem(key).rstrip("\n")

    def _export(self, options: dict[str, Any]) -> Iterable[str]:
        choice = bundles.Choice(
            _find(options["releases"], options["board"] or sorted(_ARCHITECTURES)),
            _chosen(options, "oem"),
            _chosen(options, "extension"),
            _running(options),
        )
        planned = bundles.plan(choice)
        part: Path = options["file"].with_name(options["file"].name + ".part")
        with part.open("wb") as file:
            bundles.write(planned, file)
        part.replace(options["file"])
        yield from bundle_runs.contents(planned.manifest)
        for remark in planned.remarks:
            yield self.style.WARNING(f"warning: {remark}")
        size = filesizeformat(planned.size).replace("\xa0", " ")
        yield f"Wrote {options['file']}, {size}."

    def _verify(self, options: dict[str, Any]) -> Iterable[str]:
        keys = _keys(options)
        with options["file"].open("rb") as file:
            opened = bundle.verify(file, keys)
        yield from bundle_runs.contents(opened.manifest)
        yield f"All of {options['file']} is as {opened.key} signed it."

    def _import(self, options: dict[str, Any]) -> Iterator[str]:
        belief = Belief(_keys(options), needs_signature=options["needs_signature"])
        path: Path = options["file"]
        files = sorted(path.glob("*.tar")) if path.is_dir() else [path]
        if not files:
            raise CommandError(f"{path} holds no .tar file.")
        for file in files:
            yield f"{file}:"
            yield from bundle_runs.told(bundle_import.take(file, belief, by=None))


def _keys(options: dict[str, Any]) -> Any:
    return bundle_keys.only(options["key"]) if options["key"] else bundle_keys.trusted()


def _find(versions: list[str], boards: list[str]) -> list[Release]:
    known = Release.objects.filter(
        application__uuid=FLATCAR,
        architecture__in=[_ARCHITECTURES[board] for board in boards],
    ).select_related("application")
    found = []
    for version in versions:
        rows = list(known.filter(version=version))
        if not rows:
            raise CommandError(f"There is no release {version} for {' or '.join(boards)}.")
        found += rows
    return found


def _chosen(options: dict[str, Any], name: str) -> frozenset[str] | None:
    if options[f"no_{name}s"]:
        return frozenset()
    return frozenset(options[name]) if options[name] else None


def _running(options: dict[str, Any]) -> list[str]:
    if options["no_running"]:
        return []
    given: list[str] | None = options["running"]
    return bundles.running_versions() if given is None else given
