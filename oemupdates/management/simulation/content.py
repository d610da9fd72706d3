"""What a demo fleet finds on its server: releases with small payloads, a floor, a dead end."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from oemupdates.domain import oem as oems
from oemupdates.domain.payload import unsigned
from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.domain.shipped import SHIPPED
from oemupdates.models import FLATCAR, Application, Architecture, Channel, Group, Release
from oemupdates.services.groups import channels, groups
from oemupdates.services.releases import releases

# Oldest first, so that each channel ends on its newest.
RELEASES = {
    "stable": ("4081.3.6", "4459.2.4", "4593.2.1"),
    "beta": ("4628.1.0",),
    "alpha": ("4757.0.0", "4790.0.0"),
    "lts": ("4081.3.6",),
}
FLOOR, FLOOR_BECAUSE = "4081.3.6", "Older nodes cannot take OEM payloads from this server."
DEAD_END, DEAD_END_BECAUSE = "3510.3.2", "LTS-2023 has ended: set these nodes up anew."
LIMITED, PLACES = "berlin", 3
EXTENSIONS = ("flatcar-podman.gz", "flatcar-python.gz", "flatcar-zfs.gz")
_OS_BYTES, _OTHER_BYTES = 64 * 1024, 12 * 1024


@dataclass(frozen=True, slots=True)
class Prepared:
    """One thing that the demo fleet has now, and whether it had it before."""

    what: str
    is_new: bool


def prepare(folder: Path) -> Iterator[Prepared]:
    """Make all of it that is not there yet; `folder` is for the files on their way."""
    for architecture in Architecture.values:
        for name, versions in RELEASES.items():
            for version in versions:
                yield _release(_channel(name, architecture), version, folder)
        yield _floor(_channel("stable", architecture))
        yield _dead_end(_channel("lts", architecture))
        yield _limited_group(_channel("stable", architecture))


def _channel(name: str, architecture: str) -> Channel:
    return Channel.objects.select_related("application", "target").get(
        application__uuid=FLATCAR, name=name, architecture=architecture
    )


def payload_names(version: str, architecture: str) -> tuple[str, ...]:
    """The files of a release: the OS, every OEM that Flatcar ships with it, and extensions."""
    shipped = sorted(
        oems.payload_name(oem)
        for oem in SHIPPED.oems
        if SHIPPED.is_shipped(oem, version=version, architecture=architecture)
    )
    return (OS_PAYLOAD, *shipped, *EXTENSIONS)


def _release(channel: Channel, version: str, folder: Path) -> Prepared:
    directory = folder / channel.architecture / version
    directory.mkdir(parents=True, exist_ok=True)
    for name in payload_names(version, channel.architecture):
        size = _OS_BYTES if name == OS_PAYLOAD else _OTHER_BYTES
        (directory / name).write_bytes(_payload(f"{channel.architecture} {version} {name}", size))
    imported = releases.import_release(
        releases.Source(directory, version), channel=channel, by=None
    )
    return Prepared(f"{channel}: release {version}", imported.changed)


def _payload(name: str, size: int) -> bytes:
    """An update payload with `size` bytes of data, unsigned; the same for the same name."""
    rng = random.Random(name)  # noqa: S311 - bytes to download, not to guess
    return unsigned(rng.randbytes(size))


def _floor(channel: Channel) -> Prepared:
    what = f"{channel}: floor {FLOOR}"
    if channel.floors.filter(release__version=FLOOR).exists():
        return Prepared(what, is_new=False)
    release = Release.objects.get(
        application=channel.application, version=FLOOR, architecture=channel.architecture
    )
    channels.add_floor(channel, release, by=None, because=FLOOR_BECAUSE)
    return Prepared(what, is_new=True)


def _dead_end(channel: Channel) -> Prepared:
    what = f"{channel}: dead end {DEAD_END}"
    if channel.dead_ends.filter(version=DEAD_END).exists():
        return Prepared(what, is_new=False)
    channels.add_dead_end(channel, DEAD_END, by=None, because=DEAD_END_BECAUSE)
    return Prepared(what, is_new=True)


def _limited_group(channel: Channel) -> Prepared:
    what = f"group {LIMITED} ({channel.architecture}), {PLACES} nodes at once"
    flatcar: Application = channel.application
    found = Group.objects.filter(application=flatcar, architecture=channel.architecture)
    if found.filter(track=LIMITED).exists():
        return Prepared(what, is_new=False)
    groups.create(
        flatcar,
        architecture=channel.architecture,
        by=None,
        name=LIMITED,
        description="A few nodes at a time",
        channel=channel,
        max_under_way=PLACES,
    )
    return Prepared(what, is_new=True)
