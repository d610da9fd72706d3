"""The examples of docs/api.md, run as they stand there."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from oemupdates.domain.access import Permission
from oemupdates.domain.node import State
from oemupdates.models import Node, Operator
from oemupdates.services.access import tokens
from tests.services.makers import make_node
from tests.stream.listening import running

ROOT = Path(__file__).resolve().parent.parent.parent
EXAMPLES = re.findall(r"```sh\n(.*?)```", (ROOT / "docs/api.md").read_text(), re.DOTALL)


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_the_examples_work_as_they_stand(tmp_path: Path, settings: pytest.FixtureRequest) -> None:
    settings.ALLOWED_HOSTS = ["127.0.0.1"]  # type: ignore[attr-defined]
    admin = Operator.objects.create_superuser("admin")
    terms = tokens.Terms(list(Permission))
    secret = tokens.create(owner=admin, by=admin, name="docs", terms=terms).secret
    make_node(alias="web-1", oem="azure", state=State.FAILED)
    (tmp_path / "cli").symlink_to(ROOT / "cli")
    told = "printf '\\n#####\\n'\n"
    with running() as server:
        host, port = server.address
        done = subprocess.run(
            ["bash", "-eu", "-c", told.join(EXAMPLES)],
            cwd=tmp_path,
            env={
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "NO_PROXY": "*",
                "HOME": str(tmp_path),
                "FLEET": f"http://{host}:{port}",
                "TOKEN": secret,
            },
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    me, failed, table, explained, renamed, held, problem, shell = done.stdout.split("\n#####\n")
    assert json.loads(me)["username"] == "admin"
    node = Node.objects.get()
    assert json.loads(failed)["items"] == [{"id": node.pk, "name": "", "version": node.version}]
    assert table.split() == ["id,alias,oem,version", f"{node.pk},web-1,azure,{node.version}"]
    assert json.loads(explained)["state"] == "failed"
    assert json.loads(renamed)["name"] == "rack-7"
    assert json.loads(held)["hold"]["because"] == "broken disk"
    assert json.loads(problem)["type"] == "/api/problems/cannot-hold"
    assert "rack-7 is released." in shell
    assert (tmp_path / "nodes.csv").read_text().count("\n") == 2
