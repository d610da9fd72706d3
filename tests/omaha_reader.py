"""An Omaha response as Flatcar's two clients read it, and as this project wants it.

`update_engine` reads the answer to its check; ue-rs, called by the post-install step of the new
image, reads the same saved document again for the OEM and extension payloads, and is far stricter.
Both are written down here as rules, from what the real clients were seen to accept and refuse.
Nothing of the product is used, so that no mistake of the product can hide in its judge.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from tests import omaha_rules

EMPTY_ANSWER, NOT_XML, INVALID_ANSWER = 30, 31, 34
SHA1_BYTES, SHA256_BYTES = 20, 32
MIN_POLL_SECONDS, MAX_POLL_SECONDS = 2700, 14400

_UUID = re.compile(r"(?i)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_UNSIGNED = re.compile(r"[0-9]+")
_UE_RS_TRUE = {"true", "t", "yes", "y", "on", "1"}
_UE_RS_FALSE = {"false", "f", "no", "n", "off", "0"}
_UE_RS_ACTIONS = {"preinstall", "install", "postinstall", "update"}


class Refused(ValueError):
    """A client does not accept the response."""


class UpdateEngineRefused(Refused):
    """update_engine refuses, and reports `code` as the error of its check."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(f"update_engine {code}: {why}")
        self.code = code


class UeRsRefused(Refused):
    """ue-rs rejects the whole document: the node goes to the public release server instead."""

    def __init__(self, why: str) -> None:
        super().__init__(f"ue-rs: {why}")


class UeRsPanicked(UeRsRefused):
    """ue-rs does not even reject, it crashes."""


@dataclass(frozen=True)
class NoUpdate:
    """update_engine was told that there is nothing newer."""

    poll_seconds: int


@dataclass(frozen=True)
class Offer:
    """What update_engine keeps of an offer: everything that it later compares or downloads."""

    urls: tuple[str, ...]
    name: str
    size: int
    sha256: str
    disables_backoff: bool
    version: str
    poll_seconds: int


@dataclass(frozen=True)
class Package:
    """A package as ue-rs reads it; digests are bytes, None where the document has none."""

    name: str
    size: int
    is_required: bool
    sha1: bytes | None
    sha256: bytes | None


@dataclass(frozen=True)
class Document:
    """What ue-rs keeps of a response: the first URL and the last manifest."""

    url: str
    version: str
    packages: tuple[Package, ...]


def read_as_update_engine(body: bytes) -> Offer | NoUpdate:
    """Read the answer to an update check; `UpdateEngineRefused` has the client's error code.

    Paths are fixed and the first node of each wins, whatever application it stands in; app ids
    and app statuses are not looked at.
    """
    if not body:
        raise UpdateEngineRefused(EMPTY_ANSWER, "no body")
    try:
        root = ET.fromstring(body)  # noqa: S314 - expat, on bytes that the tested server made
    except ET.ParseError as error:
        raise UpdateEngineRefused(NOT_XML, str(error)) from error
    check = root.find("app/updatecheck") if root.tag == "response" else None
    if check is None:
        raise UpdateEngineRefused(INVALID_ANSWER, "no /response/app/updatecheck")
    poll = _poll_seconds(check.get("PollInterval", ""))
    match check.get("status"):
        case "noupdate":
            return NoUpdate(poll)
        case "ok":
            return _read_offer(root, poll)
        case status:
            raise UpdateEngineRefused(INVALID_ANSWER, f"updatecheck status {status!r}")


def _poll_seconds(text: str) -> int:
    seconds = int(text) if _UNSIGNED.fullmatch(text) else 0
    return min(max(seconds, MIN_POLL_SECONDS), MAX_POLL_SECONDS)


def _read_offer(root: ET.Element, poll_seconds: int) -> Offer:
    above = "app/updatecheck"
    urls = tuple(url.get("codebase", "") for url in root.findall(f"{above}/urls/url"))
    if not urls or not all(urls):
        raise UpdateEngineRefused(INVALID_ANSWER, "no codebase, or an empty one")
    manifest = root.find(f"{above}/manifest")
    package = root.find(f"{above}/manifest/packages/package")
    if manifest is None or package is None:
        raise UpdateEngineRefused(INVALID_ANSWER, "no package")
    name, size = package.get("name", ""), package.get("size", "")
    if not name or not _UNSIGNED.fullmatch(size) or not int(size):
        raise UpdateEngineRefused(INVALID_ANSWER, "the first package lacks its name or size")
    actions = root.findall(f"{above}/manifest/actions/action")
    postinstall = next((act for act in actions if act.get("event") == "postinstall"), None)
    if postinstall is None or not postinstall.get("sha256"):
        raise UpdateEngineRefused(INVALID_ANSWER, "no postinstall action with a sha256")
    return Offer(
        urls=tuple(url if url.endswith("/") else f"{url}/" for url in urls),
        name=name,
        size=int(size),
        sha256=postinstall.get("sha256", ""),
        disables_backoff=postinstall.get("DisablePayloadBackoff") == "true",
        version=manifest.get("version", ""),
        poll_seconds=poll_seconds,
    )


