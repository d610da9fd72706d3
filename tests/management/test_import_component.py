"""Images that come in by the shell, and the key that lists are signed with."""

import hashlib
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from oemupdates.models import ComponentImage
from oemupdates.services.components import list_keys
from tests.component_images import make_image

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any) -> Path:
    settings.PAYLOAD_DIR = tmp_path / "hosted"
    settings.SYSUPDATE_KEY = tmp_path / "key.asc"
    return tmp_path


def run(*words: str | Path) -> str:
    said = StringIO()
    call_command("import_component", *map(str, words), stdout=said)
    return said.getvalue()


def test_all_of_a_folder_is_hosted(folder: Path) -> None:
    paths = [make_image(folder, version=version) for version in ("v1.30.1", "v1.31.0")]
    sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in paths]
    (folder / "SHA256SUMS").write_text("".join(sums))
    first, second = run(folder).splitlines()
    assert first.startswith("kubernetes v1.30.1 (amd64)")
    assert second.endswith("new")
    assert "for every OS version" in second
    assert run(paths[0]).rstrip().endswith("known")
    assert ComponentImage.objects.count() == 2


def test_a_file_that_its_sums_say_otherwise_is_refused(folder: Path) -> None:
    path = make_image(folder)
    (folder / "SHA256SUMS").write_text(f"{'0' * 64}  {path.name}\n")
    with pytest.raises(CommandError, match="is not what"):
        run(path)
    (folder / "SHA256SUMS").write_text(f"{'0' * 64}  other.raw\n")
    with pytest.raises(CommandError, match="does not name"):
        run(path)
    assert not ComponentImage.objects.exists()


def test_what_is_no_image_is_refused(folder: Path) -> None:
    (folder / "empty").mkdir()
    with pytest.raises(CommandError, match="holds no image"):
        run(folder / "empty")
    with pytest.raises(CommandError, match="is no name of an image"):
        run(folder / "kubernetes.raw")


def test_a_component_with_a_number_in_its_name_is_told(folder: Path) -> None:
    path = make_image(folder, component="x-2", version="1.0")
    assert run("--component", "x-2", path).startswith("x-2 1.0 (amd64)")


def test_the_public_key_is_written_where_nodes_want_it(folder: Path) -> None:
    said = StringIO()
    path = folder / "import-pubring.gpg"
    call_command("sysupdate_key", str(path), stdout=said)
    assert path.read_bytes() == list_keys.public()
    assert list_keys.fingerprint() in said.getvalue()
    call_command("sysupdate_key", str(path), "--new", stdout=said)
    assert path.read_bytes() == list_keys.public()
