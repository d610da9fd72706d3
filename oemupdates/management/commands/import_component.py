"""Hosts images that nodes keep up to date by systemd-sysupdate."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.template.defaultfilters import filesizeformat

from oemupdates.domain.sysupdate import SUMS
from oemupdates.services.components import components
from oemupdates.services.shared.activity import Refused

_DIGITS = 64


class Command(BaseCommand):
    """Hosts image files, or all of a folder as the sysext-bakery publishes it."""

    help = (
        "Host images of components, which are extensions that nodes keep up to date by"
        " systemd-sysupdate (<component>-<version>-x86-64.raw, or -arm64.raw): one by one or all"
        " of a folder. A SHA256SUMS beside them must name each of them as it is."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Say what the command takes."""
        parser.add_argument("paths", type=Path, nargs="+", metavar="FILE-OR-FOLDER")
        parser.add_argument(
            "--component",
            default="",
            help="its name, where a part of that begins with a digit: x-2 of x-2-1.0-x86-64.raw",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Host each file, and tell of it; the first that is no good ends it."""
        for path in _files(options["paths"]):
            try:
                _compare(path)
                image, is_new = components.add(path, component=options["component"], by=None)
            except (Refused, OSError) as refusal:
                raise CommandError(str(refusal)) from refusal
            size = filesizeformat(image.size).replace("\xa0", " ")
            fits = f"for {image.bound_to}" if image.bound_to else "for every OS version"
            state = "new" if is_new else "known"
            self.stdout.write(f"{image}  {size}  {fits}  {image.sha256[:16]}  {state}")


def _files(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        found = sorted(path.glob("*.raw"))
        if not found:
            raise CommandError(f"{path} holds no image: those are called *.raw.")
        yield from found


def _compare(path: Path) -> None:
    """Refuse a file that the SHA256SUMS beside it names otherwise, or not at all."""
    sums = path.with_name(SUMS)
    if not sums.is_file():
        return
    for line in sums.read_text(encoding="ascii", errors="replace").splitlines():
        said, name = line[:_DIGITS].lower(), line[_DIGITS:].lstrip(" *")
        if name == path.name:
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != said:
                raise CommandError(f"{path} is not what {sums} says: its SHA-256 is {found}.")
            return
    raise CommandError(f"{sums} does not name {path.name}.")
