"""What every test gets: fast passwords and plain static files; `seeds` keeps the seeded rows."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import pytest_django
from django.conf import settings
from django.core.cache import cache
from django.db import connection

from oemupdates.models import kept_cells
from oemupdates.services.checkins import snapshot
from oemupdates.upstream import bucket, session
from tests import seeds
from tests.upstream.bucket_server import ACCESS_KEY, NAME, REGION, SECRET_KEY, BucketServer
from tests.upstream.public_server import PublicServer


def pytest_configure() -> None:
    """Change the settings that are right in production and only slow in tests."""
    # How long an example takes says more of the machine than of the code.
    hypothesis.settings.register_profile("fleet", deadline=None)
    hypothesis.settings.load_profile("fleet")
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # Tests log in by the form more often than people do; those of the limit set one.
    settings.LOG_INS_A_MINUTE = 0
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }


@pytest.fixture(scope="session")
def django_db_modify_db_settings(request: pytest.FixtureRequest) -> None:
    """Name the test database: on SQLite a file, so that other connections see the same rows."""
    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        path = Path(os.environ["FLEET_DATA"]) / "test.sqlite3"
        database.setdefault("TEST", {})["NAME"] = str(path)
    request.getfixturevalue("django_db_modify_db_settings_parallel_suffix")


@pytest.fixture(scope="session")
def django_db_setup(
    django_db_setup: None, django_db_blocker: pytest_django.DjangoDbBlocker
) -> Iterator[None]:
    """Make the test database, keep its seeded rows, and see to it that it can be dropped.

    A thread that ended without closing its connection still holds one of the pool's.
    """
    with django_db_blocker.unblock():
        seeds.keep()
    yield
    if connection.vendor == "postgresql":
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )


@pytest.fixture(autouse=True)
def _nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test meet what another read: epochs and keys are the same in each."""
    monkeypatch.setattr(snapshot, "_kept", None)
    kept_cells.forget()
    cache.clear()


@pytest.fixture
def public(monkeypatch: pytest.MonkeyPatch) -> Iterator[PublicServer]:
    """A public server, which has nothing yet, and no long waits before it is asked again."""
    monkeypatch.setattr(session, "PAUSE_SECONDS", 0.001)
    server = PublicServer()
    yield server
    server.close()


@pytest.fixture
def bucket_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[BucketServer]:
    """An empty bucket, and the keys to it in the environment."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    monkeypatch.setattr(session, "PAUSE_SECONDS", 0.001)
    bucket._finder.cache_clear()
    server = BucketServer()
    yield server
    server.close()


@pytest.fixture
def bucket_settings(bucket_server: BucketServer, settings: Any, tmp_path: Path) -> Any:
    """Settings that name the bucket, and a payload folder beside it."""
    settings.PAYLOAD_DIR = tmp_path / "hosted"
    settings.S3_BUCKET, settings.S3_PREFIX = NAME, "flatcar/"
    settings.S3_ENDPOINT, settings.S3_REGION = bucket_server.url, REGION
    return settings
