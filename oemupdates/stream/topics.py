"""What a stream may be about, as its address says it."""

import re

MOST = 10
OVERVIEW, ACTIVITY, NODE, GROUP = "overview", "activity", "node", "group"
_TOPIC = re.compile(r"overview|activity|(?:node|group):[1-9][0-9]{0,17}", re.ASCII)


class BadTopics(ValueError):
    """Topics that nobody can listen to; the text says why."""


def read(text: str) -> frozenset[str]:
    """The topics of `overview,activity,node:123,group:4`; `BadTopics` if they are none."""
    topics = frozenset(filter(None, (topic.strip() for topic in text.split(","))))
    if not topics:
        raise BadTopics("Say what to listen to: ?topics=overview,activity,node:123,group:4")
    if len(topics) > MOST:
        raise BadTopics(f"A stream has at most {MOST} topics.")
    for topic in sorted(topics):
        if not _TOPIC.fullmatch(topic):
            raise BadTopics(f"There is no topic {topic[:40]!r}.")
    return topics


def keys(topics: frozenset[str], kind: str) -> list[int]:
    """The keys of the topics of one kind, such as the nodes that are watched."""
    return [int(topic.partition(":")[2]) for topic in topics if topic.startswith(f"{kind}:")]
