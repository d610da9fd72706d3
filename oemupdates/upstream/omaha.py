"""Asking another update server what a channel has, as an update server does: Omaha 3.0.

The answer is a stranger's: bounded before it is parsed, without a DOCTYPE, where entities would be
declared, and taken only if every value in it has the form that it must have. What ours says to
syncers is in `omaha.protocol.offer_to_syncer`; Nebraska has one codebase above all its manifests.
"""

import base64
import binascii
import re
import uuid
from dataclasses import dataclass, replace
from html import escape
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.domain.version import BadVersion, parse
from oemupdates.upstream.session import Session

MAX_BYTES = 1024 * 1024
_MAX_DEPTH, _MAX_ELEMENTS, _MAX_ATTRIBUTES = 16, 5000, 64
_MAX_MANIFESTS, _MAX_URLS = 64, 16
_MAX_SIZE = 64 * 1024**3
_MAX_REASON = 500
_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z._+-]{0,127}", re.ASCII)
# What Nebraska calls a payload that it hosts; nodes ask for what comes behind.
_HOSTED = re.compile(r"extrafile-(?:amd64|arm64|aarch64)-[0-9][0-9A-Za-z.+]*-(?P<name>.+)")
_SHA1_BYTES, _SHA256_BYTES = 20, 32
_MACHINES = {"amd64": ("x64", "x86_64"), "arm64": ("arm", "aarch64")}


class BadAnswer(Exception):
    """An answer that cannot be believed, or that is a refusal; the text says what it says."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: which channel of which application, and who asks."""

    appid: uuid.UUID
    track: str
    architecture: str
    machine_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class Package:
    """A file of a release. Hashes are lower-case hex; at least one of them is known.

    `name` is what nodes ask for, `remote_name` what it is called over there.
    """

    name: str
    remote_name: str
    size: int
    sha1: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """A release as announced: the OS payload stands first. Codebases end with a slash."""

    version: str
    packages: tuple[Package, ...]
    codebases: tuple[str, ...] = ()
    is_floor: bool = False
    is_target: bool = False
    floor_reason: str = ""

    @property
    def size(self) -> int:
        """How many bytes all files have together."""
        return sum(package.size for package in self.packages)


@dataclass(frozen=True, slots=True)
class Offered:
    """What a channel has: its floors in ascending order, and its target, which may be none."""

    floors: tuple[Manifest, ...] = ()
    target: Manifest | None = None


def ask(session: Session, address: str, question: Question) -> Offered:
    """Ask for all that a channel has; raises `BadAnswer` or `Unreachable`."""
    return read(session.post(address, render(question), most=MAX_BYTES), question)


def render(question: Question) -> bytes:
    """The request: of version 0.0.0, so that everything is newer, and taking several manifests."""
    omaha_name, machine = _MACHINES[question.architecture]
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<request protocol="3.0" version="oem-fleet" updaterversion="oem-fleet"'
        ' installsource="scheduler" ismachine="1">'
        f'<os platform="CoreOS" version="Chateau" sp="0.0.0_{machine}" arch="{omaha_name}"></os>'
        f'<app appid="{{{question.appid}}}" version="0.0.0" track="{escape(question.track)}"'
        f' board="{question.architecture}-usr" machineid="{question.machine_id.hex}"'
        f' bootid="{{{uuid.uuid4()}}}" multi_manifest_ok="true">'
        "<updatecheck></updatecheck></app></request>\n"
    ).encode()


def read(body: bytes, question: Question) -> Offered:
    """Read an answer; `BadAnswer` says what is wrong with it, or what it refuses."""
    app = _app(_tree(body), question.appid)
    status = app.get("status", "")
    if status != "ok":
        raise BadAnswer(f"It answers {status[:100]!r} for {{{question.appid}}}.")
    check = app.find("updatecheck")
    if check is None:
        raise BadAnswer("Its answer holds no <updatecheck>.")
    status = check.get("status", "")
    if status == "noupdate":
        return Offered()
    if status != "ok":
        raise BadAnswer(f"It answers {status[:100]!r} for {question.track}.")
    return _offered(check)


def _app(root: Element, appid: uuid.UUID) -> Element:
    for app in root.findall("app"):
        if app.get("appid", "").strip("{} ").lower() == str(appid):
            return app
    raise BadAnswer("Its answer is for another application.")


def _offered(check: Element) -> Offered:
    above = _codebases(check)
    elements = check.findall("manifest")
    if not 0 < len(elements) <= _MAX_MANIFESTS:
        raise BadAnswer(f"Its answer holds {len(elements)} manifests.")
    found = sorted((_manifest(one) for one in elements), key=lambda one: parse(one.version))
    if len({parse(one.version) for one in found}) < len(found):
        raise BadAnswer("Its answer holds two manifests of one version.")
    target = _target(found)
    found = [_with_codebases(one, above, target) for one in found]
    target = _target(found)
    return Offered(
        tuple(
            one
            for one in found
            if one.is_floor and (target is None or parse(one.version) <= parse(target.version))
        ),
        target,
    )


