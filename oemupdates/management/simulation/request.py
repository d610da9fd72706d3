"""What a node writes: the bodies of update_engine 0.4.10, byte for byte."""

from dataclasses import dataclass

from oemupdates.domain.event import COMPLETE, ERROR, FIRST_CHECK, SUCCESS_REBOOT

FLATCAR = "{e96281a6-d1af-4bde-9a0a-97b76e56dc57}"
CUSTOM_SERVER = 1 << 28
RESUMED = 1 << 30

PING = '<ping active="1"></ping>'
UPDATE_CHECK = "<updatecheck></updatecheck>"

_STOCK = "update_engine-0.4.10"
_STUB = "FlatcarUpdateEngine-0.1.0.0"
_SYNCER = "CoreOSUpdateEngine-0.1.0.0"
_ASCII_END = 0x80
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


@dataclass(slots=True)
class Facts:
    """What a node says about itself. `machine` is what `uname -m` prints on it."""

    machine_id: str
    version: str
    track: str
    boot_id: str
    oem: str = ""
    oem_version: str = ""
    aleph_version: str = ""
    alias: str = ""
    board: str = "amd64-usr"
    machine: str = "x86_64"
    install_source: str = "scheduler"
    appid: str = FLATCAR


def escape(text: str) -> str:
    """Escape as the client does, which leaves quotes as they are: malformed XML is possible."""
    text = text.translate(_ESCAPES)
    if text.isascii():
        return text
    return "".join(c if ord(c) < _ASCII_END else f"&#x{ord(c):X};" for c in text)


def event(kind: int, result: int, code: int | None = None) -> str:
    """An update event; `code` is the error code as sent, flags included."""
    errorcode = "" if code is None else f' errorcode="{code}"'
    return f'<event eventtype="{kind}" eventresult="{result}"{errorcode}></event>'


def failure(code: int) -> str:
    """The event of a failed update or check, flagged as every server but the public one sees."""
    return event(COMPLETE, ERROR, code | CUSTOM_SERVER)


def news(previous_version: str) -> str:
    """The event that goes with every check: what ran before, when the node has just booted it."""
    return (
        f'<event eventtype="{COMPLETE}" eventresult="{SUCCESS_REBOOT}"'
        f' previousversion="{previous_version}"></event>'
    )


ROUTINE = news("")
FIRST_BOOT = news(FIRST_CHECK)


def stock(facts: Facts, *parts: str) -> bytes:
    """A request of update_engine with these parts in its `<app>`."""
    attributes = (
        f' oem="{escape(facts.oem)}" oemversion="{escape(facts.oem_version)}"'
        f' alephversion="{facts.aleph_version}" machineid="{facts.machine_id}"'
        f' machinealias="{escape(facts.alias)}" lang="en-US" board="{facts.board}"'
        ' hardware_class="" delta_okay="false" '
    )
    return _request(_STOCK, f"{facts.version}_{facts.machine}", facts, attributes, parts)


def stub(facts: Facts) -> bytes:
    """The request of a PXE node: a routine event, and neither ping nor update check."""
    attributes = (
        f' oem="{facts.oem}" machineid="{facts.machine_id}" lang="en-US"'
        ' hardware_class="" delta_okay="false"'
    )
    return _request(_STUB, facts.version, facts, attributes, (ROUTINE,))


def syncer(facts: Facts) -> bytes:
    """The request of another update server that mirrors a channel from this one."""
    attributes = f' machineid="{facts.machine_id}" board="{facts.board}" multi_manifest_ok="true"'
    return _request(
        _SYNCER, f"{facts.version}_{facts.machine}", facts, attributes, (UPDATE_CHECK,)
    )


def _request(
    updater: str, platform: str, facts: Facts, attributes: str, parts: tuple[str, ...]
) -> bytes:
    inside = "".join(f"        {part}\n" for part in parts)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<request protocol="3.0" version="{updater}" updaterversion="{updater}"'
        f' installsource="{facts.install_source}" ismachine="1">\n'
        f'    <os version="Chateau" platform="CoreOS" sp="{platform}"></os>\n'
        f'    <app appid="{facts.appid}" version="{facts.version}" track="{escape(facts.track)}"'
        f' bootid="{{{facts.boot_id}}}"{attributes}>\n'
        f"{inside}"
        "    </app>\n"
        "</request>\n"
    ).encode()
