"""The command line, as a process that speaks to a running server."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from oemupdates.domain.access import Permission, Role
from oemupdates.models import Operator, RoleGrant
from oemupdates.services.access import tokens
from tests.services.makers import make_node, make_release
from tests.stream.listening import running

ROOT = Path(__file__).resolve().parent.parent.parent
CLI = ROOT / "cli/oemfleet.py"


class Terminal:
    """A terminal with the variables that the command line reads."""

    def __init__(self, url: str, secret: str, home: Path) -> None:
        self.secret = secret
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "NO_PROXY": "*",
            "OEMFLEET_URL": url,
            "OEMFLEET_TOKEN": secret,
        }

    def run(self, *words: str, code: int = 0, **environment: str) -> str:
        done = subprocess.run(
            [sys.executable, str(CLI), *words],
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert self.secret not in done.stdout + done.stderr
        return done.stdout if code == 0 else done.stderr

    def json(self, *words: str) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.run("--json", *words).splitlines()]


@pytest.fixture
def fleet(transactional_db: None) -> None:
    make_node(alias="web-1", oem="azure")
    make_node(alias="web-2", oem="vmware", version="4593.2.1")
    make_node(alias="evil\x1b[31m", oem="azure")
    make_release("4593.2.1")


def secret(username: str, role: Role, scopes: list[Permission]) -> str:
    """The token of somebody new."""
    operator = Operator.objects.create_user(username)
    RoleGrant.objects.create(operator=operator, role=role)
    terms = tokens.Terms(scopes)
    return tokens.create(owner=operator, by=operator, name=username, terms=terms).secret


@pytest.fixture
def url(transactional_db: None) -> Iterator[str]:
    """A running server."""
    with running() as server:
        host, port = server.address
        yield f"http://{host}:{port}"


@pytest.fixture
def terminal(fleet: None, url: str, tmp_path: Path) -> Terminal:
    """The terminal of an approver, before a fleet."""
    scopes = [one for one in Permission if one not in {Permission.ADMINISTER}]
    scopes.remove(Permission.READ_SECURITY)
    return Terminal(url, secret("ci", Role.APPROVER, scopes), tmp_path)


@pytest.fixture
def root(url: str, tmp_path: Path) -> Terminal:
    """The terminal of an administrator, before an empty server."""
    return Terminal(url, secret("root", Role.ADMIN, list(Permission)), tmp_path)


@pytest.fixture(autouse=True)
def _reached_by_its_address(settings: pytest.FixtureRequest) -> None:
    settings.ALLOWED_HOSTS = ["127.0.0.1"]  # type: ignore[attr-defined]
