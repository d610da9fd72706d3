"""Advisories: which versions of a package have a known hole, in the format of osv.dev.

Of OSV's schema 1.x it takes what is about Gentoo's packages, by their category and name: ranges of
the type ECOSYSTEM, and single versions. What is about other ecosystems is left out.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from oemupdates.domain.ebuild import BadVersion, order

ECOSYSTEM = "Gentoo"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{1,63}", re.ASCII)
_PACKAGE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9+_.-]*/[A-Za-z0-9_][A-Za-z0-9+_-]*", re.ASCII)
_MOST_LINE, _MOST_DETAILS, _MOST = 300, 20_000, 200
_FIRST = "0"  # OSV's word for the first version of all


class BadAdvisory(ValueError):
    """What was given is no advisory that can be matched."""


@dataclass(frozen=True, slots=True)
class Range:
    """Versions from one on, `before` another or up to and with the `last`; empty for no end."""

    since: str
    before: str = ""
    last: str = ""

    def holds(self, version: str) -> bool:
        """Whether a version is in it."""
        here = order(version)
        if self.since != _FIRST and here < order(self.since):
            return False
        if self.before:
            return here < order(self.before)
        return not self.last or here <= order(self.last)


@dataclass(frozen=True, slots=True)
class Affected:
    """The versions of one package that have the hole."""

    package: str
    ranges: tuple[Range, ...]
    versions: frozenset[str]

    def holds(self, version: str) -> bool:
        """Whether a version has it; what is no version does not, and is none of Gentoo's."""
        if version in self.versions:
            return True
        try:
            return any(one.holds(version) for one in self.ranges)
        except BadVersion:
            return False


@dataclass(frozen=True, slots=True)
class Advisory:
    """One hole: since when it is known, in which packages, and where that is said."""

    id: str
    summary: str
    details: str
    published_at: datetime
    modified_at: datetime
    withdrawn_at: datetime | None
    aliases: tuple[str, ...]
    links: tuple[str, ...]
    affected: tuple[Affected, ...]
    is_exploited: bool

    @property
    def packages(self) -> frozenset[str]:
        """The packages that it is about."""
        return frozenset(one.package for one in self.affected)

    @property
    def fixed_in(self) -> tuple[str, ...]:
        """The versions with which it ends, the lowest first."""
        ends = {one.before for each in self.affected for one in each.ranges if one.before}
        return tuple(sorted(ends, key=order))

    def holds(self, package: str, version: str) -> bool:
        """Whether a version of a package has the hole."""
        return any(one.package == package and one.holds(version) for one in self.affected)


def read(said: object) -> Advisory:
    """Read an advisory in OSV's format; raises `BadAdvisory` with what is wrong of it."""
    if not isinstance(said, dict):
        raise BadAdvisory("An advisory is a JSON object, as osv.dev describes it.")
    name = said.get("id")
    if not isinstance(name, str) or not _ID.fullmatch(name):
        raise BadAdvisory("`id` is 2 to 64 letters, digits and . _ : -, such as CVE-2025-41244.")
    affected = tuple(_affected(said))
    if not affected:
        raise BadAdvisory(
            f"{name} is about no package of the ecosystem {ECOSYSTEM}, so nothing can be matched."
        )
    own = said.get("database_specific")
    modified = _time(said, "modified")
    if modified is None:
        raise BadAdvisory(f"{name} does not say when it was `modified`.")
    return Advisory(
        name,
        _text(said, "summary", _MOST_LINE),
        _text(said, "details", _MOST_DETAILS),
        _time(said, "published") or modified,
        modified,
        _time(said, "withdrawn"),
        tuple(str(one) for one in _list(said, "aliases") if _ID.fullmatch(str(one))),
        tuple(_links(said)),
        affected,
        isinstance(own, dict) and own.get("known_exploited") is True,
    )


def _affected(said: dict[str, Any]) -> Iterator[Affected]:
    for one in _list(said, "affected"):
        package = one.get("package") if isinstance(one, dict) else None
        if not isinstance(package, dict):
            raise BadAdvisory("Each of `affected` names its `package`.")
        if str(package.get("ecosystem")).partition(":")[0] != ECOSYSTEM:
            continue
        name = package.get("name")
        if not isinstance(name, str) or len(name) > _MOST or not _PACKAGE.fullmatch(name):
            raise BadAdvisory(f"A package is `category/name`, and not {str(name)[:80]!r}.")
        ranges = tuple(_ranges(one))
        versions = frozenset(_version(version) for version in _list(one, "versions"))
        if not ranges and not versions:
            raise BadAdvisory(f"It says of no version that {name} has the hole.")
        yield Affected(name, ranges, versions)


def _ranges(said: dict[str, Any]) -> Iterator[Range]:
    """Events are pairs: since which version, and with which it ends."""
    for one in _list(said, "ranges"):
        if not isinstance(one, dict) or one.get("type") != "ECOSYSTEM":
            raise BadAdvisory("Each of `ranges` is of the `type` ECOSYSTEM.")
        since = ""
        for event in _list(one, "events"):
            kind, version = _event(event)
            if kind == "introduced":
                if since:
                    yield Range(since)
                since = version
            elif not since:
                raise BadAdvisory(f"`{kind}` {version} comes before an `introduced`.")
            else:
                is_fix = kind == "fixed"
                yield Range(since, version if is_fix else "", "" if is_fix else version)
                since = ""
        if since:
            yield Range(since)


def _event(event: object) -> tuple[str, str]:
    if isinstance(event, dict) and len(event) == 1:
        kind, version = next(iter(event.items()))
        if kind in {"introduced", "fixed", "last_affected"}:
            return kind, _version(version)
    raise BadAdvisory("Each of `events` says `introduced`, `fixed` or `last_affected`, once.")


def _version(version: object) -> str:
    try:
        order(version if isinstance(version, str) else "")
    except BadVersion as error:
        raise BadAdvisory(str(error)) from error
    return str(version)


def _list(said: dict[str, Any], name: str) -> list[Any]:
    found = said.get(name, [])
    if found is None:
        return []
    if not isinstance(found, list) or len(found) > _MOST:
        raise BadAdvisory(f"`{name}` is a list of at most {_MOST}.")
    return found


def _text(said: dict[str, Any], name: str, most: int) -> str:
    found = said.get(name) or ""
    if not isinstance(found, str):
        raise BadAdvisory(f"`{name}` is a text.")
    return "".join(one for one in found if one.isprintable() or one == "\n")[:most]


def _links(said: dict[str, Any]) -> Iterator[str]:
    for one in _list(said, "references"):
        url = one.get("url") if isinstance(one, dict) else None
        if isinstance(url, str) and len(url) <= _MOST_LINE and url.isprintable():
            yield from [url] if url.startswith(("https://", "http://")) else []


def _time(said: dict[str, Any], name: str) -> datetime | None:
    found = said.get(name)
    if found is None:
        return None
    try:
        return datetime.fromisoformat(str(found)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise BadAdvisory(f"`{name}` is a time like 2025-09-29T00:00:00Z.") from error
