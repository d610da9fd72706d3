"""Images of components, really made."""

import shutil
import subprocess
from pathlib import Path

from oemupdates.domain.sysupdate import Image
from oemupdates.models import ComponentImage
from oemupdates.services.components import components
from tests.tools import need


def make_image(
    folder: Path,
    component: str = "kubernetes",
    version: str = "v1.31.0",
    architecture: str = "amd64",
    *,
    inside: str = "ID=_any\n",
    content: bytes = b"",
) -> Path:
    """A squashfs image as the bakery would call it, of a text and some content."""
    need("mksquashfs")
    tree = folder / "tree"
    place = tree / f"usr/lib/extension-release.d/extension-release.{component}"
    place.parent.mkdir(parents=True)
    place.write_text(inside)
    (tree / "usr/content").write_bytes(content or f"{version} {architecture}".encode())
    image = folder / Image(component, version, architecture).file
    subprocess.run(
        ["mksquashfs", str(tree), str(image), "-quiet", "-no-progress", "-noappend"],
        check=True,
        capture_output=True,
    )
    shutil.rmtree(tree)
    return image


def host_image(folder: Path, *given: str, **more: str) -> ComponentImage:
    """An image that is hosted."""
    return components.add(make_image(folder, *given, **more), by=None).image
