"""Omaha 3.0 as update_engine and ue-rs speak it: the wire's spelling, and nothing else.

The answers follow rules that two parsers of different strictness share: the real clients refuse
or misread a document for an empty hash, a capital letter in a boolean, a codebase without its
last slash, a second manifest, an OEM payload before the OS. Facts: update_engine 0.4.10, ue-rs.
"""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import replace
from html import escape
from itertools import takewhile
from typing import NamedTuple

from oemupdates.domain.checkin import MAX_LENGTHS, CheckIn, check
from oemupdates.domain.event import Event
from oemupdates.domain.policy import MIN_POLL_SECONDS, OS_PAYLOAD, Floor, Group, Payload, Release
from oemupdates.domain.version import BadVersion, Version, parse

CONTENT_TYPE = b"text/xml; charset=utf-8"
MAX_BODY_BYTES = 64 * 1024
MAX_APPS = 16
MAX_EVENTS = 32
# What the PXE stub calls itself; it sends one event after boot and never asks for an update.
_PXE_UPDATER = "FlatcarUpdateEngine-"
_BOARDS = {"amd64-usr": "amd64", "arm64-usr": "arm64"}
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
_OS_ARCHITECTURES = {"x64": "amd64", "amd64": "amd64", "arm": "arm64", "aarch64": "arm64"}


class BadRequest(ValueError):
    """A request that cannot be answered; `reason` is the code that it is counted under."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class App(NamedTuple):
    """One `<app>` of a request: its attributes as sent, and what it holds."""

    attributes: dict[str, str]
    pings: bool = False
    asks: bool = False
    events: tuple[Event, ...] = ()

    @property
    def appid(self) -> str:
        """The appid as sent: the answer repeats it."""
        return self.attributes.get("appid", "")

    @property
    def is_syncer(self) -> bool:
        """Whether another update server asks, and not a node.

        `installsource` does not tell: stock nodes send `scheduler` too.
        """
        return self.attributes.get("multi_manifest_ok") == "true"


class Request(NamedTuple):
    """A request: who sent it, what its `<os>` says, and its apps."""

    updater: str
    sp: str
    os_architecture: str
    apps: tuple[App, ...]


def canonical_appid(appid: str) -> str:
    """An appid without its braces and case, as applications are looked up by."""
    return appid.strip().removeprefix("{").removesuffix("}").lower()


def architecture(request: Request, app: App) -> str:
    """`amd64` or `arm64`; empty when nothing tells. The board is the only field to rely on."""
    board = app.attributes.get("board", "")
    if board:
        return _BOARDS.get(board, "")
    machine = request.sp.rpartition("_")[2] if "_" in request.sp else ""
    if request.sp.endswith("x86_64"):
        machine = "x86_64"
    return _MACHINES.get(machine) or _OS_ARCHITECTURES.get(request.os_architecture, "")


def read_checkin(request: Request, app: App, address: str | None) -> CheckIn:
    """What an app says, checked; `domain.checkin.BadCheckIn` when its values cannot be kept."""
    sent = app.attributes.get
    values = {
        "machine_id": sent("machineid", ""),
        "application": canonical_appid(app.appid),
        "version": sent("version", ""),
        "track": sent("track", ""),
        "oem": sent("oem", ""),
        "oem_version": sent("oemversion", ""),
        "aleph_version": sent("alephversion", ""),
        "boot_id": sent("bootid", ""),
        "updater": request.updater,
    }
    check(values)
    return CheckIn(
        architecture=architecture(request, app),
        # Free text of the node's owner: a long one is no reason to keep the machine from updates.
        alias="".join(filter(str.isprintable, sent("machinealias", "")))[: MAX_LENGTHS["alias"]],
        asks=app.asks,
        pings=app.pings,
        events=app.events,
        address=address,
        is_pxe=request.updater.startswith(_PXE_UPDATER),
        **values,
    )


# --- Answers ------------------------------------------------------------------------------------


class AppAnswer(NamedTuple):
    """The answer to one `<app>`: its status, and the update check's element if it asked."""

    app: App
    status: str = "ok"
    updatecheck: str = ""


UNKNOWN_APPLICATION = "error-unknownApplication"
INVALID_ARGUMENTS = "error-invalidArguments"


def render(answers: Iterable[AppAnswer]) -> bytes:
    """The whole document. It starts with the declaration: a byte before it is fatal to clients."""
    apps = "".join(_app(answer) for answer in answers)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<response protocol="3.0" server="oem-fleet">'
        f'<daystart elapsed_seconds="0"></daystart>{apps}</response>\n'
    ).encode()


