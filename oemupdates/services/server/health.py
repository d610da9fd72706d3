"""How this server itself is, part by part and in words."""

import platform
import shutil
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path

import django
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from redis import Redis
from redis.exceptions import RedisError

from oemupdates.domain.health import Level, Part, ago
from oemupdates.models import ActivityCheck, Heartbeat, Sample
from oemupdates.models.sample import WHOLE_FLEET
from oemupdates.services.hosting import bucket
from oemupdates.services.server import clock
from oemupdates.services.shared import heartbeats
from oemupdates.services.shared.heartbeats import BEAT, WORKER
from oemupdates.services.sync import sync_health
from oemupdates.services.upkeep import scrub

OK = "ok"
BROKER_SECONDS = 0.5
# Of a beat each 30 seconds, this many seconds without one are no hiccup.
LATE_SECONDS, DEAD_SECONDS = 90, 300
# An hour's work that was not done for this long is overdue.
HOURLY_OVERDUE = timedelta(hours=2)
MANY_JOBS = 100
SLOW_SECONDS = 0.1
LITTLE_DISK, NO_DISK = 0.10, 0.03
_KIB = 1024
# Celery's queue, as its Redis transport keeps it: a list.
_QUEUE = "celery"


def database() -> str:
    """`ok`, or why the database does not answer."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        return f"unreachable ({type(error).__name__})"
    return OK


def migrations() -> str:
    """`ok`, or how many migrations wait."""
    try:
        executor = MigrationExecutor(connection)
        pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        return f"unreadable ({type(error).__name__})"
    return f"{len(pending)} pending" if pending else OK


def broker() -> str:
    """`ok`, or why the queue does not answer; what it says of itself is not for all."""
    try:
        _jobs()
    except (RedisError, OSError) as error:
        return f"unreachable ({type(error).__name__})"
    return OK


def parts(now: datetime) -> list[Part]:
    """Every part of this server, for who keeps it healthy."""
    return [*everyday(now), _migrations_part()]


def everyday(now: datetime) -> list[Part]:
    """The parts that change from day to day: cheap enough for every look at the overview."""
    seen = heartbeats.seen()
    worker = _seen("worker", "worker", seen.get(WORKER), now)
    beat = _seen("beat", "beat", seen.get(BEAT), now)
    others = [sync_health.part(now), bucket.part(now)]
    return [
        worker,
        beat,
        # Where nobody works, everything is late, and for that reason alone.
        *([clock.part(now, seen)] if worker.level is beat.level is Level.FINE else []),
        _queue(),
        _sampled(now),
        *_repaired(seen.get("repair_counters"), now),
        _chain(now),
        *filter(None, others),
        *_scrubbed(seen.get("scrub_payloads"), now),
        _database_part(),
        *_disks(),
    ]


def _seen(name: str, what: str, beat: Heartbeat | None, now: datetime) -> Part:
    if beat is None:
        words = f"The {what} was never heard: start it, or nothing happens by the clock."
        return Part(name, Level.TROUBLE, words)
    seconds = max((now - beat.at).total_seconds(), 0.0)
    level = Level.FINE
    if seconds > LATE_SECONDS:
        level = Level.TROUBLE if seconds > DEAD_SECONDS else Level.WARNING
    words = f"The {what} was heard {ago(seconds)} ago."
    return Part(name, level, words, seconds, "seconds", beat.at)


def _queue() -> Part:
    try:
        jobs = _jobs()
    except (RedisError, OSError) as error:
        words = f"The queue cannot be reached ({type(error).__name__}); check-ins do not need it."
        return Part("queue", Level.TROUBLE, words)
    words = f"{jobs:,} job{'s' * (jobs != 1)} wait{'s' * (jobs == 1)} in the queue."
    level = Level.WARNING if jobs > MANY_JOBS else Level.FINE
    return Part("queue", level, words if jobs else "No job waits in the queue.", jobs, "jobs")


def _jobs() -> int:
    """How many jobs wait; raises what the broker's client does when it cannot be reached."""
    if not settings.REDIS_URL:
        folder = settings.QUEUE_DIR / "jobs"
        return sum(1 for _ in folder.iterdir()) if folder.is_dir() else 0
    client = Redis.from_url(
        settings.REDIS_URL, socket_connect_timeout=BROKER_SECONDS, socket_timeout=BROKER_SECONDS
    )
    try:
        return int(client.llen(_QUEUE))
    finally:
        client.close()


def _sampled(now: datetime) -> Part:
    newest = Sample.objects.filter(group=WHOLE_FLEET).order_by("-at")
    at = newest.values_list("at", flat=True).first()
    if at is None:
        return Part("sample", Level.FINE, "No sample was taken yet: the fleet has no history.")
    level = Level.WARNING if now - at > HOURLY_OVERDUE else Level.FINE
    seconds = max((now - at).total_seconds(), 0.0)
    words = f"The last sample is of the hour {at:%Y-%m-%d %H:%M} UTC."
    if level is Level.WARNING:
        words = f"No sample was taken since {at:%Y-%m-%d %H:%M} UTC."
    return Part("sample", level, words, seconds, "seconds", at)


