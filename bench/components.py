"""What a fleet has of components: images, groups that want them, and nodes that ask for them."""

from datetime import datetime, timedelta

from bench.household import share
from bench.population import TARGET
from oemupdates import models


def extend(nodes: int, now: datetime) -> None:
    """Make components with images, which all groups want and many nodes asked for."""
    groups = list(models.Group.objects.order_by("-pk"))
    keys = range(1, 1 + min(nodes, 1000))
    for number in range(share(nodes, 40)):
        component = models.Component.objects.create(name=f"component-{number:03}", added_at=now)
        models.ComponentImage.objects.bulk_create(
            models.ComponentImage(
                component=component,
                version=f"1.{minor}",
                architecture=architecture,
                size=30_000_000 + minor,
                sha256=f"{number * 1000 + minor:064x}",
                bound_to=TARGET if minor % 3 else "",
                added_at=now - timedelta(days=minor),
            )
            for minor in range(share(nodes, 100))
            for architecture in models.Architecture.values
        )
        models.ComponentWant.objects.bulk_create(
            models.ComponentWant(
                group=group, component=component, up_to="" if group.pk % 3 else "1.1"
            )
            for group in groups
        )
        models.ComponentPoll.objects.bulk_create(
            models.ComponentPoll(
                node_id=key,
                component=component,
                polled_at=now - timedelta(minutes=key),
                boot_id=f"{key:032x}",
                os_version=TARGET,
                newest="1.1",
                took="1.0",
                took_at=now - timedelta(days=3),
            )
            for key in keys
        )
