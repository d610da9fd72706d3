"""The demo fleet: asked for and taken away by people, loaded and kept alive by the clock.

Nothing of it is written past the verbs that real nodes and operators use: its nodes check in, with
times of the past, and are answered. Each step says again what is missing alone, so it may be
ended at any moment, and be done twice.
"""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import transaction
from django.db.models import ProtectedError
from django.utils import timezone

from oemupdates.domain import demo
from oemupdates.models import Application, DemoFleet, Node, Operator
from oemupdates.services.checkins.checkins import Unavailable
from oemupdates.services.counters import samples
from oemupdates.services.demo.demo_checkins import check_in
from oemupdates.services.demo.demo_content import aim, furnish
from oemupdates.services.demo.demo_removal import remove_rest, remove_some
from oemupdates.services.shared import activity

SUBJECT = activity.Named("demofleet", "the demo fleet")
# What is said of it while there is none.
NONE = "none"
LEASE = timedelta(seconds=30)
# A sample each day of the past.
_SAMPLED = timedelta(days=1) // demo.STEP


class Progress(NamedTuple):
    """How far the demo fleet is: which day of its past is loaded, how many nodes are left.

    `state` is that of `DemoFleet`, or `NONE`; `nodes_left` is 0 unless it is being removed.
    """

    state: str
    by: Operator | None = None
    asked_at: datetime | None = None
    day: int = 0
    days: int = demo.PAST.days
    nodes: int = demo.NODES
    nodes_left: int = 0
    problem: str = ""


class CannotLoad(activity.Refused):
    """There are nodes already, or the demo fleet is there."""


class CannotRemove(activity.Refused):
    """There is no demo fleet, or it is being removed already."""


class _Lost(Exception):
    """Somebody else works on it now."""


def progress() -> Progress:
    """How far the demo fleet is now."""
    fleet = DemoFleet.objects.select_related("by").filter(pk=DemoFleet.ONLY).first()
    if fleet is None:
        return Progress(NONE)
    left = 0
    if fleet.state == DemoFleet.State.REMOVING:
        left = Node.objects.filter(application=demo.APPLICATION).order_by().count()
    return Progress(
        fleet.state,
        fleet.by,
        fleet.asked_at,
        day=(fleet.step * demo.STEP).days,
        nodes_left=left,
        problem=fleet.problem,
    )


def load(*, by: Operator) -> DemoFleet:
    """Ask for the demo fleet; the clock loads it. Raises `CannotLoad`."""
    with transaction.atomic():
        if Node.objects.exists():
            raise CannotLoad("There are nodes already: a demo fleet is for an empty server.")
        if Application.objects.filter(uuid=uuid.UUID(demo.APPLICATION)).exists():
            raise CannotLoad("Something of a demo fleet is here already.")
        fleet, is_new = DemoFleet.objects.get_or_create(
            pk=DemoFleet.ONLY, defaults={"by": by, "asked_at": timezone.now()}
        )
        if not is_new:
            raise CannotLoad("The demo fleet is being loaded already.")
        activity.record(verb="demo.load_asked", subject=SUBJECT, by=by)
    return fleet


def remove(*, by: Operator) -> None:
    """Ask that the demo fleet goes; the clock removes it. Raises `CannotRemove`."""
    with transaction.atomic():
        states = [DemoFleet.State.LOADING, DemoFleet.State.THERE]
        there = DemoFleet.objects.filter(state__in=states)
        if not there.update(state=DemoFleet.State.REMOVING, by=by, problem=""):
            raise CannotRemove("There is no demo fleet that could be removed.")
        activity.record(verb="demo.removal_asked", subject=SUBJECT, by=by)


def advance(*, seconds: float) -> int:
    """Go on with loading, keeping alive or removing the demo fleet; how many steps were done.

    At least one is, however slow the machine.
    """
    until, steps = time.monotonic() + seconds, 0
    with _held() as fleet:
        while fleet is not None:
            try:
                goes_on = _step(fleet)
            except _Lost:
                break
            except (activity.Refused, ProtectedError, Unavailable) as problem:
                DemoFleet.objects.filter(pk=fleet.pk).update(problem=str(problem)[:500])
                break
            steps += 1
            if not goes_on or time.monotonic() > until:
                break
    return steps


@contextmanager
def _held() -> Iterator[DemoFleet | None]:
    """The demo fleet, if there is one and nobody else works on it, until this is done with it."""
    now = timezone.now()
    fleet = DemoFleet.objects.filter(pk=DemoFleet.ONLY).first()
    if fleet is None or (fleet.leased_until is not None and fleet.leased_until > now):
        yield None
        return
    try:
        _hold(fleet)
    except _Lost:
        yield None
        return
    try:
        yield fleet
    finally:
        mine = DemoFleet.objects.filter(pk=fleet.pk, leased_until=fleet.leased_until)
        mine.update(leased_until=None)


def _hold(fleet: DemoFleet, **values: object) -> None:
    """Hold the demo fleet for a moment longer, and write down what changed of it."""
    lease = timezone.now() + LEASE
    mine = DemoFleet.objects.filter(
        pk=fleet.pk, leased_until=fleet.leased_until, state=fleet.state
    )
    if not mine.update(leased_until=lease, **values):
        raise _Lost
    fleet.leased_until = lease
    for name, value in values.items():
        setattr(fleet, name, value)


def _step(fleet: DemoFleet) -> bool:
    """Do one step; whether there is another one to do at once."""
    if fleet.state == DemoFleet.State.LOADING:
        return _load_step(fleet)
    if fleet.state == DemoFleet.State.REMOVING:
        if remove_some():
            _hold(fleet)
            return True
        remove_rest(fleet, SUBJECT)
        return False
    now = timezone.now()
    _round(now - fleet.asked_at + demo.PAST, now)
    return False


def _load_step(fleet: DemoFleet) -> bool:
    """Let six hours of the past pass."""
    if fleet.step == 0:
        furnish(by=fleet.by)
    age = fleet.step * demo.STEP
    at = fleet.asked_at - demo.PAST + age
    aim(age, by=fleet.by)
    for offset in demo.ROUNDS:
        _round(age + offset, at + offset)
    if fleet.step % _SAMPLED == 0:
        samples.take(at)
    if fleet.step + 1 < demo.STEPS:
        _hold(fleet, step=fleet.step + 1, problem="")
        return True
    with transaction.atomic():
        _hold(fleet, state=DemoFleet.State.THERE, step=demo.STEPS, problem="")
        after: dict[str, activity.Value] = {"nodes": demo.NODES}
        activity.record(verb="demo.loaded", subject=SUBJECT, by=None, after=after)
    samples.take(timezone.now())
    return True


def _round(age: timedelta, at: datetime) -> None:
    """Let every node of the demo check in that has something to say."""
    rows = Node.objects.filter(application=demo.APPLICATION)
    seen = {
        machine_id: demo.Seen(*values)
        for machine_id, *values in rows.values_list("machine_id", *demo.Seen._fields)
    }
    said = [demo.says(one, seen.get(one.machine_id), age, at) for one in demo.members()]
    check_in([one for one in said if one is not None], at)
