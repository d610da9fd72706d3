"""Components: extensions with versions of their own, and their images, which are hosted here."""

import hashlib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from django.conf import settings
from django.utils import timezone

from oemupdates.domain import sysupdate
from oemupdates.domain.extension import ARCHITECTURES, BadExtension, ExtensionRelease
from oemupdates.domain.extension import check as check_extension
from oemupdates.domain.sysupdate import BadImageName
from oemupdates.domain.version import BadVersion, parse
from oemupdates.models import Component, ComponentImage, ComponentWant, Operator
from oemupdates.services.hosting import extension_images
from oemupdates.services.hosting.extension_images import CannotLook
from oemupdates.services.hosting.hosting import staged
from oemupdates.services.hosting.payload_disk import COMPONENTS
from oemupdates.services.hosting.payload_files import PayloadFile
from oemupdates.services.shared import activity
from oemupdates.services.shared.configuration import changing

_MOST_BYTES = 4 * 1024**3


class CannotAddImage(activity.Refused):
    """A file that is no image, or that no node would merge as what it is called."""


class CannotWithdraw(activity.Refused):
    """An image is withdrawn, or not, already."""


class CannotRemoveComponent(activity.Refused):
    """A group wants the component, or it is gone."""


class Added(NamedTuple):
    """An image, and whether it was not here before."""

    image: ComponentImage
    is_new: bool


def place(component: str) -> str:
    """Where the images of a component lie, below all payloads."""
    return f"{COMPONENTS}/{component}"


def add(path: Path, *, component: str = "", by: Operator | None) -> Added:
    """Host an image, which its name says the component, version and architecture of.

    The same again changes nothing. Raises `CannotAddImage`, and nothing is changed then.
    """
    named = _named(path.name, component)
    inside = _inside(path, named.component)
    _check(inside, named.architecture)
    bound_to = "" if _fits_all(inside) else inside.version
    file, there = _file(path), Path(settings.PAYLOAD_DIR) / place(named.component)
    with staged([file], there) as copies, changing():
        row, _ = Component.objects.get_or_create(
            name=named.component, defaults={"added_at": timezone.now()}
        )
        images = row.images.filter(version=named.version, architecture=named.architecture)
        if (known := images.first()) is not None:
            if known.sha256 != file.sha256:
                raise CannotAddImage(
                    f"{known} is here with other bytes: nodes never fetch a version twice. Give"
                    " the new image a version of its own."
                )
            copies.put_in_place()
            return Added(known, is_new=False)
        copies.put_in_place()
        image = row.images.create(
            version=named.version,
            architecture=named.architecture,
            size=file.size,
            sha256=file.sha256,
            bound_to=bound_to,
            added_at=timezone.now(),
        )
        activity.record(
            verb="component.image_added",
            subject=image,
            by=by,
            after={"sha256": image.sha256, "bound_to": bound_to},
        )
    return Added(image, is_new=True)


def add_upload(path: Path, name: str, *, by: Operator | None) -> Added:
    """Host an image that was uploaded, under the name that it came with; it is gone then."""
    check_name(name)
    with TemporaryDirectory(dir=path.parent) as folder:
        return add(path.rename(Path(folder) / name), by=by)


def check_name(name: str) -> None:
    """Refuse a file by its name, before it is uploaded; raises `CannotAddImage`."""
    _named(name, "")


def withdraw(image: ComponentImage, *, why: str, by: Operator | None) -> None:
    """Take an image off all lists; nodes that have it keep it. Raises `CannotWithdraw`."""
    because = activity.reason(why)
    with changing():
        rows = ComponentImage.objects.filter(pk=image.pk, withdrawn_at=None)
        if not rows.update(withdrawn_at=timezone.now(), withdrawn_because=because):
            raise CannotWithdraw(f"{image} is withdrawn already.")
        activity.record(verb="component.image_withdrawn", subject=image, by=by, why=because)


def put_back(image: ComponentImage, *, by: Operator | None, why: str = "") -> None:
    """Put an image back on the lists; raises `CannotWithdraw`."""
    with changing():
        rows = ComponentImage.objects.filter(pk=image.pk, withdrawn_at__isnull=False)
        if not rows.update(withdrawn_at=None, withdrawn_because=""):
            raise CannotWithdraw(f"{image} is on the lists already.")
        activity.record(verb="component.image_put_back", subject=image, by=by, why=why)


def remove(component: Component, *, by: Operator | None, why: str = "") -> None:
    """Take a component out, with its images; `CannotRemoveComponent` while a group wants it.

    Its files stay on the disk until they are collected.
    """
    with changing():
        wants = ComponentWant.objects.filter(component=component).select_related("group")
        if groups := sorted(str(want.group) for want in wants):
            verb = "wants" if len(groups) == 1 else "want"
            raise CannotRemoveComponent(f"{component} stays: {', '.join(groups)} {verb} it.")
        before: dict[str, activity.Value] = {
            str(image): f"sha256 {image.sha256}" for image in component.images.all()
        }
        subject = activity.Named("component", component.name, component.pk)
        gone, _ = Component.objects.filter(pk=component.pk).delete()
        if not gone:
            raise CannotRemoveComponent(f"Someone else removed {component} just now.")
        activity.record(verb="component.removed", subject=subject, by=by, before=before, why=why)


def _named(file: str, component: str) -> sysupdate.Image:
    try:
        return sysupdate.read_name(file, component)
    except BadImageName as error:
        raise CannotAddImage(str(error)) from error


def _inside(path: Path, component: str) -> ExtensionRelease:
    """What an image says of itself: without that nobody knows which nodes it fits."""
    if path.stat().st_size > _MOST_BYTES:
        raise CannotAddImage(f"{path.name} is larger than any extension.")
    try:
        return extension_images.look_at(path, component)
    except (CannotLook, BadExtension) as error:
        raise CannotAddImage(f"{path.name}: {error}") from error


def _check(inside: ExtensionRelease, architecture: str) -> None:
    """Refuse what no node would merge, whatever its OS version."""
    try:
        check_extension(inside, version=inside.version, architecture=architecture)
        if not _fits_all(inside):
            parse(inside.version)
    except (BadExtension, BadVersion) as error:
        raise CannotAddImage(str(error)) from error
    if inside.architecture and ARCHITECTURES.get(inside.architecture) != architecture:
        raise CannotAddImage(f"It was built for {inside.architecture}, and is not called so.")


def _fits_all(inside: ExtensionRelease) -> bool:
    """Whether systemd-sysext merges it on every OS version."""
    return inside.id == "_any" or bool(inside.level)


def _file(path: Path) -> PayloadFile:
    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    return PayloadFile(path, path.stat().st_size, "", sha256, "")
