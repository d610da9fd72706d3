"""`manage.py migrate`: on nothing, and on what an older version wrote."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.processes
@pytest.mark.once
def test_works_on_an_empty_disk(tmp_path: Path) -> None:
    data = tmp_path / "not" / "there"
    own = {name: value for name, value in os.environ.items() if not name.startswith("FLEET_")}
    own.pop("DATABASE_URL", None)
    subprocess.run(
        [sys.executable, ROOT / "manage.py", "migrate", "--verbosity", "0"],
        env=own | {"FLEET_DATA": str(data)},
        check=True,
        timeout=100,
    )
    assert (data / "fleet.sqlite3").stat().st_size > 0
    assert data.stat().st_mode & 0o777 == 0o700


# Rows as the version before the chain wrote them: each kind of value, and more than one chunk.
BEFORE_THE_CHAIN = """
from datetime import UTC, datetime, timedelta
import django
django.setup()
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
state = MigrationExecutor(connection).loader.project_state([("oemupdates", "0009_tokens")])
Activity = state.apps.get_model("oemupdates", "Activity")
Operator = state.apps.get_model("oemupdates", "Operator")
ann = Operator.objects.create(username="ann")
began = datetime(2026, 9, 1, 12, 0, 0, 123456, tzinfo=UTC)
Activity.objects.bulk_create(
    Activity(
        at=began + timedelta(seconds=number),
        actor=ann if number % 2 else None,
        address="192.0.2.1" if number % 2 else "",
        request_id=f"request-{number}",
        verb="node.held",
        subject_kind="node",
        subject_id=number or None,
        subject="kn\u00f6ten-" + str(number),
        before={"is_held": False, "held_until": None},
        after={"is_held": True, "of": [1, "zwei"], "held_until": began.isoformat()},
        why="\u201cdisk\u201d",
    )
    for number in range(2001)
)
"""
THE_TRIGGERS_HOLD = """
import django
django.setup()
from django.db import DatabaseError, connection
for statement in ("UPDATE oemupdates_activity SET why = 'x'", "DELETE FROM oemupdates_activity"):
    try:
        connection.cursor().execute(statement)
    except DatabaseError as error:
        assert "append-only" in str(error)
    else:
        raise SystemExit(f"done: {statement}")
"""


@pytest.mark.processes
@pytest.mark.timeout(240)
def test_chains_the_activity_that_was_written_before_there_was_a_chain(
    tmp_path: Path, own_database: dict[str, str]
) -> None:
    own = {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "fleet.settings"}
    own |= own_database | {"FLEET_DATA": str(tmp_path), "FLEET_URL": "http://127.0.0.1:8000"}

    def python(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=own,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    python("manage.py", "migrate", "oemupdates", "0009", "--verbosity", "0")
    python("-c", BEFORE_THE_CHAIN)
    python("manage.py", "migrate", "--verbosity", "0")
    whole = python("manage.py", "verify_activity").splitlines()
    assert whole[0] == "2001 rows, whole."
    python("-c", THE_TRIGGERS_HOLD)
