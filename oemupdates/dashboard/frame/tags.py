"""The small parts that every page is made of. A built-in library: templates load nothing."""

from datetime import datetime, timedelta
from functools import cache

from django import template
from django.conf import settings
from django.template import RequestContext
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from oemupdates.dashboard.frame import words
from oemupdates.dashboard.frame.node_columns import Column
from oemupdates.domain import snippet as texts
from oemupdates.domain import span
from oemupdates.domain.access import Permission
from oemupdates.domain.drift_facts import Severity
from oemupdates.domain.drift_words import severity
from oemupdates.domain.node import State
from oemupdates.domain.query import EMPTY
from oemupdates.models import Node, Operator
from oemupdates.services.access import access

register = template.Library()

_UNITS = (("d", 86400), ("h", 3600), ("min", 60))
_FEW_DAYS = 60


@cache
def _icon(name: str) -> SafeString:
    return SafeString(render_to_string(f"icons/{name}.svg").strip())


@register.simple_tag
def icon(name: str) -> SafeString:
    """An icon, drawn in the colour of the text beside it and silent for screen readers."""
    return _icon(name)


@register.simple_tag(takes_context=True)
def can(context: RequestContext, permission: str, group: int | None = None) -> bool:
    """Whether whoever looks has a permission, for a group or for the fleet."""
    user = context["request"].user
    return isinstance(user, Operator) and access.can(user, Permission(permission), group=group)


@register.simple_tag(takes_context=True)
def can_somewhere(context: RequestContext, permission: str) -> bool:
    """Whether whoever looks has a permission for any group, or for the fleet."""
    user = context["request"].user
    return isinstance(user, Operator) and bool(access.where(user, Permission(permission)))


def _marked(word: words.Word, label: str = "", css: str = "mark") -> SafeString:
    return format_html(
        '<span class="{} {}" title="{}">{}{}</span>',
        css,
        word.tone,
        word.meaning,
        _icon(word.icon),
        label or word.label,
    )


@register.simple_tag
def state(code: str) -> SafeString:
    """A node's state as an icon and a word."""
    return _marked(words.STATES[State(code)])


@register.filter
def state_label(code: str) -> str:
    """A node's state as a word."""
    return words.STATES[State(code)].label


@register.simple_tag
def drift(kept: str) -> SafeString:
    """The worst class of drift that is kept of a node, with how many more there are."""
    names = sorted(kept.split(), key=severity, reverse=True)
    more = sum(severity(name) >= Severity.WARN for name in names[1:])
    shown = _marked(words.drift(names[0] if names else ""))
    return format_html('{} <span class="note">+{}</span>', shown, more) if more else shown


@register.simple_tag
def basis(code: str) -> SafeString:
    """Where an OEM value comes from, as a badge."""
    return _marked(words.BASES[code], css="badge")


@register.simple_tag
def mark(icon_name: str, label: str, tone: str = "calm", meaning: str = "") -> SafeString:
    """Any icon and word."""
    return _marked(words.Word(label, icon_name, tone, meaning))


@register.filter
def number(value: int | None) -> str:
    """A whole number with its thousands apart."""
    return f"{value or 0:,}"


@register.filter
def seconds(value: float) -> str:
    """A span of time in its largest fitting unit, two of them where it is not even."""
    return span.words(value)


@register.simple_tag
def ago(moment: datetime | None) -> SafeString | str:
    """A time as the distance from now; the time itself in UTC stands in its title."""
    if moment is None:
        return "never"
    moment = moment.astimezone(timezone.get_default_timezone())
    return format_html(
        '<time datetime="{}" title="{} UTC">{}</time>',
        moment.isoformat(timespec="seconds"),
        f"{moment:%Y-%m-%d %H:%M:%S}",
        _distance(timezone.now() - moment, moment),
    )


@register.simple_tag
def ends(moment: datetime | None) -> SafeString | str:
    """When something ends or ended, as the distance from now."""
    if moment is None:
        return "has no end"
    return format_html("{} {}", "ends" if moment > timezone.now() else "ended", ago(moment))


def _distance(passed: timedelta, moment: datetime) -> str:
    away = abs(passed.total_seconds())
    if passed.days > _FEW_DAYS:
        return f"{moment:%Y-%m-%d}"
    text = next((f"{int(away // size)} {unit}" for unit, size in _UNITS if away >= size), "")
    if not text:
        return "just now" if passed >= timedelta(0) else "in a moment"
    return f"{text} ago" if passed >= timedelta(0) else f"in {text}"


@register.simple_tag
def nodes_url(**values: object) -> str:
    """The node list with filters: a value each, several if it is a list, `-` if it is empty."""
    pairs: list[tuple[str, str]] = []
    for name, value in values.items():
        some = value if isinstance(value, (list, tuple, set)) else [value]
        pairs += [(name, EMPTY if one in {"", None} else str(one)) for one in some]
    return f"{reverse('dashboard:nodes')}?{urlencode(pairs)}"


@register.simple_tag
def cell(column: Column, node: Node) -> str:
    """What a column of the node list says of a node, as text."""
    return column.text(node)


@register.simple_tag
def update_url(secret: str = "") -> str:
    """Where nodes send their check-ins."""
    return texts.server(settings.FLEET_URL, secret)


@register.simple_tag
def update_conf(track: str, secret: str = "") -> str:
    """What stands in a node's update.conf so that it joins a group."""
    return texts.update_conf(track, update_url(secret))


@register.simple_tag
def butane(track: str, secret: str = "") -> str:
    """The same for a new node, in Butane."""
    return texts.butane(track, update_url(secret))


@register.simple_tag
def ignition(track: str, secret: str = "") -> str:
    """The same for a new node, in Ignition."""
    return texts.ignition(track, update_url(secret))


@register.simple_tag
def install_line() -> str:
    """What brings the beacon and the report to a node that runs."""
    return texts.install_line(settings.FLEET_URL)
