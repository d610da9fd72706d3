"""The `flatcar-update` line that takes a node to a release, with the files that its OEM needs."""

import re
import shlex
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from oemupdates.domain.oem import is_mandatory, payload_name
from oemupdates.domain.policy import OS_PAYLOAD

# The only names that flatcar-update takes after -E.
_TAKEN = re.compile(r"(flatcar|oem).*gz", re.ASCII)
_RELEASE_HOST = "https://update.release.flatcar-linux.net"


@dataclass(frozen=True, slots=True)
class CarryIn:
    """What to run on a node and which files to carry there, the OS first.

    `missing` are payloads without which the update would fail, and the release has none of them.
    """

    version: str
    files: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def line(self) -> str:
        """The command, to be run in the folder of the files; empty if it would fail."""
        if self.missing:
            return ""
        words = ["flatcar-update", "-V", self.version, "-P", self.files[0]]
        for name in self.files[1:]:
            words += ["-E", name]
        return f"sudo {shlex.join(words)}"

    def mirror_lines(self, mirror: str) -> str:
        """The commands that let a copy of the tool fetch all of it from a mirror's root."""
        if self.missing:
            return ""
        edit = shlex.quote(f"s#{_RELEASE_HOST}#{mirror.rstrip('/')}#g")
        run = shlex.join(["bash", "./flatcar-update", "-V", self.version])
        return f'sed {edit} "$(command -v flatcar-update)" > ./flatcar-update\nsudo {run}'


def carry_in(
    *,
    version: str,
    architecture: str,
    running: str,
    oem: str,
    extensions: Iterable[str],
    offered: Collection[str],
) -> CarryIn:
    """Work out the files of a release that a node needs, from the names that the release has."""
    wanted = [OS_PAYLOAD]
    own = payload_name(oem)
    if oem and (
        own in offered
        or is_mandatory(oem, running=running, target=version, architecture=architecture)
    ):
        wanted.append(own)
    wanted += [f"flatcar-{name}.gz" for name in sorted(set(extensions))]
    files = tuple(name for name in wanted if name in offered and _is_taken(name))
    return CarryIn(version, files, tuple(name for name in wanted if name not in files))


def _is_taken(name: str) -> bool:
    return name == OS_PAYLOAD or _TAKEN.fullmatch(name) is not None
