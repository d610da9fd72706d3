"""`manage.py bundle`: from one server to another that shares nothing with it but a file."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

ROOT = Path(__file__).resolve().parents[2]
REAL = ROOT / "tests" / "payloads" / "4593.2.1"
Side = Callable[..., subprocess.CompletedProcess[str]]


def side(data: Path) -> Side:
    """A server of its own: its folder, its database, its keys, and no network to speak of."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("FLEET_", "DATABASE_", "REDIS_"))
    }
    nowhere = {f"{name}_proxy": "http://127.0.0.1:9" for name in ("http", "https", "all")}

    def manage(*words: object, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, ROOT / "manage.py", *map(str, words)],
            env=inherited | nowhere | {"FLEET_DATA": str(data)} | more,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )

    return manage


@pytest.mark.processes
@pytest.mark.once
@pytest.mark.timeout(600)
def test_releases_go_from_one_server_to_another(tmp_path: Path) -> None:
    here, there = side(tmp_path / "here"), side(tmp_path / "there")
    file, pem = tmp_path / "carried.tar", tmp_path / "here.pem"
    assert here("migrate", "-v0").returncode == 0
    imported = here(
        "import_release", REAL, "--version=4593.2.1", "--board=amd64-usr", "--channel=stable"
    )
    assert imported.returncode == 0, imported.stderr
    pem.write_text(here("bundle", "keys").stdout)
    exported = here("bundle", "export", file, "--release", "4593.2.1", "--running", "4459.2.1")
    assert exported.returncode == 0, exported.stderr
    assert "4459.2.1 (amd64), which nodes run, is not here" in exported.stdout

    # It is verified where there is no database yet, and believed with the key alone.
    verified = there("bundle", "verify", file, "--key", pem)
    assert verified.stdout.splitlines() == [
        "4593.2.1 (amd64): flatcar_production_update.gz, oem-azure.gz",
        f"All of {file} is as here.pem signed it.",
    ]
    assert not (tmp_path / "there" / "fleet.sqlite3").exists()
    assert "No key is trusted here" in there("bundle", "verify", file).stderr

    assert there("migrate", "-v0").returncode == 0
    changed = tmp_path / "changed.tar"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    changed.write_bytes(content)
    refused = there("bundle", "import", changed, "--key", pem)
    assert refused.returncode == 1
    assert "is not what the manifest says" in refused.stderr
    payloads = tmp_path / "there" / "payloads"
    assert not (payloads / "amd64-usr").exists()

    folder = tmp_path / "stick"
    folder.mkdir()
    file.rename(folder / "carried.tar")
    taken = there("bundle", "import", folder, FLEET_BUNDLE_KEYS=str(pem))
    assert "Registered 4593.2.1 (amd64) with flatcar_production_update.gz" in taken.stdout
    assert "No channel was moved." in taken.stdout
    for name in ("flatcar_production_update.gz", "oem-azure.gz"):
        hosted = payloads / "amd64-usr" / "4593.2.1" / name
        assert hosted.read_bytes() == (REAL / name).read_bytes()
        assert hosted.with_name(f"{name}.sha256").is_file()
    again = there("bundle", "import", folder, "--key", pem)
    assert "4593.2.1 (amd64) is registered like this already." in again.stdout


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        (("export", "x.tar", "--release", "1.0.0"), "There is no release 1.0.0 for"),
        (("verify", "no-such-file.tar", "--key", "README.md"), "cannot be read as a public key"),
        (("import", "docs"), "holds no .tar file"),
    ],
)
def test_refuses_in_a_sentence(words: tuple[str, ...], refusal: str) -> None:
    with pytest.raises(CommandError, match=refusal):
        call_command("bundle", *words)
