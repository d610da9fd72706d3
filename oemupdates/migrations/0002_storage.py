"""How PostgreSQL stores what each check-in touches."""

from django.db import migrations


def leave_room(apps, schema_editor):
    """Leave room in each page, so that check-ins update rows in place (HOT)."""
    if schema_editor.connection.vendor != "postgresql":
        return
    schema_editor.execute("ALTER TABLE oemupdates_node SET (fillfactor = 80)")
    schema_editor.execute("ALTER TABLE oemupdates_nodecount SET (fillfactor = 50)")
    schema_editor.execute("ALTER TABLE oemupdates_groupbudget SET (fillfactor = 50)")


def forbid_changes(apps, schema_editor):
    """Activity is append-only: the database itself refuses to change a row."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            "CREATE FUNCTION oemupdates_activity_is_append_only() RETURNS trigger AS $$"
            " BEGIN RAISE EXCEPTION 'activity is append-only'; END $$ LANGUAGE plpgsql"
        )
        schema_editor.execute(
            "CREATE TRIGGER activity_is_append_only BEFORE UPDATE ON oemupdates_activity"
            " FOR EACH ROW EXECUTE FUNCTION oemupdates_activity_is_append_only()"
        )
    else:
        schema_editor.execute(
            "CREATE TRIGGER activity_is_append_only BEFORE UPDATE ON oemupdates_activity"
            " BEGIN SELECT RAISE(ABORT, 'activity is append-only'); END"
        )


class Migration(migrations.Migration):
    dependencies = [("oemupdates", "0001_initial")]

    operations = [
        migrations.RunPython(leave_room, migrations.RunPython.noop),
        migrations.RunPython(forbid_changes, migrations.RunPython.noop),
    ]
