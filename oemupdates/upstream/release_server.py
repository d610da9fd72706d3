"""What a release server publishes beside its payloads: sums, version, package lists, notes.

Facts of Flatcar's servers: `<payloads>/<board>/<version>/<file>` with `<file>.sha256`;
`<images>/<board>/<version>/version.txt` and `<name>_packages.txt`; a feed of all releases in JSON.
"""

import json
import re
from dataclasses import dataclass
from datetime import date

from oemupdates.upstream.session import Absent, Session, Unreachable

_SUM_BYTES, _VERSION_BYTES, _LIST_BYTES = 4096, 64 * 1024, 2 * 1024 * 1024
_FEED_BYTES = 64 * 1024 * 1024
_MAX_NOTES = 512 * 1024
_SUM = re.compile(r"([0-9a-fA-F]{64})(?:\s+\*?(\S+))?\s*", re.ASCII)
CHANNEL = "{channel}"


@dataclass(frozen=True, slots=True)
class Notes:
    """What the feed says of a release: its notes, and the day on which it was published."""

    text: str
    published_on: date | None


def folder(server: str, board: str, version: str, channel: str = "") -> str:
    """The URL of a release's folder; `{channel}` in a server's address is the channel's name."""
    return f"{server.replace(CHANNEL, channel).rstrip('/')}/{board}/{version}/"


def sha256(session: Session, url: str) -> str:
    """The SHA-256 that the `.sha256` beside a file says; raises `Absent` if it is not there."""
    text = session.get(f"{url}.sha256", most=_SUM_BYTES).decode("utf-8", "replace")
    name = url.rpartition("/")[2]
    for line in text.splitlines():
        match = _SUM.fullmatch(line.strip())
        if match and (match[2] or name).rpartition("/")[2] == name:
            return match[1].lower()
    raise Unreachable(f"{url}.sha256 holds no SHA-256 of {name}.")


def size(session: Session, url: str) -> int:
    """How many bytes a file has."""
    with session.stream("HEAD", url) as answer:
        if not answer.length:
            raise Unreachable(f"{url} does not say how long it is.")
        return answer.length


def version(session: Session, url: str) -> str | None:
    """The version that a folder's `version.txt` says; None if there is no such file."""
    try:
        text = session.get(f"{url}version.txt", most=_VERSION_BYTES).decode("utf-8", "replace")
    except Absent:
        return None
    values = dict(line.partition("=")[::2] for line in text.splitlines() if "=" in line)
    found = values.get("FLATCAR_VERSION", "").strip("\"' ")
    if not found:
        raise Unreachable(f"{url}version.txt says no FLATCAR_VERSION.")
    return found


def packages(session: Session, url: str, name: str) -> str | None:
    """The list of packages that an image holds, a line each; None if none is published."""
    try:
        found = session.get(f"{url}{name}_packages.txt", most=_LIST_BYTES)
    except Absent:
        return None
    text = found.decode("utf-8", "replace").replace("\x00", "")
    return text if text.strip() and not text.lstrip().startswith("<") else None


def notes(session: Session, feed: str, version: str, channel: str = "") -> Notes | None:
    """What the feed of releases says of a version; None if it does not know it."""
    url = feed.replace(CHANNEL, channel)
    content = session.get(url, most=_FEED_BYTES)
    try:
        known = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Unreachable(f"{url} holds no JSON.") from error
    entry = known.get(version) if isinstance(known, dict) else None
    if not isinstance(entry, dict):
        return None
    text = entry.get("release_notes")
    return Notes(
        text.replace("\x00", "")[:_MAX_NOTES] if isinstance(text, str) else "",
        _day(entry.get("release_date")),
    )


def _day(text: object) -> date | None:
    try:
        return date.fromisoformat(str(text)[:10])
    except ValueError:
        return None
