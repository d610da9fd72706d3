"""Settings, each read by a Python of its own from an environment of its own."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.once
ROOT = Path(__file__).resolve().parent.parent
PRODUCTION = {
    "DATABASE_URL": "postgres://fleet:secret@db.example.net/fleet",
    "REDIS_URL": "redis://queue.example.net:6379/0",
    "FLEET_URL": "https://fleet.example.net",
    "FLEET_SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMNOPQRSTUVWXYZ",
}


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a fresh Python that sees these environment variables and no other setting."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def read(*names: str, **environment: str) -> list[Any]:
    """What settings of these names are in such an environment."""
    code = (
        "import json; from fleet import settings;"
        f" print(json.dumps([getattr(settings, name) for name in {names!r}], default=str))"
    )
    finished = python("-c", code, **environment)
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


def refusal(**environment: str) -> str:
    """The sentence with which settings refuse such an environment."""
    finished = python("-c", "import fleet.settings", **environment)
    assert finished.returncode != 0
    last = finished.stderr.strip().splitlines()[-1]
    kind, _, sentence = last.partition(": ")
    assert kind == "django.core.exceptions.ImproperlyConfigured", finished.stderr
    return sentence


def without(name: str) -> dict[str, str]:
    return {key: value for key, value in PRODUCTION.items() if key != name}


class TestProduction:
    def test_refuses_to_start_without_a_secret_key(self) -> None:
        assert refusal(**without("FLEET_SECRET_KEY")).startswith("FLEET_SECRET_KEY is missing")

    def test_refuses_to_start_without_knowing_its_address(self) -> None:
        assert refusal(**without("FLEET_URL")).startswith("FLEET_URL must say")

    @pytest.mark.parametrize(
        "address",
        [
            "fleet.example.net",
            "ftp://fleet.example.net",
            "https://example.net/fleet",
            "https://me:secret@example.net",
        ],
    )
    def test_refuses_an_address_that_is_none(self, address: str) -> None:
        assert refusal(**PRODUCTION | {"FLEET_URL": address}).startswith("FLEET_URL must say")

    def test_refuses_a_database_that_is_not_postgresql(self) -> None:
        assert refusal(**PRODUCTION | {"DATABASE_URL": "mysql://db/fleet"}).startswith(
            "DATABASE_URL must be a PostgreSQL one"
        )

    def test_refuses_a_queue_that_is_not_redis(self) -> None:
        assert refusal(**PRODUCTION | {"REDIS_URL": "amqp://queue"}).startswith(
            "REDIS_URL must be"
        )

    @pytest.mark.parametrize("networks", ["proxy.example.net", "10.0.0.0/33", "10.0.0.1/8"])
    def test_refuses_proxies_that_are_no_networks(self, networks: str) -> None:
        assert refusal(**PRODUCTION, FLEET_TRUSTED_PROXIES=networks).startswith(
            "FLEET_TRUSTED_PROXIES must be networks"
        )

    @pytest.mark.parametrize("way", ["nginx", "X-Accel-Redirect", "X-Accel-Redirect:/", "x\r\ny"])
    def test_refuses_a_way_of_sending_files_that_no_server_has(self, way: str) -> None:
        assert refusal(**PRODUCTION, FLEET_SENDFILE=way).startswith("FLEET_SENDFILE must be")

    @pytest.mark.parametrize(
        ("name", "value", "words"),
        [
            ("FLEET_S3_BUCKET", "my/bucket", "FLEET_S3_BUCKET must be the name"),
            ("FLEET_S3_ENDPOINT", "https://s3.example.net/x", "FLEET_S3_ENDPOINT must be a URL"),
            ("FLEET_S3_ENDPOINT", "https://me:x@s3.example.net", "FLEET_S3_ENDPOINT must be a"),
            ("FLEET_S3_ENDPOINT", "http://s3.example.net", "FLEET_S3_ENDPOINT must begin with"),
            ("FLEET_S3_PREFIX", "/flatcar", "FLEET_S3_PREFIX must end with a slash"),
            ("FLEET_S3_LINK_SECONDS", "604801", "FLEET_S3_LINK_SECONDS must be"),
        ],
    )
    def test_refuses_a_bucket_that_no_node_could_be_sent_to(
        self, name: str, value: str, words: str
    ) -> None:
        asked = {"FLEET_S3_BUCKET": "fleet", name: value}
        assert refusal(**PRODUCTION, **asked).startswith(words)

    @pytest.mark.parametrize("name", ["FLEET_PAYLOAD_KEYS", "FLEET_BUNDLE_KEYS"])
    def test_refuses_keys_that_are_not_there(self, name: str) -> None:
        keys = f"{ROOT}/tests/payloads/update-payload-key.pub.pem,/nowhere.pem"
        assert refusal(**PRODUCTION, **{name: keys}) == (
            f"{name} names /nowhere.pem, and there is no such file"
        )

    def test_believes_the_proxies_that_it_is_told(self) -> None:
        assert read(
            "TRUSTED_PROXIES", **PRODUCTION, FLEET_TRUSTED_PROXIES="10.0.0.0/8,fd00::1"
        ) == [["10.0.0.0/8", "fd00::1/128"]]

    def test_believes_no_proxy_unless_told(self) -> None:
        assert read("TRUSTED_PROXIES", **PRODUCTION) == [[]]

    def test_answers_to_its_own_name_only(self) -> None:
        assert read("ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS", **PRODUCTION) == [
            ["fleet.example.net"],
            ["https://fleet.example.net"],
        ]

    def test_behind_tls_keeps_cookies_and_browsers_on_it(self) -> None:
        assert read(
            "SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_HSTS_SECONDS", **PRODUCTION
        ) == [True, True, 365 * 24 * 60 * 60]

    def test_on_plain_http_lets_cookies_through(self) -> None:
        assert read(
            "SESSION_COOKIE_SECURE",
            "CSRF_COOKIE_SECURE",
            "SECURE_HSTS_SECONDS",
            **PRODUCTION | {"FLEET_URL": "http://fleet.example.net"},
        ) == [False, False, 0]

    def test_never_shows_a_traceback_unless_asked(self) -> None:
        assert read("DEBUG", **PRODUCTION) == [False]

    def test_pools_its_connections(self) -> None:
        [databases] = read("DATABASES", **PRODUCTION, FLEET_DATABASE_POOL="7")
        assert databases["default"]["OPTIONS"]["pool"]["max_size"] == 7
        assert databases["default"]["CONN_MAX_AGE"] == 0

    def test_passes_every_check_for_deployment(self, tmp_path: Path) -> None:
        finished = python(
            "manage.py",
            *("check", "--deploy", "--fail-level", "WARNING"),
            **PRODUCTION,
            FLEET_DATA=str(tmp_path),
        )
        assert (finished.returncode, finished.stderr) == (0, "")


class TestEmbedded:
    def test_makes_a_secret_key_once_and_keeps_it_to_itself(self, tmp_path: Path) -> None:
        data = tmp_path / "data"
        [first] = read("SECRET_KEY", FLEET_DATA=str(data))
        [second] = read("SECRET_KEY", FLEET_DATA=str(data))
        assert first == second == (data / "secret-key").read_text()
        assert len(first) > 50
        assert (data / "secret-key").stat().st_mode & 0o777 == 0o600
        assert data.stat().st_mode & 0o777 == 0o700
        assert [path.name for path in data.iterdir()] == ["secret-key"]

    def test_makes_a_folder_for_its_database_and_no_key_before_it_is_needed(
        self, tmp_path: Path
    ) -> None:
        read("DEBUG", FLEET_DATA=str(tmp_path / "not" / "there"))
        assert list((tmp_path / "not" / "there").iterdir()) == []

    def test_needs_no_folder_that_it_may_not_make(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        assert read("EMBEDDED", FLEET_DATA=str(tmp_path / "file" / "data")) == [True]

    def test_listens_to_its_own_machine_over_plain_http(self, tmp_path: Path) -> None:
        assert read(
            "FLEET_URL", "ALLOWED_HOSTS", "SESSION_COOKIE_SECURE", FLEET_DATA=str(tmp_path)
        ) == ["http://127.0.0.1:8000", ["127.0.0.1", "localhost", "127.0.0.1", "[::1]"], False]

    def test_takes_an_empty_variable_for_an_unset_one(self, tmp_path: Path) -> None:
        assert read(
            "EMBEDDED", "FLEET_URL", DATABASE_URL="", FLEET_URL="", FLEET_DATA=str(tmp_path)
        ) == [True, "http://127.0.0.1:8000"]

    def test_writes_with_one_process(self, tmp_path: Path) -> None:
        assert read("WEB_PROCESSES", FLEET_WEB_PROCESSES="4", FLEET_DATA=str(tmp_path)) == [1]

    def test_keeps_its_queue_in_a_folder_when_there_is_no_redis(self, tmp_path: Path) -> None:
        assert read("CELERY_BROKER_URL", FLEET_DATA=str(tmp_path)) == ["filesystem://"]

    def test_reaches_redis_through_a_socket(self, tmp_path: Path) -> None:
        assert read(
            "CELERY_BROKER_URL", REDIS_URL="unix:///run/valkey.sock", FLEET_DATA=str(tmp_path)
        ) == ["redis+socket:///run/valkey.sock"]


class TestProviders:
    TEXT = """
    [corp]
    issuer = "http://127.0.0.1:8080"
    client_id = "oem-fleet"
    client_secret_file = "{folder}/secret"
    roles.ops = "viewer"
    """

    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        (tmp_path / "secret").write_text("shh\n")
        (tmp_path / "providers.toml").write_text(self.TEXT.format(folder=tmp_path))
        return tmp_path / "providers.toml"

    def test_are_read_from_a_file(self, file: Path, tmp_path: Path) -> None:
        environment = {"FLEET_DATA": str(tmp_path), "FLEET_PROVIDERS_FILE": str(file)}
        (said,) = read("LOGIN_PROVIDERS", **environment)
        assert "corp" in str(said)
        assert "shh" not in str(said)

    def test_speak_tls_in_production(self, file: Path) -> None:
        said = refusal(**PRODUCTION, FLEET_PROVIDERS_FILE=str(file))
        assert "must begin with https://" in said
        assert str(file) in said

    @pytest.mark.parametrize("text", ["[corp", "[corp]\nissue = 1", None])
    def test_must_be_said_without_a_fault(self, tmp_path: Path, text: str | None) -> None:
        path = tmp_path / "providers.toml"
        if text:
            path.write_text(text)
        assert "providers.toml" in refusal(**PRODUCTION, FLEET_PROVIDERS_FILE=str(path))


def test_readme_lists_every_setting_and_no_other() -> None:
    source = "\n".join(path.read_text() for path in (ROOT / "fleet").glob("*.py"))
    read_by_settings = set(re.findall(r'(?:env\.\w+|networks|files)\(\s*"([A-Z0-9_]+)"', source))
    rows = re.findall(r"^\| `([A-Z0-9_]+)` \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert sorted(rows) == sorted(read_by_settings)


@pytest.mark.parametrize(("wanted", "said"), [("INFO", "WARNING"), ("debug", "INFO")])
def test_the_clock_is_quiet_unless_it_is_asked_to_speak(wanted: str, said: str) -> None:
    logging = read("LOGGING", FLEET_LOG_LEVEL=wanted)[0]
    assert logging["root"]["level"] == wanted.upper()
    levels = {name: logger["level"] for name, logger in logging["loggers"].items()}
    assert levels == dict.fromkeys(
        ("celery.app.trace", "celery.beat", "celery.worker.strategy"), said
    )
