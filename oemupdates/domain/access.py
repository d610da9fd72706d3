"""Who may do what: roles, and the permissions that each of them has."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Permission(StrEnum):
    """One kind of thing that a page or a script may ask for."""

    READ_FLEET = "fleet.read"
    READ_RAW = "raw.read"
    OPERATE_NODES = "nodes.operate"
    OPERATE_GROUPS = "groups.operate"
    CHANGE_FLEET = "fleet.change"
    READ_SECURITY = "security.read"
    ADMINISTER = "server.administer"


PERMISSIONS = {
    Permission.READ_FLEET: "See nodes, groups, channels, releases, activity and exports",
    Permission.READ_RAW: "See what nodes sent and were answered, and what was rejected",
    Permission.OPERATE_NODES: "Hold, rename, label, move, retry and archive nodes",
    Permission.OPERATE_GROUPS: "Switch updates of a group, and change its policy",
    Permission.CHANGE_FLEET: "Set targets, floors and dead ends; block releases; make groups",
    Permission.READ_SECURITY: "See users, tokens, secrets, log-ins and refusals",
    Permission.ADMINISTER: "Manage users, roles, tokens, secrets, webhooks and retention",
}


class Role(StrEnum):
    """What somebody is to the fleet; each but the auditor may all that the one before may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    APPROVER = "approver"
    ADMIN = "admin"
    AUDITOR = "auditor"


_VIEWER = frozenset({Permission.READ_FLEET})
_OPERATOR = _VIEWER | {
    Permission.READ_RAW,
    Permission.OPERATE_NODES,
    Permission.OPERATE_GROUPS,
}
_APPROVER = _OPERATOR | {Permission.CHANGE_FLEET}
ROLES: dict[Role, frozenset[Permission]] = {
    Role.VIEWER: _VIEWER,
    Role.OPERATOR: _OPERATOR,
    Role.APPROVER: _APPROVER,
    Role.ADMIN: frozenset(Permission),
    Role.AUDITOR: _VIEWER | {Permission.READ_RAW, Permission.READ_SECURITY},
}
# What concerns no single group: a role that is limited to groups does not carry it.
EVERYWHERE_ONLY = frozenset(
    {Permission.CHANGE_FLEET, Permission.READ_SECURITY, Permission.ADMINISTER}
)


@dataclass(frozen=True, slots=True)
class Grant:
    """A role that somebody has: in some groups, by their keys, or everywhere (None)."""

    role: Role
    groups: frozenset[int] | None = None


@dataclass(frozen=True, slots=True)
class Reach:
    """Where a permission holds: everywhere, or in some groups, by their keys."""

    is_everywhere: bool
    groups: frozenset[int] = frozenset()

    def __bool__(self) -> bool:
        return self.is_everywhere or bool(self.groups)

    def covers(self, group_id: int | None) -> bool:
        """Whether a group is within; what belongs to no group is within everywhere alone."""
        return self.is_everywhere or group_id in self.groups

    def within(self, other: "Reach") -> "Reach":
        """Where both hold."""
        if self.is_everywhere:
            return other
        if other.is_everywhere:
            return self
        return Reach(is_everywhere=False, groups=self.groups & other.groups)


NOWHERE = Reach(is_everywhere=False)
EVERYWHERE = Reach(is_everywhere=True)


def reach(grants: Iterable[Grant], permission: Permission) -> Reach:
    """Where somebody with these grants has a permission."""
    groups: set[int] = set()
    for grant in grants:
        if permission not in ROLES[grant.role]:
            continue
        if grant.groups is None:
            return EVERYWHERE
        if permission not in EVERYWHERE_ONLY:
            groups |= grant.groups
    return Reach(is_everywhere=False, groups=frozenset(groups))
