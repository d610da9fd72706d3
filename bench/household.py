"""What a fleet has besides nodes: groups, releases, people, webhooks, samples and activity.

There is more of everything in a bigger fleet, so that a page that asks once a row is found out.
"""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta

import orjson

from bench.population import OEMS, RACKS, REGIONS, TARGET, VERSIONS, Home
from bench.rows import Cell, load
from oemupdates import models
from oemupdates.domain.access import Role
from oemupdates.domain.chain import START
from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.domain.version import sort_key
from oemupdates.services.access import share_links
from oemupdates.services.counters import samples
from oemupdates.services.security import advisories

PASSWORD = "bench"  # noqa: S105 - of a fleet that nobody has
_HOURLY_DAYS = 35
_ARCHITECTURES = ("amd64", "arm64")
_SAMPLE = ("at", "group", "dimension", "counts", "is_first_of_day")
_VERBS = (
    ("node.held", "node"), ("node.renamed", "node"), ("node.labelled", "node"),
    ("node.moved", "node"), ("group.edited", "group"), ("group.updates_off", "group"),
    ("group.updates_on", "group"), ("operator.logged_in", "operator"),
)  # fmt: skip


def share(nodes: int, most: int, *, one_of: int = 50) -> int:
    """How many of something a fleet of so many nodes has."""
    return min(most, 3 + nodes // one_of)


def settle(nodes: int, now: datetime) -> list[Home]:
    """Make releases, channels' targets and groups; the groups, the biggest first."""
    advisories.load_shipped()
    flatcar = models.Application.objects.get(uuid=models.FLATCAR)
    releases = {
        (version, architecture): models.Release.objects.create(
            application=flatcar,
            version=version,
            order=sort_key(version),
            architecture=architecture,
            codebase=f"https://payloads.example.net/{architecture}-usr/{version}/",
            notes=f"Kernel, containerd and certificates of {version}. " * 8,
            registered_at=now - timedelta(days=50 * (len(VERSIONS) - number)),
        )
        for number, version in enumerate(VERSIONS[-share(nodes, len(VERSIONS), one_of=100) :])
        for architecture in _ARCHITECTURES
    }
    for release in releases.values():
        _payloads(release)
    channels = list(models.Channel.objects.filter(application=flatcar))
    for channel in channels:
        channel.target = releases[TARGET, channel.architecture]
        channel.save()
    models.Floor.objects.create(
        channel=channels[0],
        release=releases[VERSIONS[-3], channels[0].architecture],
        reason="Migrates the OEM partition",
    )
    models.DeadEnd.objects.create(
        channel=channels[0], version=VERSIONS[0], reason="Reads no new payloads"
    )
    for number in range(share(nodes, 110)):
        channel = channels[number % len(channels)]
        models.Group.objects.create(
            application=flatcar,
            name=f"site-{number:03}",
            architecture=channel.architecture,
            track=f"site-{number:03}",
            description=f"The machines of site {number}, on call: team {number % 7}",
            channel=channel,
            max_under_way=500 if number % 3 == 0 else None,
        )
    groups = models.Group.objects.order_by("-pk")
    models.GroupBudget.objects.bulk_create(
        models.GroupBudget(group=group) for group in groups.exclude(max_under_way=None)
    )
    return [Home(group.pk, group.track, group.architecture) for group in groups]


def _payloads(release: models.Release) -> None:
    names = [OS_PAYLOAD, *(f"oem-{oem}.gz" for oem, _ in OEMS if oem), "flatcar-python.gz"]
    models.Payload.objects.bulk_create(
        models.Payload(
            release=release,
            name=name,
            size=5_000_000 + 1000 * number,
            sha1=f"{release.pk * 100 + number:040x}",
            sha256=f"{release.pk * 100 + number:064x}",
            is_verified=True,
            built_for=release.version if name.startswith("oem-") else "",
        )
        for number, name in enumerate(names)
    )


def label() -> dict[str, int]:
    """Make the labels; their keys in the database by how they are written."""
    wanted = [("canary", "")]
    wanted += [("region", region) for region in REGIONS]
    wanted += [("rack", str(number)) for number in range(RACKS)]
    made = models.Label.objects.bulk_create(
        models.Label(key=key, value=value) for key, value in wanted
    )
    return {f"{label.key}={label.value}": label.pk for label in made}


def staff(nodes: int, now: datetime) -> models.Operator:
    """Make people, scripts, their roles, tokens, secrets, views and bulk changes; an admin."""
    admin = models.Operator.objects.create_superuser("ann", "ann@example.net", PASSWORD)
    groups = list(models.Group.objects.order_by("-pk"))
    for number in range(share(nodes, 200)):
        operator = models.Operator.objects.create(
            username=f"operator-{number:03}",
            first_name="Operator",
            last_name=f"Number {number}",
            email=f"operator-{number}@example.net",
            is_service_account=number % 3 == 0,
        )
        models.RoleGrant.objects.create(
            operator=operator, role=Role.VIEWER, group=groups[number % len(groups)]
        )
        models.RoleGrant.objects.create(operator=operator, role=list(Role)[number % len(Role)])
        owner = operator if number % 3 == 0 else admin
        token = models.ApiToken.objects.create(
            operator=owner,
            name=f"script {number}",
            secret_hash=f"{number + 1:064x}",
            prefix=f"flt_{number:06}",
            scopes=["fleet.read"],
            is_limited_to_groups=True,
            created_at=now,
            created_by=admin,
            expires_at=now + timedelta(days=300),
        )
        token.groups.add(groups[number % len(groups)])
        models.UpdateSecret.objects.create(
            name=f"secret {number}",
            digest=f"{number + 1:064x}",
            is_limited_to_group=True,
            group=groups[number % len(groups)],
            created_at=now,
            created_by=operator,
        )
        models.SavedView.objects.create(
            owner=operator, name=f"view {number}", query="is:dark", is_shared=number % 2 == 0
        )
        change = models.BulkChange.objects.create(
            by=admin if number % 2 else operator,
            verb="hold",
            why="Waits for disks",
            query="is:dark",
            state="done",
            done=number,
            created_at=now,
            ended_at=now,
        )
        models.BulkItem.objects.create(change=change, node_id=1 + number % nodes, before={})
        home = groups[number % len(groups)]
        share_links.make_badge(home, by=None, now=now)
        share_links.make_wallboard(f"wall {number}", group=home, by=None, now=now)
    return admin


def connect(nodes: int, by: models.Operator, now: datetime) -> None:
    """Make webhooks with deliveries, and requests that were rejected."""
    for number in range(share(nodes, 60)):
        webhook = models.Webhook.objects.create(
            name=f"hook {number}",
            url=f"https://hooks.example.net/{number}",
            kinds=["node.failed", "node.dark"],
            active_since=now,
            made_by=by,
            made_at=now,
        )
        models.WebhookDelivery.objects.bulk_create(
            models.WebhookDelivery(
                webhook=webhook,
                event_id=str(index),
                kind="node.failed",
                body={"nodes": [{"id": index, "name": f"node-{index}"}]},
                made_at=now,
                next_try_at=now,
                state=("delivered", "waiting", "given_up")[index % 3],
                attempt=1,
                tried_at=now,
                status=200,
                answer="ok",
                milliseconds=40,
            )
            for index in range(share(nodes, 500, one_of=10))
        )
    models.BundleImport.objects.create(
        name="carried.tar",
        path="/nowhere/carried.tar",
        is_upload=False,
        size=1_000_000,
        asked_at=now,
        state="done",
        ended_at=now,
    )
    upstream = models.Upstream.objects.create(
        name="flatcar", kind="public", address="https://updates.example.net/v1/update/"
    )
    for channel in models.Channel.objects.all():
        models.Subscription.objects.create(
            upstream=upstream, channel=channel, track=channel.name, next_run_at=now
        )
        models.SyncRun.objects.bulk_create(
            models.SyncRun(
                upstream=upstream,
                channel=channel,
                asked_at=now,
                lease_until=now,
                state="failed",
                ended_at=now,
                problem="Nothing listens there.",
            )
            for _ in range(share(nodes, 50, one_of=10))
        )
        if channel.target:
            models.Proposal.objects.create(
                upstream=upstream, channel=channel, release=channel.target, made_at=now
            )
    models.RejectedRequest.objects.bulk_create(
        models.RejectedRequest(
            day=(now - timedelta(days=number % 30)).date(),
            reason=("not_xml", "too_large", "no_machine_id")[number % 3],
            source=f"192.0.{number >> 8}.{number & 255}",
            times=number + 1,
            first_at=now - timedelta(days=number % 30, hours=2),
            last_at=now - timedelta(days=number % 30, seconds=number),
            detail="The document ends within a tag",
            sample="<request protocol='3.0'>" * 10,
        )
        for number in range(share(nodes, 20_000))
    )


def sample(now: datetime, days: int) -> None:
    """Take a sample, and as many before it as are kept of so many days."""
    samples.take(now)
    rows = list(models.Sample.objects.values_list("group", "dimension", "counts"))
    moments = _moments(now.replace(minute=0, second=0), days)
    load("oemupdates_sample", _SAMPLE, _earlier(rows, moments))


def _moments(now: datetime, days: int) -> list[datetime]:
    hours = 24 * min(days, _HOURLY_DAYS)
    moments = [now - timedelta(hours=number) for number in range(1, hours)]
    midnight = (moments[-1] - timedelta(days=1)).replace(hour=0)
    return moments + [midnight - timedelta(days=number) for number in range(days - hours // 24)]


def _earlier(
    rows: list[tuple[int, str, dict[str, int]]], moments: list[datetime]
) -> Iterator[list[Cell]]:
    for number, moment in enumerate(moments):
        at, is_first = f"{moment:%Y-%m-%d %H}:00:00", int(moment.hour == 0)
        for group, dimension, counts in rows:
            then = {name: n - n * number // 2000 for name, n in counts.items()}
            yield [at, group, dimension, orjson.dumps(then).decode(), is_first]


def remember(nodes: int, now: datetime) -> None:
    """Write the activity of a while at the end of the chain."""
    rng = random.Random(nodes)
    people = [None, *models.Operator.objects.order_by("pk")[:20]]
    last = models.Activity.objects.order_by("-pk").first()
    previous, rows = last.hash if last else START, []
    groups = list(models.Group.objects.values_list("pk", "name"))
    number = min(50_000, 10 + nodes // 10)
    for index in range(number):
        verb, kind = rng.choice(_VERBS)
        key, name = rng.choice(groups) if kind == "group" else (rng.randint(1, nodes), "node-7")
        row = models.Activity(
            at=now - timedelta(minutes=2 * (number - index)),
            actor=people[index % len(people)],
            address="192.0.2.7",
            request_id=f"{index:032x}",
            verb=verb,
            subject_kind=kind,
            subject_id=key,
            subject=name,
            before={"max_under_way": None},
            after={"max_under_way": 50},
            why=f"Ticket {index}: the disks of rack {index % 40}",
        )
        row.previous_hash = previous
        row.hash = previous = row.link(previous)
        rows.append(row)
    models.Activity.objects.bulk_create(rows, batch_size=500)
