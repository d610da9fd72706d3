"""What nodes reported that an update must bring: few combinations, on however many nodes."""

from django.db import connection
from django.db.models.functions import Left

# An index holds no longer texts; the little that is longer differs behind them.
INDEXED = 200
# More combinations than these are not told apart by their index.
_MOST = 1000
# As the index has it, with its numbers in the statement: else no index is found.
_BEGINNING = {"postgresql": 'LEFT("needs", {0})', "sqlite": 'SUBSTR("needs", 1, {0})'}

BEGINNING = Left("needs", INDEXED)


def beginnings() -> set[str] | None:
    """How the reported needs of all nodes begin: a step down the index for each.

    None where there are too many.
    """
    text = _BEGINNING[connection.vendor].format(INDEXED)
    # The condition as the index has it: SQLite knows no other way to write it.
    least = f"SELECT MIN({text}) FROM oemupdates_node WHERE NOT (\"needs\" = '')"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH RECURSIVE seen(text) AS ({least} UNION ALL"  # noqa: S608 - as above
            f" SELECT ({least} AND {text} > seen.text) FROM seen WHERE seen.text IS NOT NULL)"
            f" SELECT text FROM seen WHERE text IS NOT NULL LIMIT {_MOST + 1}"
        )
        found = {text for (text,) in cursor.fetchall()}
    return found if len(found) <= _MOST else None
