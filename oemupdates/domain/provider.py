"""Identity providers: who else may say who somebody is, and what their groups are worth here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from oemupdates.domain.access import Role
from oemupdates.domain.address import holds_secret
from oemupdates.domain.provider_text import BadProvider, Section

GITHUB, GITHUB_API = "https://github.com", "https://api.github.com"
EVERYWHERE_ALONE = {Role.ADMIN, Role.AUDITOR}


class Kind(StrEnum):
    """How a provider is spoken to."""

    OPENID = "openid"
    GITHUB = "github"


_SCOPES = {Kind.OPENID: ("openid", "profile"), Kind.GITHUB: ("read:user", "read:org")}


@dataclass(frozen=True, slots=True)
class Provider:
    """One identity provider, as whoever runs this server describes it."""

    id: str  # in addresses, and beside the roles that come from it
    name: str  # on the button
    kind: Kind
    address: str  # the issuer; of GitHub, where its pages are
    client_id: str
    secret: str = field(repr=False)
    roles: Mapping[str, tuple[str, ...]]  # of each group: `role`, or `role@track` for one group
    api: str = ""
    scopes: tuple[str, ...] = ()
    groups_claim: str = "groups"
    # What its word is worth besides: for a second factor, and for "it is still the same person".
    has_second_factor: bool = False
    second_factor_acr: tuple[str, ...] = ()
    log_in_proves: bool = False
    ca_file: str = ""
    proxy: str = ""

    @property
    def can_prove(self) -> bool:
        """Whether it can say that it is still the same person: GitHub asks nobody anew."""
        return self.kind is Kind.OPENID or self.log_in_proves

    def entries(self, groups: frozenset[str]) -> set[str]:
        """What somebody in these groups is to the fleet: `role`, or `role@track`."""
        told = {group.lower() for group in groups} if self.kind is Kind.GITHUB else groups
        return {entry for group in told for entry in self.roles.get(group, ())}


def read(
    text: Mapping[str, Any], *, read_file: Callable[[str], str], allow_http: bool
) -> tuple[Provider, ...]:
    """The providers of a file, a table each; raises `BadProvider`.

    `allow_http` lets one on this very machine be spoken to without TLS: for development.
    """
    return tuple(
        _provider(Section(name, table, read_file), allow_http=allow_http)
        for name, table in text.items()
    )


def leads_safely(address: str, *, to: str) -> bool:
    """Whether a provider may name an address as its own: one with TLS, as its own has."""
    if urlsplit(to).scheme == "https":
        return bool(urlsplit(to).hostname)
    return not is_encrypted(address) and _is_loopback(to)


def is_encrypted(address: str) -> bool:
    """Whether an address is spoken to with TLS."""
    return urlsplit(address).scheme == "https"


def _provider(section: Section, *, allow_http: bool) -> Provider:
    kind = section.choice("kind", Kind, default=Kind.OPENID)
    is_github = kind is Kind.GITHUB
    address = section.text("url", default=GITHUB) if is_github else section.text("issuer")
    # An issuer is compared letter by letter with what tokens say: nothing is cut off here.
    address = address.rstrip("/") if is_github else address
    default_api = GITHUB_API if address == GITHUB else f"{address}/api/v3"
    scopes = section.texts("scopes", default=_SCOPES[kind])
    if not is_github and "openid" not in scopes:
        raise BadProvider(f"{section.name}: scopes without openid bring no identity token")
    found = Provider(
        id=section.name,
        name=section.text("name", default="GitHub" if is_github else section.name),
        kind=kind,
        address=_safe(section, address, allow_http=allow_http),
        client_id=section.text("client_id"),
        secret=section.secret("client_secret"),
        roles=_roles(section, is_github=is_github),
        api=_safe(section, section.text("api", default=default_api), allow_http=allow_http)
        if is_github
        else "",
        scopes=scopes,
        groups_claim="" if is_github else section.text("groups_claim", default="groups"),
        has_second_factor=section.switch("has_second_factor"),
        second_factor_acr=() if is_github else section.texts("second_factor_acr", default=()),
        log_in_proves=section.switch("log_in_proves"),
        ca_file=section.text("ca_file", default=""),
        proxy=section.text("proxy", default=""),
    )
    section.nothing_else()
    return found


def _safe(section: Section, address: str, *, allow_http: bool) -> str:
    parts = urlsplit(address)
    if parts.query or parts.fragment or holds_secret(parts) or not parts.hostname:
        raise BadProvider(f"{section.name}: {address!r} is no address of a provider")
    if parts.scheme == "https" or (allow_http and _is_loopback(address)):
        return address
    raise BadProvider(
        f"{section.name}: {address!r} must begin with https:// (http:// is for a provider on this"
        " machine, of a server that is not reached by https itself)"
    )


def _is_loopback(address: str) -> bool:
    parts = urlsplit(address)
    if parts.scheme != "http" or not parts.hostname:
        return False
    try:
        return ip_address(parts.hostname).is_loopback
    except ValueError:
        return parts.hostname == "localhost"


def _roles(section: Section, *, is_github: bool) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for group, entries in section.lists("roles").items():
        for entry in entries:
            role, _, track = entry.partition("@")
            if role not in set(Role) or (entry != role and not track):
                raise BadProvider(
                    f"{section.name}: {entry!r} of {group!r} is no role: one of"
                    f" {', '.join(Role)}, or one of them with @ and a group's track"
                )
            if track and role in EVERYWHERE_ALONE:
                raise BadProvider(f"{section.name}: an {role} is one everywhere, not in {track!r}")
        found[group.lower() if is_github else group] = entries
    if not found:
        raise BadProvider(f"{section.name}: roles say which group is what here, and there is none")
    return found
