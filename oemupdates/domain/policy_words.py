"""A group's policy in words: one sentence for lists, all of it for the group's page."""

from dataclasses import dataclass

from oemupdates.domain import span
from oemupdates.domain.policy import PayloadSource


@dataclass(frozen=True, slots=True)
class Policy:
    """What is said of a group; `channel` and `target` are empty where there is none.

    `origins` are the URLs from which this server got the target.
    """

    architecture: str
    track: str
    channel: str
    target: str
    updates_enabled: bool
    needs_oem_payload: bool
    offers_own_oem_only: bool
    poll_interval_seconds: int
    dark_after_seconds: int
    max_postinst_failures: int
    max_download_failures: int
    max_under_way: int | None
    payload_source: PayloadSource = PayloadSource.MIRROR
    has_node_urls: bool = False
    origins: tuple[str, ...] = ()


def sentence(policy: Policy) -> str:
    """The policy in one sentence, with what is as it usually is left out."""
    if not policy.channel:
        return "Follows no channel: nothing is offered."
    channel = policy.channel
    parts = [
        f"{channel} to {policy.target}" if policy.target else f"{channel}, which has no target"
    ]
    if policy.max_under_way is not None:
        parts.append(f"at most {policy.max_under_way:,} at once")
    if not policy.needs_oem_payload:
        parts.append("even without their OEM's payload")
    if not policy.payload_source.begins_here:
        parts.append("from its origin")
    text = f"{', '.join(parts)}."
    return f"Follows {text}" if policy.updates_enabled else f"Updates are off; follows {text}"


def sentences(policy: Policy) -> list[str]:
    """The whole policy, a sentence a rule."""
    return [
        _follows(policy),
        _limit(policy),
        f"They ask every {span.words(policy.poll_interval_seconds)}, and are dark after"
        f" {span.words(policy.dark_after_seconds)} of silence.",
        "A node gives up on a release after"
        f" {_count(policy.max_postinst_failures, 'failed post-install step')} or"
        f" {_count(policy.max_download_failures, 'failed download')}.",
        "A release that lacks the payload of a node's OEM is withheld from that node."
        if policy.needs_oem_payload
        else "A release is offered even if it lacks the payload of a node's OEM.",
        "A node is offered the payload of its own OEM only."
        if policy.offers_own_oem_only
        else "A node is offered the payloads of all OEMs, and picks its own.",
        _source(policy),
        *_node_urls(policy),
    ]


def _follows(policy: Policy) -> str:
    who = f"Nodes of {policy.architecture} that ask for track {policy.track}"
    if not policy.channel:
        return f"{who} follow no channel: nothing is offered to them."
    if not policy.target:
        return f"{who} follow channel {policy.channel}, which has no target."
    return f"{who} follow channel {policy.channel} to {policy.target}."


def _limit(policy: Policy) -> str:
    if not policy.updates_enabled:
        return "Updates are off: nothing is offered to them."
    if policy.max_under_way is None:
        return "Any number of them may update at once."
    some = f"{policy.max_under_way:,} of them {'is' if policy.max_under_way == 1 else 'are'}"
    return f"At most {some} between offer and reboot at once."


def _source(policy: Policy) -> str:
    known = policy.origins[0] if policy.origins else ""
    origin = f"their origin ({known})" if known else "their origin"
    match policy.payload_source:
        case PayloadSource.MIRROR:
            return "They get payloads from this server alone."
        case PayloadSource.MIRROR_FIRST:
            text = (
                f"They get payloads from this server, and the OS from {origin} if that fails;"
                " OEM payloads come from the first place alone."
            )
        case PayloadSource.ORIGIN:
            text = f"They get payloads from {origin}, and not from this server."
        case PayloadSource.ORIGIN_FIRST:
            text = (
                f"They get payloads from {origin}, and the OS from this server if that fails;"
                " OEM payloads come from the first place alone."
            )
    if known or not policy.target:
        return text
    return f"{text} No origin is known of {policy.target}: it comes from this server."


def _node_urls(policy: Policy) -> list[str]:
    if not policy.has_node_urls:
        return []
    if policy.payload_source is PayloadSource.ORIGIN:
        return ["URLs of their own would tell which node took what, and lead to this server only."]
    return [
        "Each node is sent to URLs of its own here, which tell what it took; shared caches between"
        " here and the nodes are of no use then."
    ]


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"
