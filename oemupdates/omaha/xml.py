"""Omaha requests out of bytes; the one module that knows an XML parser.

A request comes from anybody. Expat resolves and fetches nothing by itself, and forgets a
document's names with the document: a parser that keeps them for the next one grows for as long as
strangers make up new ones. A DOCTYPE, where entities are declared, is refused before any is.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from xml.parsers import expat

from oemupdates.domain.event import Event
from oemupdates.omaha.protocol import MAX_APPS, MAX_EVENTS, App, BadRequest, Request

MAX_ATTRIBUTES = 64
MAX_DEPTH = 16
# Where a client's own elements stand: <request>, then <os> and <app>, then what an <app> holds.
_ROOT, _PART, _CHILD = 1, 2, 3
_HOW_MANY_APPS = f"a request holds 1 to {MAX_APPS} <app> elements"
# Types and results are stored in 32 bits; error codes have flags up to the last of them.
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
    reading = _Reading()
    parser = expat.ParserCreate("utf-8")
    parser.StartDoctypeDeclHandler = reading.doctype
    parser.StartElementHandler = reading.start
    parser.EndElementHandler = reading.end
    try:
        parser.Parse(body, True)  # noqa: FBT003 - the parser's own signature
    except expat.ExpatError as error:
        raise BadRequest("malformed_xml", str(error)) from error
    return reading.request()


class _Reading:
    """What was read of a document so far: attributes by element, and where it stands."""

    def __init__(self) -> None:
        self.depth = 0
        self.part = ""
        self.root: dict[str, str] = {}
        self.os: dict[str, str] | None = None
        self.apps: list[_App] = []

    def doctype(self, *_: object) -> None:
        raise BadRequest("doctype", "a DOCTYPE is not accepted")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise BadRequest("not_omaha", f"elements stand more than {MAX_DEPTH} deep")
        if len(attributes) > MAX_ATTRIBUTES:
            raise BadRequest("not_omaha", f"an element has more than {MAX_ATTRIBUTES} attributes")
        if self.depth == _ROOT:
            if name != "request":
                raise BadRequest("not_omaha", "the root element is not <request>")
            self.root = attributes
        elif self.depth == _PART:
            self.part = name
            self._start_part(name, attributes)
        elif self.depth == _CHILD and self.part == "app":
            self.apps[-1].take(name, attributes)

    def _start_part(self, name: str, attributes: dict[str, str]) -> None:
        if name == "app":
            if len(self.apps) == MAX_APPS:
                raise BadRequest("not_omaha", _HOW_MANY_APPS)
            self.apps.append(_App(attributes))
        elif name == "os" and self.os is None:
            self.os = attributes

    def end(self, _: str) -> None:
        self.depth -= 1

    def request(self) -> Request:
        if not self.apps:
            raise BadRequest("not_omaha", _HOW_MANY_APPS)
        os = self.os or {}
        return Request(
            updater=self.root.get("version", ""),
            sp=os.get("sp", ""),
            os_architecture=os.get("arch", ""),
            apps=tuple(app.app() for app in self.apps),
        )


class _App:
    """An `<app>` on its way."""

    def __init__(self, attributes: dict[str, str]) -> None:
        self.attributes = attributes
        self.pings = self.asks = False
        self.events: list[Event] = []

    def take(self, name: str, attributes: dict[str, str]) -> None:
        if name == "ping":
            self.pings = True
        elif name == "updatecheck":
            self.asks = True
        elif name == "event":
            if len(self.events) == MAX_EVENTS:
                raise BadRequest("not_omaha", f"an <app> has more than {MAX_EVENTS} events")
            self.events.append(_event(attributes.get))

    def app(self) -> App:
        return App(self.attributes, self.pings, self.asks, tuple(self.events))


def _refuse_cheaply(body: bytes) -> None:
    """Refuse what no client sends before a parser sees it."""
    if b"\0" in body:
        raise BadRequest("malformed_xml", "the body holds a NUL byte or is not UTF-8")
    declared = _ENCODING.match(body)
    if declared and declared[1].lower() not in _ENCODINGS:
        raise BadRequest("encoding", "the encoding is not UTF-8")


def _event(sent: Callable[[str], str | None]) -> Event:
    previous = (sent("previousversion") or "")[:64]
    return Event(
        type=_integer(sent("eventtype"), _INT32),
        result=_integer(sent("eventresult"), _INT32),
        error_code=_integer(sent("errorcode"), 2 * _INT32),
        previous_version=previous if previous.isprintable() else "",
    )


def _integer(text: str | None, end: int) -> int:
    """A number from the wire that is at least -2**31 and below `end`; 0 for any other text."""
    if text is None or not _INTEGER.fullmatch(text):
        return 0
    number = int(text)
    return number if -_INT32 <= number < end else 0


# --- The fast path ------------------------------------------------------------------------------
# Exactly what update_engine prints, in ASCII and without references. Anything else, by one byte,
# goes to the parser above; a test holds that both read the same.

_TEXT = r'([^<>&"\x00-\x1f\x7f]*)'
_NUMBER = r"(-?\d{1,10})"
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
    r'<\?xml version="1.0" encoding="UTF-8"\?>\n<request protocol="3.0"'
    r' version="' + _TEXT + r'" updaterversion="[^<>&"\x00-\x1f\x7f]*"'
    r' installsource="[a-z]*" ismachine="[01]">\n'
    r' {4}<os version="Chateau" platform="CoreOS" sp="'
    + _TEXT
    + r'"></os>\n {4}<app '
    + " ".join(name + '="' + _TEXT + '"' for name in _APP_ATTRIBUTES)
    + r" >\n(?: {8}(<ping) active=\"1\"></ping>\n)?(?: {8}(<updatecheck)></updatecheck>\n)?"
    r'(?: {8}(<event) eventtype="' + _NUMBER + r'" eventresult="' + _NUMBER + r'"'
    r'(?: previousversion="' + _TEXT + r'")?(?: errorcode="' + _NUMBER + r'")?></event>\n)?'
    r" {4}</app>\n</request>\n?",
    re.ASCII,
)
_SENDER = 2
_APP_END = _SENDER + len(_APP_ATTRIBUTES)


def parse_stock(body: bytes) -> Request | None:
    """Read exactly what update_engine prints; None for any other document."""
    # One decoding of the whole is cheaper than one of each of its values.
    match = _STOCK.fullmatch(body.decode("ascii")) if body.isascii() else None
    if match is None:
        return None
    groups = match.groups()
    ping, updatecheck, event, kind, result, previous, code = groups[_APP_END:]
    app = App(
        attributes=dict(zip(_APP_ATTRIBUTES, groups[_SENDER:_APP_END], strict=True)),
        pings=ping is not None,
        asks=updatecheck is not None,
        events=(_stock_event(kind, result, (previous or "")[:64], code),) if event else (),
    )
    return Request(updater=groups[0], sp=groups[1], os_architecture="", apps=(app,))


@lru_cache(maxsize=256)
def _stock_event(kind: str, result: str, previous: str, code: str | None) -> Event:
    """An event of the fast path: nearly every check-in brings the same."""
    sent = {
        "eventtype": kind,
        "eventresult": result,
        "previousversion": previous,
        "errorcode": code,
    }
    return _event(sent.get)
