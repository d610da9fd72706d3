"""What this project asks of its own responses, beyond what both clients would let pass.

Where the clients are forgiving these rules are not: one spelling for everything, a closed
vocabulary, and nothing that a proxy, an older client or another parser could read differently.
"""

import base64
import binascii
import re
from collections.abc import Callable
from itertools import pairwise, permutations
from xml.etree import ElementTree as ET

DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>'
OS_PAYLOAD = "flatcar_production_update.gz"

_VERSION = re.compile(r"\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]+)?", re.ASCII)


class Unsound(AssertionError):
    """A response of ours breaks a rule of ours."""


def _base64_of(length: int) -> Callable[[str], bool]:
    def holds(text: str) -> bool:
        try:
            digest = base64.b64decode(text, validate=True)
        except binascii.Error:
            return False
        # Encoded anew, so that only the one canonical spelling passes.
        return len(digest) == length and base64.b64encode(digest).decode() == text

    return holds


def _shaped(pattern: str) -> Callable[[str], bool]:
    shape = re.compile(pattern, re.ASCII)
    return lambda text: shape.fullmatch(text) is not None


def _is_interval(text: str) -> bool:
    return _shaped(r"[1-9][0-9]{3,4}")(text) and 2700 <= int(text) <= 14400


_ANY = _shaped(r"[^\x00-\x1f]+")
_BOOLEAN = _shaped("true|false")
_OK = _shaped("ok")

# Every element and attribute that we ever send, and what each may say.
_VOCABULARY: dict[str, dict[str, Callable[[str], bool]]] = {
    "response": {"protocol": _shaped(r"3\.0"), "server": _ANY},
    "daystart": {"elapsed_seconds": _shaped(r"[0-9]{1,5}")},
    "app": {"appid": _shaped(r"[^\x00-\x1f]*"), "status": _shaped("ok|error-[A-Za-z]+")},
    "ping": {"status": _OK},
    "event": {"status": _OK},
    "updatecheck": {"status": _shaped("ok|noupdate"), "PollInterval": _is_interval},
    "urls": {},
    "url": {"codebase": _shaped(r"https?://[^\s/?#\"'<>]+(/[^\s/?#\"'<>]+)*/")},
    "manifest": {
        "version": lambda text: _VERSION.fullmatch(text) is not None,
        "is_floor": _BOOLEAN,
        "is_target": _BOOLEAN,
        "floor_reason": _ANY,
    },
    "packages": {},
    "package": {
        "name": _shaped(rf"{re.escape(OS_PAYLOAD)}|(oem|flatcar)-[0-9a-z_.+-]+\.gz"),
        "hash": _base64_of(20),
        "hash_sha256": _shaped("[0-9a-f]{64}"),
        "size": _shaped("[1-9][0-9]*"),
        "required": _BOOLEAN,
    },
    "actions": {},
    "action": {
        "event": _shaped("postinstall"),
        "sha256": _base64_of(32),
        "DisablePayloadBackoff": _BOOLEAN,
    },
}
_PARENTS = {
    "response": {None},
    "daystart": {"response"},
    "app": {"response"},
    "ping": {"app"},
    "event": {"app"},
    "updatecheck": {"app"},
    # Below a manifest only for syncers: each release has a folder of its own.
    "urls": {"updatecheck", "manifest"},
    "url": {"urls"},
    "manifest": {"updatecheck"},
    "packages": {"manifest"},
    "package": {"packages"},
    "actions": {"manifest"},
    "action": {"actions"},
}


def check(body: bytes, *, apps: int = 1, manifests: int = 1) -> ET.Element:
    """Hold a whole response to the rules and return its root; `Unsound` says what broke one.

    `apps` is how many the request had: a node that asks for one must never hear of a second.
    `manifests` is how many an offer may hold: one, except for a syncer that asks for more.
    """
    root = _check_bytes(body)
    _check_words(root, parent=None)
    _rule(len(root.findall("app")) == apps, f"{apps} asked for, another number answered")
    for app in root.findall("app"):
        _check_app(app, manifests)
    return root


