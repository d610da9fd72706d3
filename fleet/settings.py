"""Every setting of a deployment, read from environment variables and from nowhere else.

The table in README.md lists them. Without `DATABASE_URL` the server runs *embedded*: SQLite and a
secret key of its own under `FLEET_DATA`, plain HTTP on this machine. With it, everything is as
strict as production must be.
"""

import os
import re
import secrets
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.functional import SimpleLazyObject

from fleet import bucket, openapi
from fleet.environment import env, files, networks
from oemupdates.domain import provider
from oemupdates.domain.access import Role
from oemupdates.domain.address import holds_secret

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(env.str("FLEET_DATA", default=str(BASE_DIR / "var"))).absolute()
EMBEDDED = not env.str("DATABASE_URL", default="")
DEBUG = env.bool("FLEET_DEBUG", default=False)
# Whether /style/ shows the parts that pages are made of.
STYLE_GUIDE = env.bool("FLEET_STYLE_GUIDE", default=DEBUG)
if EMBEDDED:
    # SQLite makes files but no folders. Where it cannot be made, opening the database says why.
    with suppress(OSError):
        DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)

# --- Who we are to nodes and browsers -----------------------------------------------------------

FLEET_URL = env.str("FLEET_URL", default="").rstrip("/")
if EMBEDDED and not FLEET_URL:
    FLEET_URL = "http://127.0.0.1:8000"
_url = urlsplit(FLEET_URL)
_is_plain = not (_url.path or _url.query or holds_secret(_url))
if _url.scheme not in {"http", "https"} or not _url.hostname or not _is_plain:
    message = (
        "FLEET_URL must say how nodes and browsers reach this server, without a path:"
        " https://fleet.example.net"
    )
    raise ImproperlyConfigured(message)
BEHIND_TLS = FLEET_URL.startswith("https://")
ALLOWED_HOSTS = [
    _url.hostname,
    *(["localhost", "127.0.0.1", "[::1]"] if EMBEDDED else []),
    *env.list("FLEET_ALLOWED_HOSTS", default=[]),
]
CSRF_TRUSTED_ORIGINS = [FLEET_URL]
# Networks whose X-Forwarded-For and X-Forwarded-Proto are believed; nobody's by default.
TRUSTED_PROXIES = [str(network) for network in networks("FLEET_TRUSTED_PROXIES")]

# --- Secrets ------------------------------------------------------------------------------------


def _embedded_secret_key() -> str:
    """The secret key of an embedded server: made when first needed, kept beside its database."""
    path = DATA_DIR / "secret-key"
    if not path.exists():
        own = path.with_suffix(f".{os.getpid()}")
        own.touch(mode=0o600)
        own.write_text(secrets.token_urlsafe(50))
        with suppress(FileExistsError):  # another process of the same start was first
            path.hardlink_to(own)
        own.unlink()
    return path.read_text()


SECRET_KEY: "str | SimpleLazyObject[str]" = env.str("FLEET_SECRET_KEY", default="")
if not SECRET_KEY:
    if not EMBEDDED:
        message = "FLEET_SECRET_KEY is missing: set it to 50 or more random characters"
        raise ImproperlyConfigured(message)
    # Lazy: a command that is told another data directory leaves no key in this one.
    SECRET_KEY = SimpleLazyObject(_embedded_secret_key)
SECRET_KEY_FALLBACKS = env.list("FLEET_SECRET_KEY_FALLBACKS", default=[])

# Secret path suffixes of the update endpoint: /v1/update/<secret>. Several are valid at once, so
# that one can be rotated without a flag day; none means that the plain path answers.
UPDATE_SECRETS = env.list("FLEET_UPDATE_SECRETS", default=[])

# --- The update endpoint ------------------------------------------------------------------------