def _with_codebases(
    manifest: Manifest, above: tuple[str, ...], target: Manifest | None
) -> Manifest:
    """A manifest that says no codebase with those that it may mean; hashes tell if it does.

    The codebase above all manifests is the target's; other releases have folders of their own.
    """
    if manifest.codebases:
        return manifest
    if target is None or manifest is target:
        return replace(manifest, codebases=above)
    own = (url.replace(f"/{target.version}/", f"/{manifest.version}/") for url in above)
    return replace(manifest, codebases=tuple(dict.fromkeys((*own, *above))))


def _target(found: list[Manifest]) -> Manifest | None:
    targets = [one for one in found if one.is_target]
    if len(targets) > 1:
        raise BadAnswer("Its answer holds two targets.")
    plain = [one for one in found if not one.is_floor]
    return targets[0] if targets else plain[-1] if plain else None


def _manifest(element: Element) -> Manifest:
    version = element.get("version", "")
    try:
        parse(version)
    except BadVersion as error:
        raise BadAnswer(f"{error}.") from None
    elements = element.findall("packages/package")
    if not elements:
        raise BadAnswer(f"Its manifest of {version} names no file.")
    packages = [_package(one, version, is_os=index == 0) for index, one in enumerate(elements)]
    action = element.find("actions/action[@event='postinstall']")
    sha256 = "" if action is None else action.get("sha256", "")
    packages[0] = _with_os_hash(packages[0], sha256, version)
    for package in packages:
        if not package.sha1 and not package.sha256:
            raise BadAnswer(f"It says no hash of {package.name} of {version}.")
    if len({package.name for package in packages}) < len(packages):
        raise BadAnswer(f"Its manifest of {version} names a file twice.")
    reason = " ".join(element.get("floor_reason", "").split())[:_MAX_REASON]
    return Manifest(
        version=version,
        packages=tuple(packages),
        codebases=_codebases(element),
        is_floor=element.get("is_floor") == "true",
        is_target=element.get("is_target") == "true",
        floor_reason="".join(filter(str.isprintable, reason)),
    )


def _with_os_hash(package: Package, sha256: str, version: str) -> Package:
    """The OS payload with its SHA-256, which is in an action and not beside its name."""
    if not sha256:
        return package
    digest = _digest(sha256, _SHA256_BYTES, f"{package.remote_name} of {version}")
    if package.sha256 not in {"", digest}:
        raise BadAnswer(f"It says two different hashes of {package.remote_name} of {version}.")
    return replace(package, sha256=digest)


def _package(element: Element, version: str, *, is_os: bool) -> Package:
    name = element.get("name", "")
    if not _NAME.fullmatch(name):
        raise BadAnswer(f"{name[:100]!r}, of {version}, is no name of a file.")
    size = element.get("size", "")
    if not size.isascii() or not size.isdigit() or not 0 < int(size[:20]) <= _MAX_SIZE:
        raise BadAnswer(f"{size[:40]!r} is no size of {name} of {version}.")
    hosted = _HOSTED.fullmatch(name)
    what = f"{name} of {version}"
    return Package(
        name=OS_PAYLOAD if is_os else hosted["name"] if hosted else name,
        remote_name=name,
        size=int(size),
        sha1=_digest(element.get("hash", ""), _SHA1_BYTES, what),
        sha256=_digest(
            element.get("hash_sha256", "") or element.get("sha256", ""), _SHA256_BYTES, what
        ),
    )


def _digest(text: str, length: int, what: str) -> str:
    """A digest in hex or in base64 as lower-case hex; empty if nothing is said."""
    if not text:
        return ""
    try:
        if len(text) == 2 * length:
            return bytes.fromhex(text).hex()
        digest = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        digest = b""
    if len(digest) != length:
        raise BadAnswer(f"{text[:100]!r} is no hash of {what}.")
    return digest.hex()


def _codebases(element: Element) -> tuple[str, ...]:
    found = [url.get("codebase", "").strip() for url in element.findall("urls/url")][:_MAX_URLS]
    return tuple(dict.fromkeys(url.rstrip("/") + "/" for url in found if url))


def _tree(body: bytes) -> Element:
    """The elements of a document, as far as ours are bounded."""
    builder, depth, count = TreeBuilder(), 0, 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth, count
        depth, count = depth + 1, count + 1
        if depth > _MAX_DEPTH or count > _MAX_ELEMENTS or len(attributes) > _MAX_ATTRIBUTES:
            raise BadAnswer("Its answer is larger than any.")
        builder.start(name, attributes)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(name)

    def doctype(*_: object) -> None:
        raise BadAnswer("Its answer has a DOCTYPE, where no update server has one.")

    parser = expat.ParserCreate("utf-8")
    parser.StartDoctypeDeclHandler = doctype
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    try:
        parser.Parse(body, True)  # noqa: FBT003 - the parser's own signature
    except expat.ExpatError as error:
        raise BadAnswer(f"Its answer is no XML: {error}.") from error
    root = builder.close()
    if root.tag != "response":
        raise BadAnswer("Its answer is no Omaha response.")
    return root
