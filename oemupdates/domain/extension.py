"""What a systemd-sysext image says of itself, in its `extension-release` file."""

import shlex
from dataclasses import dataclass

from oemupdates.domain.version import without_build

# systemd's names of the architectures that Flatcar is built for (os-release(5), uname).
ARCHITECTURES = {"x86-64": "amd64", "arm64": "arm64"}
_ANY = "_any"
_FLATCAR = "flatcar"
_MAX_VALUE = 128


class BadExtension(ValueError):
    """An image that no node would merge, or that is not what it is called; the text says why."""


@dataclass(frozen=True, slots=True)
class ExtensionRelease:
    """The fields that systemd-sysext matches with the host, and the image's own version.

    Fields that are not set are empty. `own_version` (`SYSEXT_VERSION_ID`) is that of the tools
    inside: `13.0.10`.
    """

    id: str = ""
    version: str = ""
    level: str = ""
    own_version: str = ""
    architecture: str = ""


def path_of(name: str) -> str:
    """Where an extension's release file is, from the root of its image."""
    return f"usr/lib/extension-release.d/extension-release.{name}"


def parse(text: str) -> ExtensionRelease:
    """Read an `extension-release` file, in the format of os-release(5); `BadExtension` if none."""
    values: dict[str, str] = {}
    for line in text.splitlines():
        name, is_set, value = line.strip().partition("=")
        if not is_set or name.startswith("#"):
            continue
        try:
            values[name] = "".join(shlex.split(value))
        except ValueError as error:
            raise BadExtension(f"Its extension-release ends within quotes: {name[:40]}") from error
        if len(values[name]) > _MAX_VALUE or not values[name].isprintable():
            raise BadExtension(f"Its extension-release has a {name[:40]} as none has.")
    return ExtensionRelease(
        id=values.get("ID", ""),
        version=values.get("VERSION_ID", ""),
        level=values.get("SYSEXT_LEVEL", ""),
        own_version=values.get("SYSEXT_VERSION_ID", ""),
        architecture=values.get("ARCHITECTURE", ""),
    )


def check(release: ExtensionRelease, *, version: str, architecture: str) -> None:
    """Raise `BadExtension` if Flatcar of a version and architecture would not merge an image.

    systemd-sysext compares `SYSEXT_LEVEL` where the image has one, else `VERSION_ID`, in which
    neither image nor node has the name of a nightly build.
    """
    if release.id == _ANY:
        return
    if release.id != _FLATCAR:
        raise BadExtension(f"It is for {release.id or 'no system at all'}, not for Flatcar.")
    if not release.level and release.version != without_build(version):
        inside = release.version or "no version at all"
        raise BadExtension(f"It was built for {inside}, and the release is {version}.")
    if release.architecture and ARCHITECTURES.get(release.architecture) != architecture:
        raise BadExtension(f"It was built for {release.architecture}, not for {architecture}.")
