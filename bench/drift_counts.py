"""A fleet of every class of drift: `python -m bench.drift_counts --nodes N`, after `migrate`.

So many nodes are made for each class as its share says; API, metrics and lists must count them so.
It needs `FLEET_METRICS_OPEN=true`.
"""

import argparse
import os
import sys
import time
from urllib.parse import urlsplit

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fleet.settings")
django.setup()

from django.conf import settings  # noqa: E402 - Django must be set up before
from django.test import Client  # noqa: E402
from django.utils import timezone  # noqa: E402

from bench import drifts  # noqa: E402
from bench.nodes import boot_id, machine_id  # noqa: E402
from oemupdates import models  # noqa: E402
from oemupdates.domain.access import EVERYWHERE  # noqa: E402
from oemupdates.domain.drift_facts import UNKEPT, Drift  # noqa: E402
from oemupdates.domain.query_reading import read  # noqa: E402
from oemupdates.domain.version import sort_key  # noqa: E402
from oemupdates.services.counters import counters  # noqa: E402
from oemupdates.services.drift import drift_counts, remeasuring  # noqa: E402
from oemupdates.services.finding.finding import find  # noqa: E402

_BATCH = 2000


def fill(many: dict[Drift, int]) -> None:
    """Make the releases that such a fleet needs, and its nodes."""
    now = timezone.now()
    flatcar = models.Application.objects.get(uuid=models.FLATCAR)
    channel = models.Channel.objects.get(application=flatcar, name="stable", architecture="amd64")
    for version, names in drifts.PAYLOADS.items():
        release = models.Release.objects.create(
            application=flatcar,
            version=version,
            order=sort_key(version),
            architecture="amd64",
            registered_at=now,
        )
        models.Payload.objects.bulk_create(
            models.Payload(
                release=release,
                name=name,
                size=1,
                sha1="1" * 40,
                sha256="2" * 64,
                is_verified=True,
                own_version=drifts.BUILD if name == "oem-azure.gz" else "",
            )
            for name in names
        )
        models.Channel.objects.filter(pk=channel.pk).update(target=release)
    group = models.Group.objects.get(application=flatcar, name="stable", architecture="amd64")
    drifts.want_component(group, now)
    models.Node.objects.bulk_create(
        (
            models.Node(
                machine_id=machine_id(str(number)),
                application=str(models.FLATCAR),
                group=group,
                track="stable",
                architecture="amd64",
                first_seen_at=now,
                last_seen_at=now,
                former_boots=boot_id(machine_id(str(number))),
                **values,
            )
            for number, values in enumerate(drifts.fleet(many, now))
        ),
        batch_size=_BATCH,
    )


def differences(expected: dict[Drift, int]) -> list[str]:
    """Where what is counted is not what was made."""
    found = drift_counts.count(EVERYWHERE, {})
    wrong = [
        f"{drift}: {found.nodes[drift.value]} counted of {nodes}"
        for drift, nodes in expected.items()
        if found.nodes[drift.value] != nodes
    ]
    metrics = Client(headers={"host": urlsplit(settings.FLEET_URL).netloc}).get("/metrics").text
    for drift, nodes in expected.items():
        if drift in UNKEPT:
            continue
        listed = find(read(f"drift:{drift}"), EVERYWHERE, now=timezone.now())
        rows = listed.nodes.count()
        if not listed.matching == rows == nodes:
            wrong.append(f"{drift}: {listed.matching} matching, {rows} listed of {nodes}")
        scraped = sum(
            float(line.rpartition(" ")[2])
            for line in metrics.splitlines()
            if line.startswith("oemfleet_") and f'drift="{drift}"' in line
        )
        if scraped != nodes:
            wrong.append(f"{drift}: {scraped:.0f} in metrics of {nodes}")
    return wrong


def main() -> int:
    """Fill the database that the environment names, measure it, and compare."""
    parser = argparse.ArgumentParser(prog="python -m bench.drift_counts", description=__doc__)
    parser.add_argument("--nodes", type=int, default=100_000)
    given = parser.parse_args()
    shares = {drift: number for number, drift in enumerate(Drift, start=1)}
    rest = given.nodes * 9 // 10
    many = {
        drift: max(1, (given.nodes - rest) * share // sum(shares.values()))
        for drift, share in shares.items()
    }
    many[Drift.IN_SYNC] += given.nodes - sum(many.values())
    fill(many)
    counters.repair()
    began = time.monotonic()
    changed = remeasuring.advance(timezone.now(), seconds=3600)
    took = time.monotonic() - began
    wrong = differences(dict(drifts.expected(many, timezone.now())))
    print(f"{given.nodes} nodes, {changed} measured anew in {took:.0f} s")
    print("\n".join(wrong) or "every class is counted as it was made")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