def _repaired(beat: Heartbeat | None, now: datetime) -> Iterator[Part]:
    if beat is None:
        yield Part("repair", Level.FINE, "The counters were not counted anew yet.")
        return
    seconds = max((now - beat.at).total_seconds(), 0.0)
    level = Level.WARNING if now - beat.at > HOURLY_OVERDUE else Level.FINE
    words = f"The counters were counted anew {ago(seconds)} ago."
    yield Part("repair", level, words, seconds, "seconds", beat.at)
    drifted = f"{beat.found:,} counter{'s' * (beat.found != 1)} had drifted and were mended."
    words = drifted if beat.found else "No counter had drifted."
    level = Level.WARNING if beat.found else Level.FINE
    yield Part("drift", level, words, beat.total, "counters", beat.at)


def _chain(now: datetime) -> Part:
    """Whether activity still is what was written."""
    check = ActivityCheck.objects.filter(pk=ActivityCheck.ONLY).first()
    if check is None:
        return Part("activity", Level.FINE, "The chain of activity was not verified yet.")
    if check.problem:
        words = f"Activity was tampered with. {check.problem}"
        return Part("activity", Level.TROUBLE, words, check.rows, "rows", check.checked_at)
    seconds = max((now - check.checked_at).total_seconds(), 0.0)
    words = f"The chain of activity was found whole {ago(seconds)} ago, {check.rows:,} rows."
    level = Level.WARNING if now - check.checked_at > HOURLY_OVERDUE else Level.FINE
    return Part("activity", level, words, check.rows, "rows", check.checked_at)


def _scrubbed(beat: Heartbeat | None, now: datetime) -> Iterator[Part]:
    """Whether the payloads that are hosted here are what they were; nothing if nobody looked."""
    lost = scrub.damaged().count()
    if lost:
        words = (
            f"{lost:,} payload{'s' * (lost != 1)} that this server hosts"
            f" {'is' if lost == 1 else 'are'} gone or rotted: nodes that need"
            f" {'it' if lost == 1 else 'them'} wait. Sync or import the release again."
        )
        yield Part("payloads", Level.TROUBLE, words, lost, "payloads")
    elif beat is not None:
        seconds = max((now - beat.at).total_seconds(), 0.0)
        level = Level.WARNING if now - beat.at > HOURLY_OVERDUE else Level.FINE
        words = f"The payloads that this server hosts were looked at {ago(seconds)} ago."
        yield Part("payloads", level, words, seconds, "seconds", beat.at)


def _database_part() -> Part:
    began = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        seconds = time.perf_counter() - began
        cursor.execute(_SIZE[connection.vendor])
        (size,) = cursor.fetchone()
    level = Level.WARNING if seconds > SLOW_SECONDS else Level.FINE
    name = connection.display_name
    words = f"{name} answers within {seconds * 1000:.1f} ms and holds {_size(size)}."
    return Part("database", level, words, size, "bytes")


_SIZE = {
    "postgresql": "SELECT pg_database_size(current_database())",
    "sqlite": "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
}


def _migrations_part() -> Part:
    state = migrations()
    if state == OK:
        return Part("migrations", Level.FINE, "The database is as this version wants it.", 0)
    return Part("migrations", Level.TROUBLE, f"Migrations: {state}. Run manage.py migrate.")


def _disks() -> list[Part]:
    folders = {"payload_disk": settings.PAYLOAD_DIR}
    if settings.EMBEDDED:
        folders["data_disk"] = settings.DATA_DIR
    what = {"payload_disk": "payloads", "data_disk": "data"}
    return [_disk(name, what[name], folder) for name, folder in folders.items()]


def _disk(name: str, what: str, folder: Path) -> Part:
    there = next(path for path in (folder, *folder.parents) if path.exists())
    usage = shutil.disk_usage(there)
    share = usage.free / usage.total if usage.total else 1.0
    level = Level.FINE
    if share < LITTLE_DISK:
        level = Level.TROUBLE if share < NO_DISK else Level.WARNING
    words = f"{_size(usage.free)} of {_size(usage.total)} are free for {what} ({share:.0%})."
    return Part(name, level, words, usage.free, "bytes")


def _size(number: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if number < _KIB:
            return f"{number:.0f} {unit}" if unit == "bytes" else f"{number:.1f} {unit}"
        number /= _KIB
    return f"{number:.1f} TiB"


def versions() -> list[tuple[str, str]]:
    """What this server is made of, by name and version."""
    return [
        ("Python", platform.python_version()),
        ("Django", django.get_version()),
        ("Celery", version("celery")),
        (connection.display_name, _database_version()),
    ]


def _database_version() -> str:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SHOW server_version")
        else:
            cursor.execute("SELECT sqlite_version()")
        return str(cursor.fetchone()[0])