def _app(answer: AppAnswer) -> str:
    app = answer.app
    ping = '<ping status="ok"></ping>' if app.pings else ""
    events = '<event status="ok"></event>' * len(app.events)
    return (
        f'<app appid="{escape(app.appid)}" status="{answer.status}">'
        f"{ping}{answer.updatecheck}{events}</app>"
    )


def no_update(poll_seconds: int) -> str:
    """The update check's element that says: nothing now, and no error either."""
    return f'<updatecheck status="noupdate" PollInterval="{poll_seconds}"></updatecheck>'


def offer(
    release: Release, payloads: Sequence[Payload], poll_seconds: int, codebases: Iterable[str]
) -> str:
    """The update check's element that offers a release to a node: codebases, one manifest."""
    return (
        f'<updatecheck status="ok" PollInterval="{poll_seconds}">{_urls(codebases)}'
        f"{_manifest(release, payloads)}</updatecheck>"
    )


def offer_to_syncer(app: App, group: Group | None) -> str:
    """The update check's element for another update server: every floor, then the target.

    Each manifest names its own codebase, because each release has a folder of its own; the one
    before the manifests, which older servers read, is the last one's. What the syncer has already
    is left out, and so is everything from a release on that is blocked or has no payloads: nobody
    downstream may pass a floor by. Updates that are off for the group are off for the nodes behind
    another server too.
    """
    channel = group.channel if group and group.updates_enabled else None
    if group is None or channel is None or channel.target is None:
        return no_update(MIN_POLL_SECONDS)
    target, has = channel.target, _order(app.attributes.get("version", ""))
    way = [floor for floor in channel.floors if has < floor.release.order < target.order]
    if has < target.order:
        way.append(next((one for one in channel.floors if one.release is target), Floor(target)))
    way = list(takewhile(lambda step: _is_ready(step.release), way))
    if not way:
        return no_update(group.poll_interval_seconds)
    manifests = "".join(_step(step, is_target=step.release is target) for step in way)
    return (
        f'<updatecheck status="ok" PollInterval="{group.poll_interval_seconds}">'
        f"{_urls([way[-1].release.codebase])}{manifests}</updatecheck>"
    )


def _is_ready(release: Release) -> bool:
    return not release.blocked_because and release.payload(OS_PAYLOAD) is not None


def _step(step: Floor, *, is_target: bool) -> str:
    """One manifest of a syncer's answer; only a floor has a reason."""
    marks = f' is_floor="true" floor_reason="{escape(step.reason)}"' if step.reason else ""
    if is_target:
        marks += ' is_target="true"'
    return _manifest(step.release, step.release.payloads, marks, _urls([step.release.codebase]))


def _order(version: str) -> Version:
    """A version to compare with; one that cannot be read is older than all."""
    try:
        return parse(version)
    except BadVersion:
        return parse("0.0.0")


def _urls(codebases: Iterable[str]) -> str:
    urls = "".join(f'<url codebase="{escape(one)}"></url>' for one in codebases)
    return f"<urls>{urls}</urls>"


def _manifest(
    release: Release, payloads: Sequence[Payload], marks: str = "", urls: str = ""
) -> str:
    os_payload = payloads[0]
    packages = _package(replace(os_payload, sha256=""), required=True) + "".join(
        _package(payload, required=False) for payload in payloads[1:]
    )
    # The client takes the OS payload's SHA-256 from here, in base64; a hex one fails the update.
    sha256 = _base64(os_payload.sha256)
    return (
        f'<manifest version="{escape(release.version)}"{marks}>{urls}'
        f"<packages>{packages}</packages>"
        f'<actions><action event="postinstall" sha256="{sha256}"'
        ' DisablePayloadBackoff="true"></action></actions></manifest>'
    )


def _package(payload: Payload, *, required: bool) -> str:
    sha256 = f' hash_sha256="{payload.sha256}"' if payload.sha256 else ""
    return (
        f'<package name="{escape(payload.name)}" hash="{_base64(payload.sha1)}"{sha256}'
        f' size="{payload.size}" required="{"true" if required else "false"}"></package>'
    )


def _base64(digest: str) -> str:
    return base64.b64encode(bytes.fromhex(digest)).decode()


def render_error(detail: str) -> bytes:
    """A short document for a request that cannot be answered."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<response protocol="3.0" server="oem-fleet">'
        f"<error>{escape(detail)}</error></response>\n"
    ).encode()
