"""The statements of a batch of check-ins on PostgreSQL, each prepared once a connection.

Rows travel as one JSON text a statement: dumping lists to arrays costs more than the rest.
"""

from collections.abc import Sequence

from oemupdates.domain.node import RAN
from oemupdates.models import FLATCAR, NodeCount
from oemupdates.services.checkins.checkins import CREATED, READ, WRITTEN
from oemupdates.services.shared.configuration import LOCK

# Ids of new nodes that are fetched at once: more than a batch holds.
_IDS = 512
_TYPES = {
    "id": "bigint",
    "group_id": "bigint",
    "address": "inet",
    "offered_at": "timestamptz",
    "drift_at": "timestamptz",
    "state_at": "timestamptz",
    "doubled_at": "timestamptz",
    "reset_at": "timestamptz",
    "fallback_at": "timestamptz",
    "boot_fetched_at": "timestamptz",
    "boot_returns": "integer",
    "first_seen_at": "timestamptz",
    "last_seen_at": "timestamptz",
    "is_pxe": "boolean",
    "is_dark": "boolean",
    "is_archived": "boolean",
    "download_failures": "integer",
    "postinst_failures": "integer",
    "last_error_code": "integer",
    "times": "bigint",
    "group": "bigint",
    "nodes": "bigint",
}


def _record(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}" {_TYPES.get(name, "text")}' for name in names)


def _list(names: Sequence[str], prefix: str = "") -> str:
    return ", ".join(f'{prefix}"{name}"' for name in names)