def _check_bytes(body: bytes) -> ET.Element:
    _rule(body.startswith(DECLARATION), "nothing may stand before the declaration")
    _rule(body.rstrip(b"\n").endswith(b"</response>"), "a response ends with </response>")
    _rule(b"<!" not in body, "no comment, DOCTYPE or CDATA")
    _rule(body.count(b"<?") == 1, "no processing instruction")
    _rule(b"xmlns" not in body, "no namespace")
    try:
        body.decode("utf-8")
        return ET.fromstring(body)  # noqa: S314 - expat, on bytes that the tested server made
    except (UnicodeDecodeError, ET.ParseError) as error:
        raise Unsound(str(error)) from error


def _check_words(element: ET.Element, parent: str | None) -> None:
    known = _VOCABULARY.get(element.tag)
    _rule(known is not None and parent in _PARENTS[element.tag], f"no <{element.tag}> here")
    for name, value in element.attrib.items():
        allows = (known or {}).get(name)
        _rule(allows is not None and allows(value), f"<{element.tag} {name}={value!r}>")
    texts = [element.text or "", *(child.tail or "" for child in element)]
    _rule(not "".join(texts).strip(), f"<{element.tag}> holds text")
    for child in element:
        _check_words(child, element.tag)


def _check_app(app: ET.Element, manifests: int) -> None:
    _rule({"appid", "status"} <= app.attrib.keys(), "an app has its appid and status")
    checks = app.findall("updatecheck")
    _rule(len(checks) <= 1, "one updatecheck an app")
    refused = all(answer.get("status") == "noupdate" for answer in checks)
    _rule(app.get("status") == "ok" or refused, "an app in error offers nothing")
    for answer in checks:
        _rule(answer.get("status") is not None, "an updatecheck has its status")
        if answer.get("status") == "ok":
            _check_offer(answer, manifests)
        else:
            _rule(answer.find(".//manifest") is None, "no update, no manifest")
            _rule(answer.find(".//url") is None, "no update, no URL")


def _check_offer(answer: ET.Element, most: int) -> None:
    found = answer.findall("manifest")
    _rule(1 <= len(found) <= most, f"{len(found)} manifests where {most} may be")
    _rule(len(answer.findall("urls/url")) >= 1, "an offer has a URL")
    _rule(all(url.get("codebase") for url in answer.findall("urls/url")), "a url has a codebase")
    for manifest in found:
        _check_manifest(manifest)
        multi = {"is_floor", "is_target", "floor_reason"} & manifest.attrib.keys()
        _rule(most > 1 or not multi, "a node hears nothing of floors")
        _rule(most > 1 or manifest.find("urls") is None, "a node's URLs stand above its manifest")
    versions = [_numbers(manifest.get("version", "")) for manifest in found]
    _rule(all(one < other for one, other in pairwise(versions)), "manifests in ascending order")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.split(r"[-+]", version)[0].split("."))


def _check_manifest(manifest: ET.Element) -> None:
    _rule(manifest.get("version") is not None, "a manifest has its version")
    packages = manifest.findall("packages/package")
    names = [package.get("name") for package in packages]
    _rule(names[:1] == [OS_PAYLOAD], "the OS payload stands first")
    for one, other in permutations(names, 2):
        # ue-rs takes the first name that ends as it wishes.
        _rule(not str(one).endswith(str(other)), f"{one} would be taken for {other}")
    for package in packages:
        missing = {"name", "size", "required"} - package.attrib.keys()
        _rule(not missing, f"a package lacks {missing}")
        if package is not packages[0]:
            # Without a hash ue-rs skips the payload in silence, and the update fails on the node.
            _rule("hash_sha256" in package.attrib, f"{package.get('name')} has no hash_sha256")
    actions = manifest.findall("actions/action")
    _rule(len(actions) == 1, "one action")
    _rule({"event", "sha256"} <= actions[0].attrib.keys(), "the action is a complete postinstall")


def _rule(holds: bool, words: str) -> None:  # noqa: FBT001 - an assertion with its sentence
    if not holds:
        raise Unsound(words)
