"""What a node makes of an answer: update_engine's reading for the OS, post-install's for OEMs."""

import base64
import binascii
from dataclasses import dataclass
from xml.etree import ElementTree

EMPTY, NOT_XML, INVALID = 30, 31, 34


class BadAnswer(Exception):
    """An answer that the client reports as an error; `code` is the error code it sends."""

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code


@dataclass(frozen=True, slots=True)
class Package:
    """One file of an offer; hashes are lower-case hex and empty where the answer has none."""

    name: str
    size: int
    sha1: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """An update as offered. The OS payload is the first package, and `sha256` is its own."""

    version: str
    codebases: tuple[str, ...]
    packages: tuple[Package, ...]
    disables_backoff: bool = False

    def package_ending(self, suffix: str) -> Package | None:
        """The first package whose name ends so: prefixed names count, as they do on nodes."""
        return next((found for found in self.packages[1:] if found.name.endswith(suffix)), None)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to a check: an offer or none, and the interval the server asks for."""

    offer: Offer | None = None
    poll_interval: int | None = None


def read(body: bytes) -> Answer:
    """Read the answer to an update check; `BadAnswer` where the client would report one."""
    if not body:
        raise BadAnswer(EMPTY, "the answer is empty")
    try:
        root = ElementTree.fromstring(body)  # noqa: S314 - the answer of the server under test
    except ElementTree.ParseError as error:
        raise BadAnswer(NOT_XML, str(error)) from error
    check = root.find("./app/updatecheck") if root.tag == "response" else None
    status = None if check is None else check.get("status")
    if check is None or status not in {"ok", "noupdate"}:
        raise BadAnswer(INVALID, f"the update check's status is {status}")
    interval = check.get("PollInterval", "")
    return Answer(
        _read_offer(check) if status == "ok" else None,
        int(interval) if interval.isdigit() else None,
    )


def _read_offer(check: ElementTree.Element) -> Offer:
    codebases = tuple(url.get("codebase", "") for url in check.findall("./urls/url"))
    found = [_read_package(package) for package in check.iterfind("./manifest/packages/package")]
    action = check.find("./manifest/actions/action[@event='postinstall']")
    if not codebases or not all(codebases):
        raise BadAnswer(INVALID, "a codebase is empty or missing")
    if not found or not found[0].name or found[0].size <= 0:
        raise BadAnswer(INVALID, "the first package has no name or size")
    if action is None or not action.get("sha256"):
        raise BadAnswer(INVALID, "no postinstall action with a sha256")
    os_payload = Package(
        found[0].name, found[0].size, found[0].sha1, _hex(action.get("sha256", ""))
    )
    manifest = check.find("./manifest")
    return Offer(
        version="" if manifest is None else manifest.get("version", ""),
        codebases=tuple(url if url.endswith("/") else f"{url}/" for url in codebases),
        packages=(os_payload, *found[1:]),
        disables_backoff=action.get("DisablePayloadBackoff") == "true",
    )


def _read_package(package: ElementTree.Element) -> Package:
    size = package.get("size", "")
    return Package(
        package.get("name", ""),
        int(size) if size.isdigit() else 0,
        _hex(package.get("hash", "")),
        package.get("hash_sha256", ""),
    )


def _hex(encoded: str) -> str:
    """Base64 to hex; what is no base64 stays as it is, and matches no digest."""
    try:
        return base64.b64decode(encoded, validate=True).hex()
    except binascii.Error:
        return encoded