# Check-ins that may wait for their commit in one process before the server sheds with 503.
CHECKIN_QUEUE_MAX = env.int("FLEET_CHECKIN_QUEUE_MAX", default=1024)
# Seconds before a statement of a check-in batch is given up and its nodes hear 503.
CHECKIN_TIMEOUT_SECONDS = env.float("FLEET_CHECKIN_TIMEOUT_SECONDS", default=3.0)
# True sheds every check-in with 503 and writes nothing: for maintenance of the database.
CHECKIN_SHED = env.bool("FLEET_CHECKIN_SHED", default=False)
# Reports that one address may bring a minute, with a whole site behind it; 0 takes any number.
REPORTS_A_MINUTE = env.int("FLEET_REPORTS_A_MINUTE", default=600)
# Days that events and answers of a node are kept.
EVENT_RETENTION_DAYS = env.int("FLEET_EVENT_RETENTION_DAYS", default=90)

# --- Event streams ------------------------------------------------------------------------------

# Streams (/events) that one process holds open, and how many of them may be one person's.
EVENT_STREAMS_MAX = env.int("FLEET_EVENT_STREAMS_MAX", default=500)
EVENT_STREAMS_A_PERSON = env.int("FLEET_EVENT_STREAMS_A_PERSON", default=20)

# --- Webhooks -----------------------------------------------------------------------------------

# Networks off the public internet that webhooks may lead to; none by default.
WEBHOOK_ALLOW_NETWORKS = networks("FLEET_WEBHOOK_ALLOW_NETWORKS")
WEBHOOK_ALLOW_HTTP = env.bool("FLEET_WEBHOOK_ALLOW_HTTP", default=False)

# --- Metrics ------------------------------------------------------------------------------------

# /metrics answers who sends this token, or everybody, or (by default) nobody.
METRICS_TOKEN = env.str("FLEET_METRICS_TOKEN", default="")
METRICS_OPEN = env.bool("FLEET_METRICS_OPEN", default=False)

# --- Database -----------------------------------------------------------------------------------

DATABASES: dict[str, dict[str, Any]]
if EMBEDDED:
    DATABASES = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": DATA_DIR / "fleet.sqlite3",
            "OPTIONS": {
                "timeout": 20,
                # Read-then-write transactions in DEFERRED mode fail at once under contention.
                "transaction_mode": "IMMEDIATE",
                # FULL: an acknowledged check-in survives a power cut, not only a crash.
                "init_command": (
                    "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA busy_timeout=20000;"
                    "PRAGMA temp_store=MEMORY;PRAGMA cache_size=-65536;"
                    "PRAGMA mmap_size=268435456;PRAGMA journal_size_limit=67108864"
                ),
            },
        }
    }
