"""Answers that a server would give, for nodes that are driven without one."""

import base64
import hashlib

from oemupdates.management.simulation.step import Heard

OS = b"an OS payload, as far as anybody here can tell" * 40
OEM = b"an OEM payload"


def noupdate(interval: str = "") -> Heard:
    poll = f' PollInterval="{interval}"' if interval else ""
    return Heard(200, _document(f'<updatecheck status="noupdate"{poll}></updatecheck>'))


def _sha1(data: bytes) -> str:
    return base64.b64encode(hashlib.sha1(data, usedforsecurity=False).digest()).decode()


def sha256(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def offer(
    version: str = "4593.2.1",
    *,
    codebases: tuple[str, ...] = ("http://files.example.net/4593.2.1/",),
    oem: str = "azure",
    more_action: str = ' DisablePayloadBackoff="true"',
    poll: str = "2700",
) -> Heard:
    urls = "".join(f'<url codebase="{url}"></url>' for url in codebases)
    oem_package = (
        f'<package name="oem-{oem}.gz" hash="{_sha1(OEM)}"'
        f' hash_sha256="{hashlib.sha256(OEM).hexdigest()}" size="{len(OEM)}" required="false">'
        "</package>"
        if oem
        else ""
    )
    return Heard(
        200,
        _document(
            f'<updatecheck status="ok" PollInterval="{poll}"><urls>{urls}</urls>'
            f'<manifest version="{version}"><packages>'
            f'<package name="flatcar_production_update.gz" hash="{_sha1(OS)}" size="{len(OS)}"'
            f' required="true"></package>{oem_package}</packages>'
            f'<actions><action event="postinstall" sha256="{sha256(OS)}"{more_action}></action>'
            "</actions></manifest></updatecheck>"
        ),
    )


def _document(check: str) -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<response protocol="3.0" server="fleet">'
        '<app appid="{e96281a6-d1af-4bde-9a0a-97b76e56dc57}" status="ok">'
        f'<ping status="ok"></ping>{check}<event status="ok"></event></app></response>'
    ).encode()


EVENT_ANSWER = Heard(200, _document(""))
