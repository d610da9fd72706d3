"""What of the activity an address asks for, and the addresses that ask for something else."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from django.http import HttpRequest
from django.utils import timezone
from django.utils.http import urlencode

from oemupdates.dashboard.frame import moments, words
from oemupdates.dashboard.frame.acting import where
from oemupdates.dashboard.frame.facets import Choice, Chosen, Facet
from oemupdates.domain.access import Permission, Reach
from oemupdates.models import Group, Operator
from oemupdates.services.finding import activity_finding
from oemupdates.services.finding.activity_finding import Found, Wanted

NAMES = ("tab", "actor", "verb", "kind", "id", "group", "from", "until")
TABS = {"people": "People", "system": "System", "": "All"}
KINDS = {
    "node": "Nodes",
    "group": "Groups",
    "channel": "Channels",
    "release": "Releases",
    "component": "Components",
    "componentimage": "Images of components",
    "upstream": "Upstreams",
    "application": "Applications",
    "bulkchange": "Changes of many nodes",
    "demofleet": "The demo fleet",
}
SECURITY = {
    "operator": "Users",
    "apitoken": "API tokens",
    "updatesecret": "Node secrets",
    "wallboard": "Links for screens",
    "webhook": "Webhooks",
}
SPANS = {
    "Last hour": timedelta(hours=1),
    "Last 24 hours": timedelta(days=1),
    "Last 7 days": timedelta(days=7),
    "Last 30 days": timedelta(days=30),
}
_MOST_CHOICES = 200
_BIGGEST_KEY = 2**63 - 1


class Look(NamedTuple):
    """Who looks: at which part of the fleet, and at what concerns security."""

    reach: Reach
    reads_security: bool

    @property
    def kinds(self) -> dict[str, str]:
        """The kinds of things that they may read about."""
        return KINDS | (SECURITY if self.reads_security else {})


class Asked(NamedTuple):
    """What an address asks for: its values as given, what they mean, and what is wrong."""

    look: Look
    given: dict[str, str]
    wanted: Wanted
    problems: list[str]
    group: str = ""

    def find(self) -> Found:
        """The activity that is meant."""
        reach, reads_security = self.look
        return activity_finding.find(self.wanted, reach, reads_security=reads_security)

    @property
    def query(self) -> str:
        """The same again, behind the question mark of an address."""
        return urlencode(self.given)

    def url(self, **changed: str) -> str:
        """The address that asks for something else besides."""
        values = {name: value for name, value in (self.given | changed).items() if value}
        return f"?{urlencode(values)}"


def look(request: HttpRequest) -> Look:
    """Who looks."""
    reads_security = where(request, Permission.READ_SECURITY).is_everywhere
    return Look(where(request, Permission.READ_FLEET), reads_security)


def read(request: HttpRequest) -> Asked:
    """What the address of a request asks for."""
    seen = look(request)
    given = {name: request.GET.get(name, "").replace("\x00", "") for name in NAMES}
    given = {name: value for name, value in given.items() if value}
    problems: list[str] = []
    group = _group(given, seen.reach, problems)
    wanted = Wanted(
        by_people=_tab(given, problems),
        actor=_actor(given, problems),
        verb=_known(given, "verb", words.ACTIVITIES, problems, "Nobody ever does"),
        kind=_known(given, "kind", seen.kinds, problems, "There is no activity about"),
        subject=_key(given, "id", problems),
        group=group.pk if group else None,
        since=_moment(given, "from", problems),
        until=_moment(given, "until", problems),
    )
    return Asked(seen, given, wanted, problems, str(group or ""))


def _tab(given: Mapping[str, str], problems: list[str]) -> bool | None:
    tab = given.get("tab", "")
    if tab not in TABS:
        problems.append(f"There is no tab {tab!r}: people or system.")
    return {"people": True, "system": False}.get(tab)


def _actor(given: Mapping[str, str], problems: list[str]) -> int | None:
    name = given.get("actor")
    if name is None:
        return None
    key = Operator.objects.filter(username=name).values_list("pk", flat=True).first()
    if key is None:
        problems.append(f"Nobody is called {name!r}.")
    return key


def _known(
    given: Mapping[str, str],
    name: str,
    known: Mapping[str, str],
    problems: list[str],
    otherwise: str,
) -> str | None:
    value = given.get(name)
    if value is not None and value not in known:
        problems.append(f"{otherwise} {value!r}.")
    return value


def _key(given: Mapping[str, str], name: str, problems: list[str]) -> int | None:
    text = given.get(name)
    if text is None:
        return None
    key = int(text[:20]) if text.isascii() and text.isdecimal() else 0
    if not 0 < key <= _BIGGEST_KEY:
        problems.append(f"{name} is a number, and not {text!r}.")
    return min(key, _BIGGEST_KEY)


def _group(given: Mapping[str, str], reach: Reach, problems: list[str]) -> Group | None:
    key = _key(given, "group", problems)
    found = Group.objects.within(reach).filter(pk=key).first() if key else None
    if key and found is None:
        problems.append("There is no such group.")
    return found


def _moment(given: Mapping[str, str], name: str, problems: list[str]) -> datetime | None:
    text = given.get(name)
    if text is None:
        return None
    try:
        return moments.read(text)
    except moments.BadMoment as bad:
        problems.append(str(bad))
        return None


def tabs(asked: Asked) -> list[tuple[str, str, bool]]:
    """People, system, all: label, address, and whether it is shown."""
    shown = asked.given.get("tab", "")
    return [(label, asked.url(tab=name, actor=""), name == shown) for name, label in TABS.items()]


def facets(asked: Asked) -> list[Facet]:
    """What else may be asked for, each choice with its address."""
    groups = Group.objects.within(asked.look.reach)[:_MOST_CHOICES]
    found = [
        _facet(asked, "verb", "What", _verbs(asked.look)),
        _facet(asked, "kind", "About", asked.look.kinds),
        _facet(asked, "group", "Group", {str(one.pk): str(one) for one in groups}),
    ]
    # Who there is: of no concern to somebody who sees some groups alone.
    if asked.look.reach.is_everywhere and asked.given.get("tab") != "system":
        names = Operator.objects.order_by("username").values_list("username", flat=True)
        who = {name: name for name in names[:_MOST_CHOICES]}
        found.insert(0, _facet(asked, "actor", "Who", who))
    return found


def _verbs(seen: Look) -> dict[str, str]:
    """The verbs of what somebody may read about, in words, sorted by what they are about."""
    secrets = ("operator", "role", "token", "wallboard", "webhook", "secret")
    hidden = () if seen.reads_security else secrets
    return {
        verb: f"{text} …"
        for verb, text in sorted(words.ACTIVITIES.items())
        if not verb.startswith(hidden)
    }


def _facet(asked: Asked, name: str, label: str, choices: Mapping[str, str]) -> Facet:
    chosen = asked.given.get(name, "")
    return Facet(
        name,
        label,
        [
            Choice(text, None, asked.url(**{name: "" if value == chosen else value}), is_chosen)
            for value, text in choices.items()
            for is_chosen in [value == chosen]
        ],
        chosen,
    )


def chosen(asked: Asked) -> list[Chosen]:
    """Every filter that is on, with the address that does without it."""
    given = asked.given
    labels = {
        "actor": ("By", given.get("actor", "")),
        "verb": ("What", words.activity(given.get("verb", ""))),
        "kind": ("About", asked.look.kinds.get(given.get("kind", ""), "")),
        "id": ("Number", given.get("id", "")),
        "group": ("Group", asked.group),
        "from": ("From", _shown(asked.wanted.since)),
        "until": ("Until", _shown(asked.wanted.until)),
    }
    return [
        Chosen(label, value, asked.url(**{name: ""}), None)
        for name, (label, value) in labels.items()
        if name in given
    ]


def _shown(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else ""


def spans(asked: Asked) -> list[tuple[str, str]]:
    """The usual spans of time up to now, with their addresses."""
    now = timezone.now()
    return [
        (label, asked.url(**{"from": f"{now - span:%Y-%m-%dT%H:%M}", "until": ""}))
        for label, span in SPANS.items()
    ]
