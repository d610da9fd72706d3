"""The parts that pages are made of, each a tag with a template in templates/parts.

The style guide shows every part in every state, with the call that makes it.
"""

from collections.abc import Sequence
from typing import Any

from django import template
from django.forms import BoundField
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from oemupdates.dashboard.frame import drawing

register = template.Library()


@register.inclusion_tag("parts/_tile.html")
def tile(
    label: str,
    number: int | None,
    url: str,
    icon: str = "server",
    tone: str = "calm",
    **more: Any,
) -> dict[str, Any]:
    """A number with its word, both a link to the list behind it.

    `meaning` is shown on hover, `note` below, `trend` is a list of numbers drawn as a sparkline.
    """
    return {"label": label, "number": number, "url": url, "icon": icon, "tone": tone} | more


@register.inclusion_tag("parts/_copyable.html")
def copyable(text: object, shown: str = "", css: str = "mono") -> dict[str, Any]:
    """Text such as an id with a button that copies it; `shown` stands for a text that is long."""
    return {"text": str(text), "shown": shown or str(text), "css": css}


@register.simple_block_tag
def snippet(content: str) -> SafeString:
    """A block of text to paste somewhere, with a button that copies it."""
    # What stands in the block was escaped when it was rendered; stripping forgets that.
    escaped = SafeString(content.strip())
    return SafeString(render_to_string("parts/_snippet.html", {"content": escaped}))


@register.inclusion_tag("parts/_crumbs.html")
def crumbs(*pairs: str) -> dict[str, Any]:
    """The way up from here: `label url` pairs, from the top."""
    return {"crumbs": list(zip(pairs[::2], pairs[1::2], strict=True))}


@register.inclusion_tag("parts/_tabs.html")
def tabs(label: str, entries: Sequence[tuple[str, str, bool]]) -> dict[str, Any]:
    """Pages beside one another, as links: entries are label, address, and whether it is shown."""
    return {"label": label, "entries": entries}


@register.inclusion_tag("parts/_stats.html")
def stats(entries: Sequence[tuple[str, object, str]]) -> dict[str, Any]:
    """A row of numbers: entries are label, value, and the address behind it or nothing."""
    return {"entries": entries}


@register.inclusion_tag("parts/_bar.html")
def bar(*shares: object) -> dict[str, Any]:
    """A bar of shares: `tone number` pairs, then the whole."""
    numbers = [float(str(amount)) for amount in shares[1::2]]
    tones = [str(tone) for tone in shares[:-1:2]]
    whole = float(str(shares[-1]))
    return {"pieces": drawing.pieces(list(zip(tones, numbers, strict=True)), whole)}


@register.inclusion_tag("parts/_stages.html")
def stages(entries: Sequence[drawing.Stage], label: str) -> dict[str, Any]:
    """A bar of stages with its legend in numbers: how far so many of a whole have come."""
    whole = sum(entry.number for entry in entries)
    drawn = drawing.pieces([(entry.tone, entry.number) for entry in entries], whole)
    return {"entries": entries, "pieces": drawn, "label": label, "whole": whole}


@register.inclusion_tag("parts/_spark.html")
def spark(values: Sequence[float], tone: str = "busy") -> dict[str, Any]:
    """A small line of what became of a number; what it says must stand beside it in words."""
    line, area = drawing.spark(values)
    return {"line": line, "area": area, "tone": tone}


@register.inclusion_tag("parts/_heat.html")
def heat(heat_map: drawing.HeatMap) -> dict[str, Any]:
    """A heat map: a table first, colours second."""
    return {"map": heat_map}


@register.inclusion_tag("parts/_chart.html")
def chart(drawn: drawing.Chart) -> dict[str, Any]:
    """Values over time: a summary in words, the picture, and the same as a table."""
    return {"chart": drawn}


@register.inclusion_tag("parts/_diff.html")
def diff(differences: Sequence[Any]) -> dict[str, Any]:
    """What was changed: rows with `name`, `before` and `after`."""
    return {"differences": differences}


@register.inclusion_tag("parts/_field.html")
def field(bound: BoundField) -> dict[str, Any]:
    """A form's field, its label, help and errors tied to it."""
    return {"field": bound}


@register.inclusion_tag("parts/_nothing.html")
def nothing(
    icon: str, title: str, words: str = "", *, url: str = "", way: str = ""
) -> dict[str, Any]:
    """What stands where a list would: what is missing, how it comes to be, and the way there."""
    return {"icon": icon, "title": title, "words": words, "url": url, "way": way}


@register.inclusion_tag("parts/_confirm.html")
def confirm(what: str, name: str, button: str, **more: Any) -> dict[str, Any]:
    """The end of a form that must not be sent by a slip: `name` is typed to confirm.

    The view compares the POST's `confirmed` with the name; the browser only helps.
    """
    return {"what": what, "name": name, "button": button} | more
