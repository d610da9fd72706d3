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
