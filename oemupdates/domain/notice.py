"""What webhooks tell, and which of it one of them wants."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

EVERYTHING = "*"
TEST = "test"
# What people do without anybody knowing who they are.
_BY_STRANGERS = "operator.log_in_failed"
NODE_DARK, NODE_FAILED, NODE_ROLLED_BACK = "node.dark", "node.failed", "node.rolled_back"

# What may be asked for. What is not listed by its own name comes with its family, or everything.
CHOICES: Mapping[str, str] = {
    NODE_DARK: "Nodes that were not heard when they should have been",
    NODE_FAILED: "Nodes on which an update failed",
    NODE_ROLLED_BACK: "Nodes that came back with the version they had before",
    "node.held": "A node was held",
    "node.*": "Everything about nodes",
    "drift.opened": "Nodes got out of step",
    "drift.closed": "Nodes are back in step",
    "group.updates_off": "Updates of a group were switched off",
    "group.updates_on": "Updates of a group were switched on",
    "group.*": "Everything about groups",
    "channel.target_set": "A channel got a new target",
    "channel.target_proposed": "A release waits for somebody to say whether a channel moves to it",
    "channel.*": "Everything about channels",
    "release.imported": "A release was imported",
    "release.blocked": "A release was blocked",
    "release.*": "Everything about releases",
    "component.*": "Everything about components and their images",
    "upstream.sync_failed": "An upstream cannot be synced any more",
    "upstream.sync_recovered": "An upstream can be synced again",
    "upstream.*": "Everything about upstreams and syncs",
    "bundle.*": "Bundles that were carried away or taken in",
    "secret.*": "Everything about the secrets of nodes",
    EVERYTHING: "Everything, log-ins and tokens too",
}


class Shape(StrEnum):
    """What the other side understands."""

    GENERIC = "generic", "JSON, signed as Standard Webhooks says"
    SLACK = "slack", "Slack, or what takes its messages"

    label: str

    def __new__(cls, value: str, label: str) -> "Shape":
        """A member is its value on disk; its label is what people read."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.label = label
        return member


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell: an id that it keeps for ever, its kind, when it was, and its facts."""

    id: str
    kind: str
    at: datetime
    data: Mapping[str, Any]


def wants(kinds: Collection[str], kind: str) -> bool:
    """Whether what somebody asked for covers a kind; a test is always wanted."""
    family = f"{kind.partition('.')[0]}.*"
    return kind == TEST or any(asked in {kind, family, EVERYTHING} for asked in kinds)


def body(notice: Notice) -> dict[str, Any]:
    """A notice as a message for programs."""
    return {"type": notice.kind, "timestamp": notice.at.isoformat(), "data": dict(notice.data)}


def slack(message: Mapping[str, Any], fleet_url: str) -> dict[str, Any]:
    """The same message for people in Slack."""
    data = message["data"]
    kind = str(message["type"])
    text = _about_nodes(kind, data, fleet_url) if "nodes" in data else _about_one(kind, data)
    if data.get("url"):
        text += f"\n<{_safe(data['url'])}|Open in OEM Fleet>"
    return {
        "text": _safe(_plain(kind)),
        "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": text[:2900]}}],
    }


def _about_nodes(kind: str, data: Mapping[str, Any], fleet_url: str) -> str:
    many = data["count"] != 1
    lines = [f"*{_safe(_plain(kind))}*: {data['count']} node{'s' * many}"]
    for node in data["nodes"]:
        facts = ", ".join(_safe(str(node[name])) for name in ("group", "detail") if node[name])
        link = f"<{fleet_url}/nodes/{node['id']}/|{_safe(node['name'])}>"
        lines.append(f"• {link}" + f" ({facts})" * bool(facts))
    if data["count"] > len(data["nodes"]):
        lines.append(f"and {data['count'] - len(data['nodes'])} more")
    return "\n".join(lines)


def _about_one(kind: str, data: Mapping[str, Any]) -> str:
    subject = data.get("subject") or {}
    parts = [f"*{_safe(_plain(kind))}*"]
    if subject:
        parts.append(f"{_safe(subject['kind'])} *{_safe(subject['name'])}*")
    if "actor" in data:
        nobody = "somebody" if kind == _BY_STRANGERS else "the system"
        parts.append(f"by {_safe(data['actor'] or nobody)}")
    text = " · ".join(parts)
    return f"{text}\n> {_safe(data['why'])}" if data.get("why") else text


def _plain(kind: str) -> str:
    return kind.replace(".", " ").replace("_", " ")


def _safe(text: str) -> str:
    """A stranger's text between marks that Slack reads."""
    for mark, written in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(mark, written)
    return text.replace("|", "/").replace("*", "∗").replace("`", "ʼ")  # noqa: RUF001
