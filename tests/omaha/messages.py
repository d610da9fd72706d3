"""Requests as stock nodes print them, byte for byte, and those of other senders."""

from xml.sax.saxutils import quoteattr

FLATCAR = "{e96281a6-d1af-4bde-9a0a-97b76e56dc57}"
MACHINE = "0f3c9a7d1e5b4a2f8c6d7e8f90a1b2c3"
OLD, NEW = "4459.2.4", "4593.2.1"
BOOT, NEXT_BOOT = "{boot-1}", "{boot-2}"
CUSTOM = 268435456

PING = '<ping active="1"></ping>'
UPDATECHECK = "<updatecheck></updatecheck>"
ROUTINE = '<event eventtype="3" eventresult="2" previousversion=""></event>'
FIRST = '<event eventtype="3" eventresult="2" previousversion="0.0.0.0"></event>'
UPDATED = f'<event eventtype="3" eventresult="2" previousversion="{OLD}"></event>'
STARTED = '<event eventtype="13" eventresult="1"></event>'
FINISHED = '<event eventtype="14" eventresult="1"></event>'
APPLIED = '<event eventtype="3" eventresult="1"></event>'

ATTRIBUTES = {
    "appid": FLATCAR,
    "version": OLD,
    "track": "stable",
    "bootid": BOOT,
    "oem": "azure",
    "oemversion": "2.9.1.1-r4",
    "alephversion": OLD,
    "machineid": MACHINE,
    "machinealias": "node-7",
    "lang": "en-US",
    "board": "amd64-usr",
    "hardware_class": "",
    "delta_okay": "false",
}


def failed(code: int, result: int = 0) -> str:
    """An event that an update failed, or was deferred with result 9."""
    return f'<event eventtype="3" eventresult="{result}" errorcode="{code}"></event>'


def app(*children: str, **changes: str | None) -> str:
    """An `<app>` of a stock node; None leaves an attribute out."""
    values = {name: value for name, value in (ATTRIBUTES | changes).items() if value is not None}
    sent = " ".join(f"{name}={_quoted(value)}" for name, value in values.items())
    lines = "".join(f"        {child}\n" for child in children)
    return f"    <app {sent} >\n{lines}    </app>\n"


def _quoted(value: str) -> str:
    """As update_engine escapes, and always between the same quotes."""
    return f'"{quoteattr(value)[1:-1]}"' if '"' not in value else quoteattr(value)


def request(*apps: str, sp: str = f"{OLD}_x86_64", sender: str = "update_engine-0.4.10") -> bytes:
    """A whole request with these apps."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<request protocol="3.0" version="{sender}" updaterversion="{sender}"'
        ' installsource="scheduler" ismachine="1">\n'
        f'    <os version="Chateau" platform="CoreOS" sp="{sp}"></os>\n'
        f"{''.join(apps)}</request>\n"
    ).encode()


def check(event: str = ROUTINE, **changes: str | None) -> bytes:
    """An update check, which always carries an event."""
    return request(app(PING, UPDATECHECK, event, **changes))


def ping(**changes: str | None) -> bytes:
    """What a node says that waits for its reboot."""
    return request(app(PING, **changes))


def tell(event: str, **changes: str | None) -> bytes:
    """One event and nothing else."""
    return request(app(event, **changes))


def pxe_stub(event: str = ROUTINE, **changes: str | None) -> bytes:
    """What the stub of a diskless node sends, twice after each boot and never again."""
    left_out: dict[str, str | None] = dict.fromkeys(("board", "oemversion", "alephversion"))
    stub = left_out | {"track": "alpha", "oem": "diskless"} | changes
    return request(app(event, **stub), sp=OLD, sender="FlatcarUpdateEngine-0.1.0.0")


def syncer(version: str = "0.0.0", **changes: str | None) -> bytes:
    """How another update server asks for a channel's releases."""
    left_out: dict[str, str | None] = dict.fromkeys(("oem", "oemversion", "alephversion"))
    asks = left_out | {"version": version, "multi_manifest_ok": "true"} | changes
    return request(app(UPDATECHECK, **asks), sender="CoreOSUpdateEngine-0.1.0.0")
