"""What is known of a payload's contents and bytes, and release servers alone as upstreams."""

from django.db import migrations, models


def say_what_is_not_known(apps, _editor):
    """What was imported before says nothing of it; images that were looked into have a version."""
    payloads = apps.get_model("oemupdates", "Payload").objects
    before = payloads.filter(is_verified=True, built_for="", own_version="")
    before.exclude(name="flatcar_production_update.gz").update(
        unread_because="it was imported before this was written down"
    )


class Migration(migrations.Migration):
    dependencies = [("oemupdates", "0028_drift")]

    operations = [
        migrations.AddField(
            model_name="payload",
            name="unread_because",
            field=models.CharField(blank=True, default="", max_length=200),
        ),
        migrations.AddField(
            model_name="payload",
            name="read_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="payload",
            name="damaged_because",
            field=models.CharField(blank=True, default="", max_length=200),
        ),
        migrations.AddConstraint(
            model_name="payload",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("damaged_because", ""), ("is_verified", False), _connector="OR"
                ),
                name="payload_is_damaged_or_verified",
            ),
        ),
        migrations.AddField(
            model_name="upstream",
            name="needs_inside",
            field=models.BooleanField(default=False),
        ),
        migrations.AlterField(
            model_name="upstream",
            name="address",
            field=models.CharField(blank=True, default="", max_length=500),
        ),
        migrations.AlterField(
            model_name="upstream",
            name="kind",
            field=models.CharField(
                choices=[
                    ("public", "Flatcar's public server"),
                    ("nebraska", "Nebraska"),
                    ("fleet", "OEM Fleet"),
                    ("files", "A release server alone"),
                ],
                max_length=16,
            ),
        ),
        migrations.RemoveConstraint(model_name="upstream", name="upstream_kind_is_known"),
        migrations.AddConstraint(
            model_name="upstream",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["public", "nebraska", "fleet", "files"])),
                name="upstream_kind_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="upstream",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("address", ""),
                        ("kind", "files"),
                        models.Q(("release_server", ""), _negated=True),
                    ),
                    models.Q(
                        models.Q(("kind", "files"), _negated=True),
                        models.Q(("address", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="upstream_can_be_asked",
            ),
        ),
        migrations.RunPython(say_what_is_not_known, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="payload",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("unread_because", ""),
                    models.Q(
                        ("built_for", ""),
                        ("own_version", ""),
                        models.Q(("name", "flatcar_production_update.gz"), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="payload_is_read_or_not",
            ),
        ),
    ]