def read_as_ue_rs(body: bytes) -> Document:
    """Read a saved response for its OEM and extension payloads; `UeRsRefused` says what broke it.

    One bad attribute anywhere spoils the whole document, in any application and any package.
    """
    try:
        root = ET.fromstring(body)  # noqa: S314 - as above
    except ET.ParseError as error:
        raise UeRsRefused(str(error)) from error
    if root.tag != "response":
        raise UeRsRefused("no <response>")
    _needed(root, "protocol")
    documents = [_read_app(app) for app in root.findall("app")]
    if not documents:
        raise UeRsRefused("no <app>")
    return documents[0]


def _read_app(app: ET.Element) -> Document:
    appid = _needed(app, "appid")
    if not _UUID.fullmatch(appid.removeprefix("{").removesuffix("}")):
        raise UeRsRefused(f"appid {appid!r} is no UUID")
    _needed(app, "status")
    check = _child(app, "updatecheck")
    _needed(check, "status")
    urls = [_needed(url, "codebase") for url in _child(check, "urls").findall("url")]
    if not urls or not urls[0]:
        raise UeRsRefused("no URL")
    manifests = [_read_manifest(manifest, urls[0]) for manifest in check.findall("manifest")]
    if not manifests:
        raise UeRsRefused("<updatecheck> has no <manifest>")
    return manifests[-1]


def _read_manifest(manifest: ET.Element, url: str) -> Document:
    version = _needed(manifest, "version")
    packages = [_read_package(each) for each in _child(manifest, "packages").findall("package")]
    for action in _child(manifest, "actions").findall("action"):
        _check_action(action)
    return Document(url, version, tuple(packages))


def _read_package(package: ET.Element) -> Package:
    size = _needed(package, "size")
    if not _UNSIGNED.fullmatch(size):
        raise UeRsRefused(f"size {size!r} is no unsigned number")
    sha1, sha256 = package.get("hash"), package.get("hash_sha256")
    return Package(
        name=_needed(package, "name"),
        size=int(size),
        is_required=_boolean(_needed(package, "required")),
        sha1=None if sha1 is None else _base64(sha1, SHA1_BYTES),
        sha256=None if sha256 is None else _hex(sha256, SHA256_BYTES),
    )


def _check_action(action: ET.Element) -> None:
    if (event := _needed(action, "event")) not in _UE_RS_ACTIONS:
        raise UeRsRefused(f"action event {event!r}")
    _base64(_needed(action, "sha256"), SHA256_BYTES)
    _boolean(action.get("DisablePayloadBackoff", "false"))


def _needed(element: ET.Element, attribute: str) -> str:
    value = element.get(attribute)
    if value is None:
        raise UeRsRefused(f"<{element.tag}> has no {attribute}")
    return value


def _child(element: ET.Element, tag: str) -> ET.Element:
    child = element.find(tag)
    if child is None:
        raise UeRsRefused(f"<{element.tag}> has no <{tag}>")
    return child


def _boolean(word: str) -> bool:
    if word not in _UE_RS_TRUE | _UE_RS_FALSE:
        raise UeRsRefused(f"{word!r} is no boolean word")
    return word in _UE_RS_TRUE


def _base64(text: str, length: int) -> bytes:
    try:
        digest = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise UeRsRefused(f"{text!r} is no base64") from error
    if len(digest) != length:
        raise UeRsRefused(f"{text!r} has {len(digest)} bytes and not {length}")
    return digest


def _hex(text: str, length: int) -> bytes:
    if len(text) % 2:
        raise UeRsPanicked(f"{text!r} is hex of odd length")
    try:
        digest = bytes.fromhex(text)
    except ValueError as error:
        raise UeRsRefused(f"{text!r} is no hex") from error
    if len(digest) != length:
        raise UeRsRefused(f"{text!r} has {len(digest)} bytes and not {length}")
    return digest


def read_both(body: bytes) -> Offer | NoUpdate:
    """Read the answer to a check as a node does from end to end, and hold it to our own rules.

    A node hands an offer on to ue-rs only, and then both must have read the same.
    """
    omaha_rules.check(body)
    heard = read_as_update_engine(body)
    if isinstance(heard, Offer):
        document = read_as_ue_rs(body)
        first = document.packages[0]
        if (heard.urls[0], heard.version, heard.name, heard.size) != (
            document.url,
            document.version,
            first.name,
            first.size,
        ):
            raise Refused(f"the clients disagree: {heard} and {document}")
    return heard
