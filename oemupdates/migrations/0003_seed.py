"""Flatcar as nodes of the public server or of a Nebraska know it, so that none needs a change."""

import uuid

from django.db import migrations

FLATCAR = uuid.UUID("e96281a6-d1af-4bde-9a0a-97b76e56dc57")
TRACKS = ("alpha", "beta", "stable", "lts", "edge")
# What nodes that were set up in CoreOS days still send as their group.
ALIASES = {
    "5b810680-e36a-4879-b98a-4f989e80b899": "alpha",
    "3fe10490-dd73-4b49-b72a-28ac19acfcdc": "beta",
    "9a2deb70-37be-4026-853f-bfdd6b347bbe": "stable",
    "72834a2b-ad86-4d6d-b498-e08a19ebe54e": "edge",
    "e641708d-fb48-4260-8bdf-ba2074a1147a": "alpha",
    "d112ec01-ba34-4a9e-9d4b-9814a685f266": "beta",
    "11a585f6-9418-4df0-8863-78b2fd3240f8": "stable",
    "b4b2fa22-c1ea-498c-a8ac-c1dc0b1d7c17": "edge",
}


def seed(apps, schema_editor):
    flatcar = apps.get_model("oemupdates", "Application").objects.create(
        uuid=FLATCAR, product_id="org.flatcar.container-linux", name="Flatcar Container Linux"
    )
    channels = apps.get_model("oemupdates", "Channel").objects
    groups = apps.get_model("oemupdates", "Group").objects
    for track in TRACKS:
        for architecture in ("amd64", "arm64"):
            channel = channels.create(application=flatcar, name=track, architecture=architecture)
            groups.create(
                application=flatcar,
                name=track,
                architecture=architecture,
                track=track,
                channel=channel,
            )
    aliases = apps.get_model("oemupdates", "TrackAlias").objects
    for alias, track in ALIASES.items():
        aliases.create(application=flatcar, alias=alias, track=track)
    apps.get_model("oemupdates", "Configuration").objects.create(id=1, epoch=1)


class Migration(migrations.Migration):
    dependencies = [("oemupdates", "0002_storage")]

    operations = [migrations.RunPython(seed, migrations.RunPython.noop)]