else:
    DATABASES = {"default": env.db_url("DATABASE_URL")}
    if DATABASES["default"]["ENGINE"] != "django.db.backends.postgresql":
        message = "DATABASE_URL must be a PostgreSQL one: postgres://user:password@host/name"
        raise ImproperlyConfigured(message)
    DATABASES["default"]["CONN_MAX_AGE"] = 0
    DATABASES["default"].setdefault("OPTIONS", {})["pool"] = {
        "min_size": 1,
        "max_size": env.int("FLEET_DATABASE_POOL", default=10),
        "timeout": 5,
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Web processes that `manage.py runfleet` starts. On SQLite it is one: two writers would only wait
# for each other.
WEB_PROCESSES = 1 if EMBEDDED else env.int("FLEET_WEB_PROCESSES", default=2)

# --- Identity providers -------------------------------------------------------------------------

# A file in TOML, a table for each provider; docs/access.md says what may stand in it.
PROVIDERS_FILE = env.str("FLEET_PROVIDERS_FILE", default="")
try:
    LOGIN_PROVIDERS = provider.read(
        tomllib.loads(Path(PROVIDERS_FILE).read_text()) if PROVIDERS_FILE else {},
        read_file=lambda path: Path(path).read_text(),
        allow_http=not BEHIND_TLS,
    )
except (OSError, ValueError) as error:
    message = f"FLEET_PROVIDERS_FILE {PROVIDERS_FILE}: {error}"
    raise ImproperlyConfigured(message) from error

# Days that roles of a provider hold after the last log-in by it: for tokens of who left.
PROVIDER_ROLES_DAYS = env.int("FLEET_PROVIDER_ROLES_DAYS", default=30)

# --- Django -------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.usersessions",
    "csp",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "oemupdates",
]
MIDDLEWARE = [
    "oemupdates.metrics.middleware.PageTimeMiddleware",
    "oemupdates.dashboard.frame.middleware.OriginMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "fleet.hosts.HostMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "oemupdates.dashboard.frame.middleware.RefusalMiddleware",
    "oemupdates.dashboard.frame.middleware.OneTimePasswordMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "oemupdates.dashboard.frame.middleware.SessionMiddleware",
    "oemupdates.dashboard.frame.middleware.RoleMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "fleet.urls"
ASGI_APPLICATION = "fleet.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            # The small parts of every page; templates load nothing.
            "builtins": [
                "oemupdates.dashboard.frame.tags",
                "oemupdates.dashboard.frame.frame",
                "oemupdates.dashboard.frame.parts",
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
AUTH_USER_MODEL = "oemupdates.Operator"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
# How often a minute an address may try to log in; 0 for any number.
LOG_INS_A_MINUTE = env.int("FLEET_LOG_INS_A_MINUTE", default=20)
# Roles that show nothing to a session in which no second factor was shown.
try:
    REQUIRE_SECOND_FACTOR = frozenset(
        Role(name) for name in env.list("FLEET_REQUIRE_SECOND_FACTOR", default=[])
    )
except ValueError as error:
    message = f"FLEET_REQUIRE_SECOND_FACTOR must be some of {', '.join(Role)}: {error}"
    raise ImproperlyConfigured(message) from error
ACCOUNT_ADAPTER = "oemupdates.dashboard.access.adapters.AccountAdapter"
# Attempts are counted by `services/access/knocking`, for every way in.
ACCOUNT_RATE_LIMITS = False
MFA_ADAPTER = "oemupdates.dashboard.access.adapters.FactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_TOTP_ISSUER = "OEM Fleet"
USERSESSIONS_TRACK_ACTIVITY = False
ACCOUNT_EMAIL_VERIFICATION = "none"
LOGIN_URL = "dashboard:login"
LOGIN_REDIRECT_URL = "dashboard:overview"
LOGOUT_REDIRECT_URL = "dashboard:login"

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": DATA_DIR / "media"},
    },
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# --- Payloads and bundles -----------------------------------------------------------------------

# The files of hosted payloads, laid out as nodes ask for them: <board>/<version>/<file>.
PAYLOAD_DIR = Path(env.str("FLEET_PAYLOAD_DIR", default=str(DATA_DIR / "payloads"))).absolute()
# How the web server in front is told to send a hosted file itself: `X-Accel-Redirect:/hosted/`
# with a place of its own, or `X-Sendfile`; empty lets this server send it.
SENDFILE = env.str("FLEET_SENDFILE", default="")
if not re.fullmatch(r"|X-Sendfile|X-Accel-Redirect:/(?:[0-9A-Za-z._-]+/)+", SENDFILE):
    message = (
        "FLEET_SENDFILE must be X-Sendfile, or X-Accel-Redirect:/ with a place such as hosted/"
    )
    raise ImproperlyConfigured(message)
# A bucket that hosted payloads are copied to, and nodes are sent to for them; none by default.
S3_BUCKET, S3_REGION, S3_ENDPOINT, S3_PREFIX, S3_LINK_SECONDS, S3_CA_FILE = bucket.read(
    scheme=_url.scheme
)
# Public keys (PEM), of which one must have signed each payload that is imported; none: unchecked.
PAYLOAD_KEYS = files("FLEET_PAYLOAD_KEYS")

# For so many days after a node ran a version, or was offered it, its files are not taken away.
PAYLOAD_KEEP_DAYS = env.int("FLEET_PAYLOAD_KEEP_DAYS", default=30)

# The private key (PEM) that signs bundles, made by `manage.py bundle keys`.
BUNDLE_KEY = Path(env.str("FLEET_BUNDLE_KEY", default=str(DATA_DIR / "bundle-key.pem"))).absolute()
# Public keys (PEM), of which one must have signed each bundle that is imported, besides our own.
BUNDLE_KEYS = files("FLEET_BUNDLE_KEYS")

# The OpenPGP key that signs lists of extensions, made by `manage.py sysupdate_key`.
SYSUPDATE_KEY = Path(
    env.str("FLEET_SYSUPDATE_KEY", default=str(DATA_DIR / "sysupdate-key.asc"))
).absolute()

# A folder whose bundles may be imported by page, and the largest that may be uploaded there.
_bundle_dir = env.str("FLEET_BUNDLE_DIR", default="")
BUNDLE_DIR = Path(_bundle_dir).absolute() if _bundle_dir else None
BUNDLE_MAX_BYTES = env.int("FLEET_BUNDLE_MAX_BYTES", default=32 * 1024**3)

# --- Upstreams ----------------------------------------------------------------------------------

# Channels that are fetched for at once, by all workers together.
SYNCS_AT_ONCE = env.int("FLEET_SYNCS_AT_ONCE", default=2)
# Bytes of the payload folder's disk that no download uses up.
SYNC_DISK_RESERVE = env.int("FLEET_SYNC_DISK_RESERVE", default=512 * 1024 * 1024)
# Bytes a second that all downloads together take; 0 is as many as there are.
SYNC_BYTES_A_SECOND = env.int("FLEET_SYNC_BYTES_A_SECOND", default=0)
if 0 < SYNC_BYTES_A_SECOND < 4096 * SYNCS_AT_ONCE:
    message = "FLEET_SYNC_BYTES_A_SECOND leaves each sync less than 4096, and none would ever end"
    raise ImproperlyConfigured(message)
# Bytes of hosted payloads that are read again every ten minutes.
SCRUB_BYTES = env.int("FLEET_SCRUB_BYTES", default=1024**3)

# --- Security -----------------------------------------------------------------------------------

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BEHIND_TLS
SESSION_COOKIE_AGE = 12 * 60 * 60
SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60 if BEHIND_TLS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = BEHIND_TLS
SECURE_HSTS_PRELOAD = BEHIND_TLS
# Redirecting is the proxy's work: a 301 on the update endpoint turns a node's POST into a GET.
SECURE_SSL_REDIRECT = False
SILENCED_SYSTEM_CHECKS = ["security.W008"]
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

# --- API ----------------------------------------------------------------------------------------

# Requests that each token, or each person, may make a minute; 0 lets any number in.
API_REQUESTS_A_MINUTE = env.int("FLEET_API_REQUESTS_A_MINUTE", default=600)
# Tokens that nobody has which one address may come with a minute; 0 takes any number.
API_UNKNOWN_TOKENS_A_MINUTE = env.int("FLEET_API_UNKNOWN_TOKENS_A_MINUTE", default=30)
REST_FRAMEWORK: dict[str, Any] = {"URL_FORMAT_OVERRIDE": None}
SPECTACULAR_SETTINGS = openapi.SETTINGS

# --- Celery -------------------------------------------------------------------------------------

# Without one the queue is a folder: slower, for one machine, and a killed worker's job is lost.
# `manage.py runfleet` starts a server of its own instead wherever it can.
REDIS_URL = env.str("REDIS_URL", default="")
if urlsplit(REDIS_URL).scheme not in {"", "redis", "rediss", "unix"}:
    message = "REDIS_URL must be redis://host:port/0, rediss:// for TLS, or unix:///path/of/socket"
    raise ImproperlyConfigured(message)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_TIME_LIMIT = 600
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
QUEUE_DIR = DATA_DIR / "queue"
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any]
if REDIS_URL:
    CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1)
    # A killed worker's job comes back after seconds: by default kombu looks only every 100 s.
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "visibility_timeout": 900,
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
    }
else:
    CELERY_BROKER_URL = "filesystem://"
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(QUEUE_DIR / "jobs"),
        "data_folder_out": str(QUEUE_DIR / "jobs"),
        "control_folder": str(QUEUE_DIR / "control"),
        "polling_interval": 0.5,
    }

# --- Logs ---------------------------------------------------------------------------------------

LOG_LEVEL = env.str("FLEET_LOG_LEVEL", default="INFO").upper()
# What Celery says of each task that it sends, gets and ends: several lines a second, for ever.
_CLOCKWORK = "INFO" if LOG_LEVEL == "DEBUG" else "WARNING"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "format": "{asctime} {levelname:<7} {name}: {message}",
            "style": "{",
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "loggers": {
        name: {"level": _CLOCKWORK}
        for name in ("celery.app.trace", "celery.beat", "celery.worker.strategy")
    },
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
}
