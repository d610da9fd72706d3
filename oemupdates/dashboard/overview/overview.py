"""The overview: how the fleet is, in one glance, from sums over the counters alone."""

from collections import Counter, defaultdict
from typing import NamedTuple

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.cache import patch_cache_control
from django.views.decorators.http import conditional_page, require_safe

from oemupdates.dashboard.frame import demo, moments
from oemupdates.dashboard.frame.acting import needs, where
from oemupdates.dashboard.frame.shares import version_chart
from oemupdates.dashboard.oem import oems
from oemupdates.dashboard.overview import attention
from oemupdates.dashboard.overview.start import start
from oemupdates.domain.access import Permission
from oemupdates.domain.demo import APPLICATION as DEMO
from oemupdates.domain.drift import count
from oemupdates.domain.drift_words import APART, IN_STEP
from oemupdates.domain.node import UNDER_WAY, State
from oemupdates.domain.version import sort_key
from oemupdates.models import Channel, Dimension, Release, Sample
from oemupdates.models.cells import read_cells
from oemupdates.services.counters import fleet
from oemupdates.services.oem.oem_cells import OBSERVED_BY
from oemupdates.services.server import health

VERSIONS_SHOWN = 8
DIFFERENCES_SHOWN = 6
RELEASES_SHOWN = 5
# However many people watch, the overview is worked out once in this time for all that see the
# same of it.
FRESH_SECONDS = 2
# The same for the bell of every page.
BELL_SECONDS = 30
BAD_REQUEST = 400


class Newest(NamedTuple):
    """One of the newest releases, how many nodes run it, and whether it is the demo fleet's."""

    release: Release
    nodes: int
    is_demo: bool


@require_safe
@needs(Permission.READ_FLEET)
def overview(request: HttpRequest) -> HttpResponse:
    """Show the fleet in one glance, or how to start while there is none."""
    if at := request.GET.get("at", ""):
        return _then(request, at)
    look = attention.look(request)
    context = _now(look)
    if context is None:
        return start(request)
    return render(
        request, "dashboard/overview.html", context | demo.shown(request, has_nodes=True)
    )


@require_safe
@conditional_page
@needs(Permission.READ_FLEET)
def overview_now(request: HttpRequest) -> HttpResponse:
    """Show what of the overview changes, for those who watch it."""
    look = attention.look(request)
    html = cache.get(key := f"overview:{look.key}")
    if html is None:
        context = _now(look)
        name = "_overview" if context else "_overview_gone"
        html = render_to_string(f"dashboard/{name}.html", context, request)
        cache.set(key, html, FRESH_SECONDS)
    return HttpResponse(html)


@require_safe
@needs(Permission.READ_FLEET)
def bell(request: HttpRequest) -> HttpResponse:
    """Answer how many things need whoever asks, for the bell of every page."""
    look = attention.look(request)
    number = cache.get(f"bell:{look.key}")
    if number is None:
        cells = read_cells().within(look.reach)
        matters = attention.matters(cells, look, parts=health.everyday(look.now))
        cache.set(f"bell:{look.key}", number := len(matters), BELL_SECONDS)
    response = HttpResponse(str(number), content_type="text/plain; charset=utf-8")
    patch_cache_control(response, private=True, max_age=BELL_SECONDS)
    return response


def _now(look: attention.Look) -> dict[str, object] | None:
    """What the overview shows of the present; None while no node is to be seen."""
    cells = read_cells(also=("drift_basis",)).within(look.reach)
    found = fleet.of_sums(cells.by("group", "state", "is_dark"))
    if not found.nodes:
        return None
    drifts = count(cells.drifts())
    by_oem = cells.by("oem", "oem_basis", "drift", "version", "architecture")
    rows, differences = oems.rows(by_oem)
    parts = health.everyday(look.now)
    matters = attention.matters(cells, look, parts=parts)
    cache.set(f"bell:{look.key}", len(matters), BELL_SECONDS)
    versions: Counter[str] = Counter()
    running: Counter[tuple[str, str]] = Counter()
    for *_, version, architecture, nodes in by_oem:
        versions[version] += nodes
        running[version, architecture] += nodes
    return _sums(found) | {
        "sentence": _sentence(found, len(matters)),
        "matters": matters,
        "chart": version_chart(look.reach, look.now, versions),
        "oems": rows,
        "in_step": IN_STEP,
        "apart": APART,
        "oems_apart": sum(drifts[drift] for drift in APART),
        "observed_by": OBSERVED_BY,
        "oems_observed": sum(
            nodes for _, basis, nodes in cells.by("oem", "drift_basis") if basis in OBSERVED_BY
        ),
        "by_state": oems.by_state(cells.by("oem", "state")),
        "differences": differences[:DIFFERENCES_SHOWN],
        "more_differences": len(differences[DIFFERENCES_SHOWN:]),
        "newest": _newest(running),
        "health": parts,
        "reads_security": look.reads_security,
        **_versions(versions),
    }


def _sums(found: fleet.Fleet) -> dict[str, object]:
    under_way = [state.value for state in State if state in UNDER_WAY]
    return {"fleet": found, "under_way": under_way}


def _sentence(found: fleet.Fleet, matters: int) -> str:
    needs_you = f"{matters} thing{'s need' if matters != 1 else ' needs'} you"
    return f"{found.sentence}. {needs_you if matters else 'Nothing needs you'}."


def _versions(versions: Counter[str]) -> dict[str, object]:
    """OS versions, newest first, with their nodes and the channels that aim at them."""
    targets: dict[str, list[str]] = defaultdict(list)
    aims = Channel.objects.exclude(target=None).values_list("target__version", "name")
    for target, channel in aims.order_by("name").distinct():
        targets[target].append(channel)
    newest_first = sorted(versions, key=lambda version: (sort_key(version), version), reverse=True)
    rows = [(version, versions[version], targets[version]) for version in newest_first]
    return {
        "versions": rows[:VERSIONS_SHOWN],
        "more_versions": rows[VERSIONS_SHOWN:],
        "most": max(versions.values(), default=0),
    }


def _newest(running: Counter[tuple[str, str]]) -> list[Newest]:
    newest = Release.objects.select_related("application").order_by("-order", "architecture")
    return [
        Newest(
            release=one,
            nodes=running[one.version, one.architecture],
            is_demo=str(one.application.uuid) == DEMO,
        )
        for one in newest[:RELEASES_SHOWN]
    ]


def _then(request: HttpRequest, text: str) -> HttpResponse:
    """Show the fleet as the last sample before a moment has it."""
    reach = where(request, Permission.READ_FLEET)
    context: dict[str, object] = {"at": text}
    try:
        moment = moments.past(text)
    except moments.BadMoment as bad:
        context["problem"] = str(bad)
        return render(request, "dashboard/overview_then.html", context, status=BAD_REQUEST)
    sample = Sample.objects.as_of(moment, reach)
    context["moment"] = moment
    if sample is not None:
        taken_at, counts = sample
        found = fleet.of_sample(counts)
        versions = counts[Dimension.VERSION]
        context |= _sums(found) | {
            "sentence": f"{found.sentence}.",
            "taken_at": taken_at,
            "oems": fleet.oems_of_sample(counts),
            "chart": version_chart(reach, taken_at, versions),
            **_versions(versions),
        }
    return render(request, "dashboard/overview_then.html", context)
