"""The `flatcar-update` line that takes a node to a release, with the files that its OEM needs.

The tool's options are those of `flatcar/init` (2024): `-V` a version, `-P` the file of the OS, and
`-E` an extension by a file name that begins with `oem` or `flatcar` and ends in `gz`. Given `-P`,
it refuses to begin unless the node's OEM and each extension that is enabled there are among `-E`.
"""

import re
import shlex
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from oemupdates.domain.oem import payload_name
from oemupdates.domain.policy import OS_PAYLOAD

# The only names that flatcar-update takes after -E.
_TAKEN = re.compile(r"(flatcar|oem).*gz", re.ASCII)
_RELEASE_HOST = "https://update.release.flatcar-linux.net"
# What means something else than itself in a pattern of sed, and in what replaces it.
_OF_PATTERN, _OF_REPLACEMENT = re.compile(r"[\\.*\[\]^$#]"), re.compile(r"[\\&#]")


@dataclass(frozen=True, slots=True)
class CarryIn:
    """What to run on a node and which files to carry there, the OS first.

    `missing` are payloads without which the update would fail, and the release has none of them;
    `problems` say so, a sentence each.
    """

    version: str
    files: tuple[str, ...]
    missing: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """The command, to be run in the folder of the files; empty if it would fail."""
        if self.missing:
            return ""
        words = ["flatcar-update", "-V", self.version, "-P", self.files[0]]
        for name in self.files[1:]:
            words += ["-E", name]
        return f"sudo {shlex.join(words)}"

    @property
    def script(self) -> str:
        """A shell script that lies beside the files and `SHA256SUMS`: check them, then update."""
        return (
            "#!/bin/sh\n"
            f"# Updates this node to Flatcar {self.version} with the files beside it.\n"
            "set -eu\n"
            'cd "$(dirname "$0")"\n'
            "sha256sum --check SHA256SUMS\n"
            f"{self.line}\n"
        )

    def mirror_lines(self, mirror: str) -> str:
        """The commands that let a copy of the tool fetch all of it from a mirror's root.

        The tool then asks the node itself which OEM and which extensions it has.
        """
        if self.missing:
            return ""
        host = _OF_PATTERN.sub(r"\\\g<0>", _RELEASE_HOST)
        place = _OF_REPLACEMENT.sub(r"\\\g<0>", mirror.rstrip("/"))
        edit = shlex.quote(f"s#{host}#{place}#g")
        run = shlex.join(["bash", "./flatcar-update", "-V", self.version])
        return f'sed {edit} "$(command -v flatcar-update)" > ./flatcar-update\nsudo {run}'


def carry_in(
    *,
    version: str,
    oem: str,
    needs_oem: bool,
    is_dropped: bool,
    extensions: Iterable[str],
    offered: Collection[str],
) -> CarryIn:
    """Work out the files of a release that a node needs, from the names that the release has.

    `needs_oem` says that the update fails without a payload of the OEM, and `is_dropped` that
    Flatcar builds none any more. The extensions must be asked of somebody who knows the node: its
    check-ins do not tell.
    """
    wanted = [OS_PAYLOAD]
    own = payload_name(oem)
    if oem and (own in offered or needs_oem):
        wanted.append(own)
    wanted += [f"flatcar-{name}.gz" for name in sorted(set(extensions))]
    files = tuple(name for name in wanted if name in offered and _is_taken(name))
    missing = tuple(name for name in wanted if name not in files)
    dropped = own if is_dropped else ""
    return CarryIn(
        version, files, missing, tuple(_problem(name, version, dropped) for name in missing)
    )


def _problem(name: str, version: str, dropped: str) -> str:
    if name == dropped:
        return f"Flatcar builds no {name} for {version} any more: such nodes stay below it."
    return f"{version} has no {name} here, and the update would fail without it."


def _is_taken(name: str) -> bool:
    return name == OS_PAYLOAD or _TAKEN.fullmatch(name) is not None
