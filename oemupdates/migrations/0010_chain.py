"""Chain what was written so far, and let the database refuse to change or delete any of it."""

import hashlib
import json
from datetime import UTC

from django.db import migrations, models

CONTENT = (
    "address",
    "request_id",
    "verb",
    "subject_kind",
    "subject_id",
    "subject",
    "before",
    "after",
    "why",
)
CHUNK = 1000


def chain(apps, schema_editor):
    """Give each row its hash over its content and over the hash of the row before."""
    quietly_drop(schema_editor)
    Activity = apps.get_model("oemupdates", "Activity")
    previous, chunk = "0" * 64, []
    for row in Activity.objects.order_by("id").iterator(CHUNK):
        content = {name: getattr(row, name) for name in CONTENT} | {
            "at": row.at.astimezone(UTC).isoformat(timespec="microseconds"),
            "actor": row.actor_id,
            "token": row.token_id,
        }
        text = json.dumps([previous, content], sort_keys=True, separators=(",", ":"))
        row.previous_hash = previous
        row.hash = previous = hashlib.sha256(text.encode()).hexdigest()
        chunk.append(row)
        if len(chunk) == CHUNK:
            Activity.objects.bulk_update(chunk, ["previous_hash", "hash"])
            chunk = []
    Activity.objects.bulk_update(chunk, ["previous_hash", "hash"])


def quietly_drop(schema_editor):
    on = " ON oemupdates_activity" if schema_editor.connection.vendor == "postgresql" else ""
    schema_editor.execute(f"DROP TRIGGER IF EXISTS activity_is_append_only{on}")


def forbid_changes(apps, schema_editor):
    """Activity is append-only: the database itself refuses to change or delete a row."""
    for name, verb in (
        ("activity_is_append_only", "UPDATE"),
        ("activity_is_never_deleted", "DELETE"),
    ):
        does = (
            "FOR EACH ROW EXECUTE FUNCTION oemupdates_activity_is_append_only()"
            if schema_editor.connection.vendor == "postgresql"
            else "BEGIN SELECT RAISE(ABORT, 'activity is append-only'); END"
        )
        schema_editor.execute(f"CREATE TRIGGER {name} BEFORE {verb} ON oemupdates_activity {does}")


class Migration(migrations.Migration):
    dependencies = [("oemupdates", "0009_tokens")]

    operations = [
        migrations.RunPython(chain, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="activity",
            constraint=models.UniqueConstraint(
                fields=("previous_hash",), name="activity_is_one_chain"
            ),
        ),
        migrations.RunPython(forbid_changes, migrations.RunPython.noop),
    ]
