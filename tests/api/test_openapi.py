"""The OpenAPI document: the committed one is what the code says, and the server keeps to it."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from django.core.management import call_command
from django.db import connection
from django.test import Client

from oemupdates.domain.access import Permission
from oemupdates.domain.node import State
from oemupdates.models import Operator
from oemupdates.services.access import tokens
from tests.api.component_maker import make_component
from tests.api.conftest import PASSWORD
from tests.services.makers import make_node, make_release, seeded_channel
from tests.stream.listening import running, session_of

ROOT = Path(__file__).resolve().parent.parent.parent
COMMITTED = ROOT / "docs/openapi.yaml"


def test_the_committed_document_is_what_the_code_says() -> None:
    written = io.StringIO()
    call_command("spectacular", validate=True, fail_on_warn=True, stdout=written)
    assert COMMITTED.read_text() == written.getvalue().rstrip("\n") + "\n", "run `make openapi`"


def test_the_served_document_is_the_committed_one(api: Client) -> None:
    served = json.loads(api.get("/api/v1/openapi.json").content)
    assert served == yaml.safe_load(COMMITTED.read_text())


def test_every_operation_is_told_of_and_has_a_name() -> None:
    document = yaml.safe_load(COMMITTED.read_text())
    names = [
        operation["operationId"]
        for path in document["paths"].values()
        for operation in path.values()
    ]
    assert len(set(names)) == len(names) > 50
    for path in document["paths"].values():
        for operation in path.values():
            assert operation["summary"]
            assert operation["security"] == [{"token": []}, {"session": []}]


class TestSwagger:
    def test_is_for_those_who_are_logged_in(self, client: Client, api: Client) -> None:
        assert client.get("/api/docs/").status_code == 302
        page = api.get("/api/docs/")
        header = page.headers["Content-Security-Policy"]
        parts = [part.split() for part in header.split(";")]
        policy = {part[0]: set(part[1:]) for part in parts if part}
        assert policy["style-src"] == {"'self'", "'unsafe-inline'"}
        assert policy["script-src"] == policy["connect-src"] == {"'self'"}
        assert policy["img-src"] == {"'self'", "data:"}

    def test_bends_the_policy_of_no_other_page(self, api: Client) -> None:
        assert "unsafe" not in api.get("/").headers["Content-Security-Policy"]


@pytest.fixture
def somebody(transactional_db: None) -> Operator:
    """An administrator, with a fleet to look at and to change."""
    admin = Operator.objects.create_superuser("fuzz", password=PASSWORD)
    channel = seeded_channel()
    channel.target = make_release("4593.2.1")
    channel.save()
    make_release("4757.1.0")
    make_component("0", "0")  # as words in addresses are made up
    for number in range(20):
        make_node(alias=f"web-{number}", oem="azure", state=list(State)[number % 4])
    return admin


@pytest.mark.processes
@pytest.mark.timeout(900)
@pytest.mark.parametrize("way", ["token", pytest.param("session", marks=pytest.mark.once)])
def test_schemathesis_finds_nothing(
    somebody: Operator, way: str, tmp_path: Path, settings: pytest.FixtureRequest
) -> None:
    settings.API_REQUESTS_A_MINUTE = 0  # type: ignore[attr-defined]
    settings.API_UNKNOWN_TOKENS_A_MINUTE = 0  # type: ignore[attr-defined]
    terms = tokens.Terms(tuple(Permission))
    secret = tokens.create(owner=somebody, by=somebody, name="fuzz", terms=terms).secret
    csrf = "f" * 32
    who = {
        "token": ["-H", f"Authorization: Bearer {secret}"],
        "session": [
            *("-H", f"Cookie: sessionid={session_of(somebody)}; csrftoken={csrf}"),
            *("-H", f"X-CSRFToken: {csrf}"),
        ],
    }[way]
    # Both ways lead to the same operations, on both databases: each tries its part of them.
    is_strict = connection.vendor == "postgresql"
    phases = {
        "token": f"examples,coverage{',fuzzing' * is_strict}",
        "session": "examples",
    }[way]
    # A token that ends itself would make the rest of the run worthless.
    spared = ["--exclude-operation-id", "revoke_token"] if way == "token" else []
    with running() as server:
        host, port = server.address
        found = subprocess.run(
            [
                *(
                    str(Path(sys.executable).with_name("st")),
                    "--config-file",
                    str(ROOT / "tests/api/schemathesis.toml"),
                ),
                *("run", f"http://{host}:{port}/api/v1/openapi.json", *who, *spared),
                *("-H", "Host: testserver", "--checks", "all"),
                *("--phases", phases, "--max-examples", "10"),
                *("--seed", "1", "--workers", "1", "--no-color", "--no-shrink"),
            ],
            cwd=tmp_path,
            env=os.environ | {"NO_PROXY": "127.0.0.1"},
            capture_output=True,
            text=True,
            check=False,
        )
    assert found.returncode == 0, found.stdout[-20_000:] + found.stderr
