"""The OEM catalogue: read by whoever decides or shows, corrected and added to by operators."""

from dataclasses import dataclass

from oemupdates.domain.oem import Before, Catalogue, is_id
from oemupdates.domain.oem import Oem as Known
from oemupdates.domain.version import BadVersion, parse
from oemupdates.models import Oem, Operator
from oemupdates.services.shared import activity
from oemupdates.services.shared.configuration import changing

_ARCHITECTURES = ("amd64", "arm64")
_MAX_NAME, _MAX_TEXT = 64, 200


class BadOem(activity.Refused):
    """The catalogue cannot hold this, or holds it already."""


class CannotRemove(activity.Refused):
    """It is one of Flatcar's own."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What operators may say of an OEM. `tools` are names, none for configuration only.

    `build_tool` is the one whose version its builds have, if any.
    """

    name: str = ""
    architectures: tuple[str, ...] = _ARCHITECTURES
    alpha_since: str = ""
    stable_since: str = ""
    dropped_in: str = ""
    migrates: bool = False
    tools: tuple[str, ...] = ()
    build_tool: str = ""
    before: str = Before.NOTHING.value
    source: str = ""


def load() -> Catalogue:
    """The catalogue as it is committed now."""
    known: dict[str, list[Known]] = {Oem.Kind.OEM: [], Oem.Kind.EXTENSION: []}
    for row in Oem.objects.all():
        known[row.kind].append(known_as(row))
    return Catalogue(known[Oem.Kind.OEM], known[Oem.Kind.EXTENSION])


def known_as(row: Oem) -> Known:
    """A row as decisions take it."""
    terms = terms_of(row)
    return Known(
        row.oem_id,
        frozenset(terms.architectures),
        alpha_since=terms.alpha_since,
        stable_since=terms.stable_since,
        migrates=terms.migrates,
        dropped_in=terms.dropped_in,
        name=terms.name,
        tools=terms.tools,
        build_tool=terms.build_tool,
        before=Before(terms.before),
        source=terms.source,
    )


def terms_of(row: Oem) -> Terms:
    """What is said of an OEM now."""
    return Terms(
        name=row.name,
        architectures=tuple(row.architectures.split()),
        alpha_since=row.alpha_since,
        stable_since=row.stable_since,
        dropped_in=row.dropped_in,
        migrates=row.migrates,
        tools=tuple(tool for tool in row.tools.split(", ") if tool),
        build_tool=row.build_tool,
        before=row.before,
        source=row.source,
    )


def add(oem_id: str, terms: Terms, *, by: Operator | None, why: str = "") -> Oem:
    """Add an OEM of the operators' own; raises `BadOem`."""
    oem_id = oem_id.strip()
    if not is_id(oem_id):
        raise BadOem("An id has lower-case letters, digits, dots, dashes, and up to 64 of them.")
    values = _values(terms)
    with changing():
        if Oem.objects.filter(kind=Oem.Kind.OEM, oem_id=oem_id).exists():
            raise BadOem(f"{oem_id} is in the catalogue already.")
        row = Oem.objects.create(oem_id=oem_id, is_custom=True, **values)
        activity.record(verb="oem.added", subject=row, by=by, after=_told(values), why=why)
    return row


def change(row: Oem, terms: Terms, *, by: Operator | None, why: str = "") -> Oem:
    """Correct what the catalogue says of an OEM or extension; raises `BadOem`."""
    values = _values(terms)
    with changing():
        row = Oem.objects.select_for_update(no_key=True).get(pk=row.pk)
        was = {name: getattr(row, name) for name in values}
        changed = {name: value for name, value in values.items() if value != was[name]}
        if not changed:
            return row
        for name, value in changed.items():
            setattr(row, name, value)
        row.is_corrected = not row.is_custom
        row.save(update_fields=[*changed, "is_corrected"])
        activity.record(
            verb="oem.changed",
            subject=row,
            by=by,
            before=_told({name: was[name] for name in changed}),
            after=_told(changed),
            why=why,
        )
    return row


def remove(row: Oem, *, by: Operator | None, why: str = "") -> None:
    """Take an OEM of the operators' own out of the catalogue; raises `CannotRemove`."""
    with changing():
        row = Oem.objects.select_for_update(no_key=True).get(pk=row.pk)
        if not row.is_custom:
            raise CannotRemove(f"{row} is one of Flatcar's: say when it was dropped instead.")
        named = activity.Named("oem", row.oem_id, row.pk)
        row.delete()
        activity.record(verb="oem.removed", subject=named, by=by, why=why)


def _told(values: dict[str, str | bool]) -> dict[str, activity.Value]:
    return dict(values)


def _values(terms: Terms) -> dict[str, str | bool]:
    """The columns of what is said; raises `BadOem`."""
    machines = [one for one in _ARCHITECTURES if one in terms.architectures]
    if not machines or len(machines) != len(set(terms.architectures)):
        raise BadOem("It is for amd64, for arm64, or for both.")
    if terms.before not in set(Before):
        raise BadOem(f"{terms.before!r} is nothing that an OEM was before its sysext.")
    tools = [activity.wording(tool, what="A tool", most=_MAX_NAME) for tool in terms.tools]
    if any("," in tool for tool in tools) or len(", ".join(tools)) > _MAX_TEXT:
        raise BadOem("Tools are names without commas, of 200 characters in all.")
    build_tool = terms.build_tool.strip()
    if build_tool and build_tool not in tools:
        raise BadOem("Its builds can have the version of one of its tools alone.")
    since, stable, dropped = map(
        _version, (terms.alpha_since, terms.stable_since, terms.dropped_in)
    )
    if stable and not since:
        raise BadOem("Say the first version of all, if there is a first Stable.")
    if since and dropped and parse(dropped) <= parse(since):
        raise BadOem("It cannot have been dropped before it came.")
    return {
        "name": activity.wording(terms.name, what="The name", most=_MAX_NAME),
        "architectures": " ".join(machines),
        "alpha_since": since,
        "stable_since": stable,
        "dropped_in": dropped,
        "migrates": terms.migrates,
        "tools": ", ".join(tool for tool in tools if tool),
        "build_tool": build_tool,
        "before": str(terms.before),
        "source": activity.wording(terms.source, what="The source", most=_MAX_TEXT),
    }


def _version(text: str) -> str:
    text = text.strip()
    try:
        if text:
            parse(text)
    except BadVersion as error:
        raise BadOem(f"{text!r} is no Flatcar version.") from error
    return text
