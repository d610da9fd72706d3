"""Noting that a part of this server did its work."""

from datetime import datetime

from django.db.models import F

from oemupdates.models import Heartbeat

BEAT, WORKER = "beat", "worker"


def seen() -> dict[str, Heartbeat]:
    """What each part did last, by its name."""
    return {beat.name: beat for beat in Heartbeat.objects.all()}


def beat(name: str, at: datetime, *, found: int = 0) -> None:
    """Note when a part last worked, and how much it found to do; an older word changes nothing."""
    known = Heartbeat.objects.filter(name=name)
    newer = known.filter(at__lt=at)
    if newer.update(at=at, found=found, total=F("total") + found):
        return
    row = Heartbeat(name=name, at=at, found=found, total=found)
    Heartbeat.objects.bulk_create([row], ignore_conflicts=True)
