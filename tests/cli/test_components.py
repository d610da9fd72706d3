"""Components from a terminal."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from oemupdates.models import ComponentImage
from tests.cli.conftest import Terminal
from tests.component_images import make_image

pytestmark = [pytest.mark.processes, pytest.mark.once]

STABLE, IMAGE = "stable/amd64", ("kubernetes", "v1.31.0", "amd64")


@pytest.fixture
def images(tmp_path: Path, settings: Any) -> list[str]:
    """Files of two versions, and a place for a running server to host them."""
    settings.PAYLOAD_DIR = tmp_path / "hosted"
    return [str(make_image(tmp_path, version=version)) for version in ("v1.31.0", "v1.32.0")]


def test_adds_images_and_takes_them_off_the_lists(terminal: Terminal, images: list[str]) -> None:
    told = terminal.run("components", "add", *images).splitlines()
    assert told == [f"{Path(image).name} is hosted." for image in images]
    terminal.run("components", "add", images[0])
    assert ComponentImage.objects.count() == 2
    lines = terminal.run("components", "images", "kubernetes").splitlines()
    assert lines[0].split()[:3] == ["VERSION", "ARCHITECTURE", "SIZE"]
    assert [line.split()[0] for line in lines[1:]] == ["v1.32.0", "v1.31.0"]
    terminal.run("components", "withdraw", *IMAGE, code=2)
    gone = terminal.run("components", "withdraw", *IMAGE, "--because", "crashes")
    assert gone == "kubernetes v1.31.0 (amd64) is withdrawn.\n"
    assert "withdrawn already" in terminal.run(
        "components", "withdraw", *IMAGE, "--because", "crashes", code=1
    )
    assert "crashes" in terminal.run("components", "images", "kubernetes")
    terminal.run("components", "put-back", *IMAGE, "--why", "it was the disk")
    (kept, _older) = terminal.json("components", "images", "kubernetes")
    assert kept["withdrawn_at"] is None


def test_refuses_what_is_no_image(terminal: Terminal, tmp_path: Path, settings: Any) -> None:
    settings.PAYLOAD_DIR = tmp_path / "hosted"
    for name, words in (("notes.txt", "is no name of an image"), ("a-1-arm64.raw", "a-1-arm64")):
        (tmp_path / name).write_bytes(b"no image")
        assert words in terminal.run("components", "add", str(tmp_path / name), code=1)
    assert terminal.json("components", "list") == []


def test_lets_groups_have_them(terminal: Terminal, images: list[str]) -> None:
    terminal.run("components", "add", *images)
    done = terminal.run("components", "want", STABLE, "kubernetes", "--up-to", "v1.31.0")
    assert done == "stable/amd64 wants kubernetes up to v1.31.0.\n"
    assert terminal.run("components", "wanted", STABLE).split()[-3:] == [
        "kubernetes",
        "v1.31.0",
        "v1.31.0",
    ]
    assert "no kubernetes v9" in terminal.run(
        "components", "want", STABLE, "kubernetes", "--up-to", "v9", code=1
    )
    assert terminal.run("components", "want", STABLE, "kubernetes").endswith(
        "wants the newest kubernetes.\n"
    )
    assert terminal.json("components", "wanted", STABLE)[0]["up_to"] is None
    shown = terminal.run("components", "show", "kubernetes")
    assert "v1.32.0 (amd64)" in shown
    assert STABLE in shown
    assert terminal.run("components", "list").split()[-3:] == ["(amd64)", "2", STABLE]
    butane = yaml.safe_load(terminal.run("components", "snippet", STABLE))
    assert len(butane["systemd"]["units"]) == 2
    assert "wants it" in terminal.run("components", "remove", "kubernetes", code=1)
    terminal.run("components", "unwant", STABLE, "kubernetes", "--why", "nobody uses it")
    terminal.run("components", "unwant", STABLE, "kubernetes", code=3)
    assert terminal.run("components", "remove", "kubernetes") == "kubernetes is removed.\n"
    assert terminal.run("components", "show", "kubernetes", code=3)
