"""Omaha requests out of bytes; the one module that knows lxml.

A request comes from anybody. The parser resolves nothing and fetches nothing, but it would still
expand internal entities inside attribute values: so a document with a DOCTYPE is refused.
"""

import re

from lxml import etree

from oemupdates.domain.event import Event
from oemupdates.omaha.protocol import MAX_APPS, MAX_EVENTS, App, BadRequest, Request

MAX_ATTRIBUTES = 64
_PARSER = etree.XMLParser(
    resolve_entities=False,
    no_network=True,
    load_dtd=False,
    dtd_validation=False,
    huge_tree=False,
    remove_comments=True,
    remove_pis=True,
)
# Numbers of events are stored in 32 bits; a client's own stay below three digits.
_INTEGER = re.compile(r"-?\d{1,10}", re.ASCII)
_INT32 = 2**31
_ENCODING = re.compile(rb"\s*<\?xml[^>]*?encoding\s*=\s*[\"']([^\"']*)[\"']")
_ENCODINGS = {b"utf-8", b"utf8", b"us-ascii", b"ascii"}


def parse(body: bytes) -> Request:
    """Read a request; `BadRequest` says what is wrong with it."""
    return parse_stock(body) or parse_any(body)


def parse_any(body: bytes) -> Request:
    """Read a request from whatever client; `BadRequest` says what is wrong with it."""
    _refuse_cheaply(body)
    try:
        root = etree.fromstring(body, _PARSER)
    except (etree.XMLSyntaxError, ValueError, LookupError) as error:
        raise BadRequest("malformed_xml", _explain(error)) from error
    if root.getroottree().docinfo.doctype:
        raise BadRequest("doctype", "a DOCTYPE is not accepted")
    if root.tag != "request":
        raise BadRequest("not_omaha", "the root element is not <request>")
    apps = root.findall("app")
    if not 0 < len(apps) <= MAX_APPS:
        raise BadRequest("not_omaha", f"a request holds 1 to {MAX_APPS} <app> elements")
    os = root.find("os")
    return Request(
        updater=str(root.get("version", "")),
        sp=str(os.get("sp", "")) if os is not None else "",
        os_architecture=str(os.get("arch", "")) if os is not None else "",
        apps=tuple(_app(app) for app in apps),
    )


def _refuse_cheaply(body: bytes) -> None:
    """Refuse what no client sends before a parser sees it."""
    if b"\0" in body:
        raise BadRequest("malformed_xml", "the body holds a NUL byte or is not UTF-8")
    if b"<!" in body and b"<!DOCTYPE" in body.upper():
        raise BadRequest("doctype", "a DOCTYPE is not accepted")
    declared = _ENCODING.match(body)
    if declared and declared[1].lower() not in _ENCODINGS:
        raise BadRequest("encoding", "the encoding is not UTF-8")


def _app(element: etree._Element) -> App:
    if len(element.attrib) > MAX_ATTRIBUTES:
        raise BadRequest("not_omaha", f"an <app> has more than {MAX_ATTRIBUTES} attributes")
    events = element.findall("event")
    if len(events) > MAX_EVENTS:
        raise BadRequest("not_omaha", f"an <app> has more than {MAX_EVENTS} events")
    return App(
        attributes={str(name): str(value) for name, value in element.attrib.items()},
        pings=element.find("ping") is not None,
        asks=element.find("updatecheck") is not None,
        events=tuple(_event(event) for event in events),
    )


def _event(element: etree._Element) -> Event:
    return Event(
        type=_integer(element.get("eventtype")),
        result=_integer(element.get("eventresult")),
        error_code=_integer(element.get("errorcode")),
        previous_version=str(element.get("previousversion") or "")[:64],
    )


def _integer(text: str | None) -> int:
    if text is None or not _INTEGER.fullmatch(text):
        return 0
    number = int(text)
    return number if -_INT32 <= number < 2 * _INT32 else 0


def _explain(error: Exception) -> str:
    """What the parser says, in one short line without its own file names."""
    return str(error).split(", line ")[0].splitlines()[0][:200]


# --- The fast path ------------------------------------------------------------------------------
# Exactly what update_engine prints, in ASCII and without references. Anything else, by one byte,
# goes to the parser above; a test holds that both read the same.

_TEXT = rb'([^<>&"\x00-\x1f\x7f-\xff]*)'
_NUMBER = rb"(-?\d{1,10})"
_APP_ATTRIBUTES = (
    "appid",
    "version",
    "track",
    "bootid",
    "oem",
    "oemversion",
    "alephversion",
    "machineid",
    "machinealias",
    "lang",
    "board",
    "hardware_class",
    "delta_okay",
)
_STOCK = re.compile(
    rb'<\?xml version="1.0" encoding="UTF-8"\?>\n<request protocol="3.0"'
    rb' version="' + _TEXT + rb'" updaterversion="[^<>&"\x00-\x1f\x7f-\xff]*"'
    rb' installsource="[a-z]*" ismachine="[01]">\n'
    rb' {4}<os version="Chateau" platform="CoreOS" sp="'
    + _TEXT
    + rb'"></os>\n {4}<app '
    + b" ".join(name.encode() + b'="' + _TEXT + b'"' for name in _APP_ATTRIBUTES)
    + rb" >\n(?: {8}(<ping) active=\"1\"></ping>\n)?(?: {8}(<updatecheck)></updatecheck>\n)?"
    rb'(?: {8}(<event) eventtype="' + _NUMBER + rb'" eventresult="' + _NUMBER + rb'"'
    rb'(?: previousversion="' + _TEXT + rb'")?(?: errorcode="' + _NUMBER + rb'")?></event>\n)?'
    rb" {4}</app>\n</request>\n?"
)
_SENDER = 2
_APP_END = _SENDER + len(_APP_ATTRIBUTES)


def parse_stock(body: bytes) -> Request | None:
    """Read exactly what update_engine prints; None for any other document."""
    match = _STOCK.fullmatch(body)
    if match is None:
        return None
    groups = match.groups()
    texts = [text.decode("ascii") for text in groups[:_APP_END]]
    ping, updatecheck, event, kind, result, previous, code = groups[_APP_END:]
    events: tuple[Event, ...] = ()
    if event:
        events = (
            Event(
                type=_integer(kind.decode()),
                result=_integer(result.decode()),
                error_code=_integer(code.decode() if code else None),
                previous_version=previous.decode("ascii")[:64] if previous else "",
            ),
        )
    app = App(
        attributes=dict(zip(_APP_ATTRIBUTES, texts[_SENDER:], strict=True)),
        pings=ping is not None,
        asks=updatecheck is not None,
        events=events,
    )
    return Request(updater=texts[0], sp=texts[1], os_architecture="", apps=(app,))