SESSION = """
SELECT set_config('statement_timeout', '%d', false),
       set_config('idle_in_transaction_session_timeout', '30s', false),
       set_config('plan_cache_mode', 'force_generic_plan', false),
       -- The batch is small and the tables are not, whatever the planner knew when it planned.
       set_config('enable_seqscan', 'off', false),
       set_config('enable_bitmapscan', 'off', false),
       set_config('enable_hashjoin', 'off', false),
       set_config('enable_mergejoin', 'off', false),
       set_config('jit', 'off', false)
"""
_LOCK = f"SELECT pg_advisory_xact_lock_shared({LOCK})"
_READ_CONFIGURATION = """
SELECT epoch, (SELECT json_object_agg(group_id, under_way) FROM oemupdates_groupbudget)
FROM oemupdates_configuration WHERE id = 1
"""
_COLUMNS = _list(READ).replace('"address"', "host(address)")
# Nodes of Flatcar itself are read, locked and marked as seen by one statement: most check-ins
# change nothing else. The array makes it an index scan in the order of machine ids, so that two
# batches lock what they share in the same order.
_SEE_NODES = f"""
UPDATE oemupdates_node
SET last_seen_at = GREATEST(last_seen_at, $1::timestamptz), check_in_count = check_in_count + 1
WHERE machine_id = ANY(string_to_array($2, ' ')) AND application = '{FLATCAR}'
RETURNING {_COLUMNS}
"""  # noqa: S608 - the names are ours
_READ_NODES = f"""
SELECT {_COLUMNS} FROM oemupdates_node
WHERE machine_id = ANY(string_to_array($1, ' ')) AND application <> '{FLATCAR}'
ORDER BY machine_id, application FOR NO KEY UPDATE
"""  # noqa: S608 - the names are ours
_READ_IDS = f"""
SELECT nextval(pg_get_serial_sequence('oemupdates_node', 'id'))
FROM generate_series(1, {_IDS})
"""  # noqa: S608 - the number is ours
_TOUCH = """
UPDATE oemupdates_node
SET last_seen_at = GREATEST(last_seen_at, $1::timestamptz), check_in_count = check_in_count + 1
WHERE id = ANY(string_to_array($2, ',')::bigint[])
"""
_CHANGE = f"""
UPDATE oemupdates_node AS node
SET ({_list(WRITTEN)}) = ROW({_list(WRITTEN, "r.")}),
    check_in_count = node.check_in_count + r.times
FROM json_to_recordset($1::json) AS r({_record(("id", "times", *WRITTEN))})
WHERE node.id = r.id
"""  # noqa: S608 - the names are ours
_CREATE = f"""
INSERT INTO oemupdates_node ({_list(CREATED)}, name, is_held, held_because, held_by,
    check_in_count)
SELECT {_list(CREATED, "r.")}, '', false, '', '', r.times
FROM json_to_recordset($1::json) AS r({_record(("times", *CREATED))})
"""  # noqa: S608 - the names are ours
_CLOSE = """
UPDATE oemupdates_versioninterval AS one SET ended_at = r.at
FROM json_to_recordset($1::json) AS r(node_id bigint, at timestamptz)
WHERE one.node_id = r.node_id AND one.ended_at IS NULL
"""
_OPEN = f"""
INSERT INTO oemupdates_versioninterval (node_id, started_at, {_list(RAN)})
SELECT node_id, at, {_list(RAN)} FROM json_to_recordset($1::json)
    AS r(node_id bigint, at timestamptz, {_record(RAN)})
"""  # noqa: S608 - the names are ours
_CLOSE_DRIFT = """
UPDATE oemupdates_driftinterval AS one SET closed_at = r.at, closed_by = r.by
FROM json_to_recordset($1::json) AS r(node_id bigint, drift text, at timestamptz, by text)
WHERE one.node_id = r.node_id AND one.drift = r.drift AND one.closed_at IS NULL
"""
_OPEN_DRIFT = """
INSERT INTO oemupdates_driftinterval (node_id, drift, basis, opened_at)
SELECT * FROM json_to_recordset($1::json)
    AS r(node_id bigint, drift text, basis text, at timestamptz)
ON CONFLICT DO NOTHING
"""
_NOTE = """
INSERT INTO oemupdates_event (node_id, at, meaning, type, result, code, flags, version,
    previous_version, target_version, boot_id)
SELECT * FROM json_to_recordset($1::json) AS r(node_id bigint, at timestamptz,
    meaning text, type integer, result integer, code integer, flags text, version text,
    previous_version text, target_version text, boot_id text)
"""
_ANSWER = """
INSERT INTO oemupdates_answer (node_id, at, answer, reasons, said)
SELECT * FROM json_to_recordset($1::json)
    AS r(node_id bigint, at timestamptz, answer text, reasons text, said text)
"""
_BUDGET = """
-- -1 breaks a constraint: another process let nodes in since the budget was read.
UPDATE oemupdates_groupbudget AS budget
SET under_way = CASE
    WHEN r.delta > 0 AND budget.under_way + r.delta > r.most THEN -1
    ELSE GREATEST(budget.under_way + r.delta, 0) END
FROM json_to_recordset($1::json) AS r(group_id bigint, delta integer, most integer)
WHERE budget.group_id = r.group_id
"""
_COUNT = f"""
INSERT INTO oemupdates_nodecount AS cell ({_list(NodeCount.CELL)}, shard, nodes)
SELECT {_list(NodeCount.CELL, "r.")}, $2::smallint, r.nodes
FROM json_to_recordset($1::json)
    AS r({_record((*NodeCount.CELL, "nodes"))})
ON CONFLICT ({_list(NodeCount.CELL)}, shard) DO UPDATE SET nodes = cell.nodes + EXCLUDED.nodes
"""  # noqa: S608 - the names are ours

# In the order in which they may stand in a batch: nodes, budgets, counters is that of locks.
STATEMENTS = {
    "begin": "BEGIN",
    "lock": _LOCK,
    "configuration": _READ_CONFIGURATION,
    "see": _SEE_NODES,
    "nodes": _READ_NODES,
    "ids": _READ_IDS,
    "touch": _TOUCH,
    "change": _CHANGE,
    "create": _CREATE,
    "close": _CLOSE,
    "open": _OPEN,
    "close drift": _CLOSE_DRIFT,
    "open drift": _OPEN_DRIFT,
    "note": _NOTE,
    "answer": _ANSWER,
    "budget": _BUDGET,
    "count": _COUNT,
    "commit": "COMMIT",
    "rollback": "ROLLBACK",
}
