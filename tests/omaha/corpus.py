"""Bodies that strangers may send: where the fuzz test begins, and each a case of its own."""

import gzip
from pathlib import Path

from tests.omaha.messages import (
    APPLIED,
    PING,
    ROUTINE,
    UPDATECHECK,
    app,
    check,
    pxe_stub,
    request,
    syncer,
    tell,
)

_WIRE = Path(__file__).parent.parent / "wire" / "update_engine-0.4.10"
_PLAIN = check()


def _alias(value: bytes) -> bytes:
    return _PLAIN.replace(b"node-7", value)


def _doctype(subset: bytes, value: bytes = b"&e;") -> bytes:
    return (
        b'<?xml version="1.0"?><!DOCTYPE r ['
        + subset
        + b"]>"
        + (b'<request><app machinealias="' + value + b'"/></request>')
    )


_BOMB = b"".join(
    b'<!ENTITY e%d "%s">' % (level, b"&e%d;" % (level - 1) * 10 if level else b"boom")
    for level in range(9)
)

RECORDED = {path.name: path.read_bytes() for path in sorted(_WIRE.glob("*.xml"))}
WELL_MEANT = {
    "check": _PLAIN,
    "event": tell(APPLIED),
    "PXE stub": pxe_stub(),
    "syncer": syncer(),
    "several": request(app(PING, UPDATECHECK, ROUTINE), app(UPDATECHECK, machineid="b" * 32)),
    "references": _alias(b"b&#xE4;r&lt;1&gt;&amp;2"),
    "UTF-8": _alias("機械 ☃ \U0001f5a5".encode()),
    "CDATA": _PLAIN.replace(b"<updatecheck>", b"<updatecheck><![CDATA[<!DOCTYPE]]>"),
    "namespace": _PLAIN.replace(b"<request ", b'<request xmlns="urn:x" xmlns:y="urn:y" '),
    "unbound prefix": _PLAIN.replace(b"<app ", b'<app q:a="1" '),
}
HOSTILE = {
    "nothing": b"",
    "NUL": b"\x00" * 1000,
    "0xFF": b"\xff" * 1000,
    "JSON": b'{"request": {"protocol": "3.0"}}',
    "HTML": b"<!doctype html><html><body>hello</body></html>",
    "cut short": _PLAIN[:-40],
    "twice": _PLAIN + _PLAIN,
    "gzip": gzip.compress(_PLAIN),
    "UTF-16": _PLAIN.decode().encode("utf-16"),
    "UTF-16 DOCTYPE": _doctype(b'<!ENTITY e "x">').decode().encode("utf-16-le"),
    "UTF-32": _PLAIN.decode().encode("utf-32"),
    "claims UTF-16": _PLAIN.replace(b"UTF-8", b"UTF-16"),
    "claims UTF-7": _PLAIN.replace(b"UTF-8", b"UTF-7").replace(b"node-7", b"+ADwAIQ-"),
    "claims EBCDIC": _PLAIN.replace(b"UTF-8", b"cp037"),
    "in EBCDIC": _PLAIN.decode().encode("cp037"),
    "overlong UTF-8": _alias(b"\xc0\xbc"),
    "surrogate": _alias(b"\xed\xa0\x80"),
    "entity bomb": _doctype(_BOMB, b"&e8;"),
    "quadratic entity": _doctype(b'<!ENTITY e "' + b"a" * 30_000 + b'">', b"&e;" * 9000),
    "entity of itself": _doctype(b'<!ENTITY e "&f;"><!ENTITY f "&e;">'),
    "external entity": _doctype(b'<!ENTITY e SYSTEM "file:///etc/hostname">'),
    "parameter entity": _doctype(b'<!ENTITY % p SYSTEM "http://127.0.0.1:9/"> %p;'),
    "external DTD": b'<!DOCTYPE request SYSTEM "http://127.0.0.1:9/x.dtd"><request/>',
    "default attributes": _doctype(b'<!ATTLIST app machineid CDATA "x">', b""),
    "XInclude": b'<request xmlns:xi="http://www.w3.org/2001/XInclude">'
    b'<xi:include href="file:///etc/hostname" parse="text"/><app/></request>',
    "deep": b"<request>" + b"<app>" * 9000,
    "deep and whole": b"<request>" + b"<app>" * 4000 + b"</app>" * 4000 + b"</request>",
    "wide": b"<request><app>" + b"<x/>" * 15_000 + b"</app></request>",
    "many apps": b"<request>" + b"<app/>" * 10_000 + b"</request>",
    "many events": b"<request><app>" + b"<event/>" * 7000 + b"</app></request>",
    "many attributes": b"<request><app "
    + b" ".join(b'a%d=""' % number for number in range(6000))
    + b"/></request>",
    "long name": b"<request><" + b"n" * 60_000 + b"/><app/></request>",
    "long attribute name": b"<request><app " + b"n" * 60_000 + b'=""/></request>',
    "long value": _alias(b"v" * 60_000),
    "long references": _alias(b"&lt;" * 15_000),
    "long comment": _PLAIN.replace(b"?>\n", b"?>\n<!--" + b"c" * 60_000 + b"-->", 1),
    "many comments": _PLAIN.replace(b"?>\n", b"?>\n" + b"<!---->" * 8000, 1),
    "long instruction": _PLAIN.replace(b"?>\n", b"?>\n<?p " + b"c" * 60_000 + b"?>", 1),
    "many namespaces": b"<request "
    + b" ".join(b'xmlns:n%d="u"' % number for number in range(60))
    + b"><app/></request>",
    "spaces": b" " * 64_000,
    "unclosed quote": b'<request a="' + b"x" * 60_000,
    "nearly stock": _PLAIN[:-2] + b"\x00\n",
}
SEEDS = RECORDED | WELL_MEANT | HOSTILE
