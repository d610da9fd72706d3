"""What is deployed starts the same programs as `runfleet` does."""

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml
from django.urls import reverse

from oemupdates.management.commands.runfleet import BEAT, WEB, WORKER

pytestmark = pytest.mark.once
DEPLOY = Path(__file__).resolve().parent.parent / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
PROGRAMS = {"web": WEB, "worker": WORKER, "beat": BEAT}


@pytest.mark.parametrize("name", PROGRAMS)
def test_unit_starts_what_runfleet_starts(name: str) -> None:
    unit = (DEPLOY / f"systemd/oem-fleet-{name}.service").read_text()
    [command] = re.findall(
        r"^ExecStart=/opt/oem-fleet/\.venv/bin/python (.+)$", unit, re.MULTILINE
    )
    assert command.startswith(" ".join(PROGRAMS[name]))


@pytest.mark.parametrize("name", PROGRAMS)
def test_container_starts_what_runfleet_starts(name: str) -> None:
    compose = (DEPLOY / "compose.yaml").read_text()
    service = re.split(r"\n\n", compose.partition(f"\n  {name}:\n")[2])[0]
    command = service.partition("    command:\n")[2]
    arguments = re.findall(r"^      - (.+)$", command, re.MULTILINE)
    assert _apart(arguments)[: len(_apart(PROGRAMS[name]))] == _apart(PROGRAMS[name])


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not here")
def test_units_are_right(tmp_path: Path) -> None:
    for unit in UNITS:
        text = unit.read_text().replace("/opt/oem-fleet/.venv/bin/python", "/bin/sh")
        (tmp_path / unit.name).write_text(text)
    finished = subprocess.run(
        ["systemd-analyze", "verify", *(str(tmp_path / unit.name) for unit in UNITS)],
        capture_output=True,
        text=True,
        check=False,
    )
    ours = [line for line in finished.stderr.splitlines() if "oem-fleet" in line]
    assert (finished.returncode, ours) == (0, [])


def _apart(arguments: Sequence[str]) -> list[str]:
    """Options and their values as words of their own."""
    return [word for argument in arguments for word in argument.split("=", 1)]


def test_nginx_lets_every_upload_through() -> None:
    conf = (DEPLOY / "nginx.conf").read_text()
    (block,) = re.findall(r"location ~ (\S+) \{([^}]*client_max_body_size 32g[^}]*)\}", conf)
    pattern, said = block
    assert "proxy_request_buffering off" in said
    document = yaml.safe_load((DEPLOY.parent / "docs/openapi.yaml").read_text())
    takes_file = [
        path.format(id=7, name="x.gz", file="x.raw", component="x")
        for path, verbs in document["paths"].items()
        for verb in verbs.values()
        if "application/octet-stream" in verb.get("requestBody", {}).get("content", {})
    ]
    assert len(takes_file) == 3
    pages = [
        reverse("dashboard:release_bundle_upload"),
        reverse("dashboard:release_payload_add", args=[7]),
        reverse("dashboard:component_upload"),
    ]
    assert [path for path in (*takes_file, *pages) if not re.match(pattern, path)] == []
    assert not re.match(pattern, "/api/v1/nodes/")
