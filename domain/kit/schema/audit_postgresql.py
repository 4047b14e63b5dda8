"""The triggers of the audit trail on PostgreSQL: once a statement, with all rows that it wrote.

The function runs as its owner, so that the application needs no right to write to the trail; its search path is
pinned, and no other role may execute it, or attach it to a table. A row that did not change has no entry.
"""

from collections.abc import Iterator

from ..model.names import fitted
from .audit_columns import ENTRIES, AuditedColumn, AuditedTable, literal
from .audit_words import Words
from .scope_postgresql import ACTOR_SETTING, REQUEST_SETTING, quoted, text_setting

# By the name that pg_trigger has: its event, and the transition tables that it is given.
TRIGGERS = {
    "audit_insert": ("INSERT", "NEW TABLE AS new_rows"),
    "audit_update": ("UPDATE", "OLD TABLE AS old_rows NEW TABLE AS new_rows"),
    "audit_delete": ("DELETE", "OLD TABLE AS old_rows"),
}

_WHO = f"left({text_setting(ACTOR_SETTING)}, 255), left({text_setting(REQUEST_SETTING)}, 255)"
_INTO = f"INSERT INTO {ENTRIES} (organization_id, actor, request_id, entity, row_id, action"


def function_name(table: str) -> str:
    """The function of a table's triggers."""
    return fitted(f"audit_{table}")


def body(table: AuditedTable) -> str:
    """The function's body."""
    organization, name = quoted(table.organization), literal(table.table)
    old, new = (
        ", ".join([f"{row}.id", *(_WORDS.comparable(column, row) for column in table.columns)]) for row in ("o", "n")
    )
    return f"""
{table.comment()}
BEGIN
  IF TG_OP = 'INSERT' THEN
    {_INTO})
    SELECT n.{organization}, {_WHO}, {name}, n.id, 'insert'
    FROM new_rows n;
  ELSIF TG_OP = 'DELETE' THEN
    {_INTO})
    SELECT o.{organization}, {_WHO}, {name}, o.id, 'purge'
    FROM old_rows o;
  ELSE
    -- A full join is never done by nested loops, whatever the number of rows that it was planned for.
    {_INTO}, before, after, personal)
    SELECT coalesce(n.{organization}, o.{organization}), {_WHO}, {name}, coalesce(n.id, o.id),
      CASE WHEN o.id IS NULL THEN 'insert' WHEN n.id IS NULL THEN 'purge' ELSE {_WORDS.action(table)} END,
      CASE WHEN o.id = n.id THEN ({_WORDS.object(table.columns, "o")})::json END,
      CASE WHEN o.id = n.id THEN ({_WORDS.object(table.columns, "n")})::json END,
      CASE WHEN o.id = n.id THEN ({_WORDS.personal(table)})::json END
    FROM old_rows o FULL JOIN new_rows n ON n.{organization} = o.{organization} AND n.id = o.id
    WHERE ({old}) IS DISTINCT FROM
      ({new});
  END IF;
  RETURN NULL;
END
"""


def drop(table: str) -> Iterator[str]:
    """The statements that take the triggers away, whether or not they are there."""
    for trigger in TRIGGERS:
        yield f"DROP TRIGGER IF EXISTS {trigger} ON {quoted(table)}"
    yield f"DROP FUNCTION IF EXISTS {quoted(function_name(table))}()"


def create(table: str, function_body: str) -> Iterator[str]:
    """The statements that make them."""
    function = quoted(function_name(table))
    yield (
        f"CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER"
        f" SET search_path = pg_catalog AS $audit${function_body}$audit$"
    )
    # The schema of the tables, whatever its name; after it the temporary tables, which else come first.
    yield (
        f"DO $do$ BEGIN EXECUTE 'ALTER FUNCTION {function}() SET search_path = pg_catalog, '"
        " || quote_ident(current_schema()) || ', pg_temp'; END $do$"
    )
    yield f"REVOKE ALL ON FUNCTION {function}() FROM PUBLIC"
    for trigger, (event, transition) in TRIGGERS.items():
        yield (
            f"CREATE TRIGGER {trigger} AFTER {event} ON {quoted(table)} REFERENCING {transition}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
        )


def _json(column: AuditedColumn, value: str) -> str:
    if column.kind in {"json", "jsonb"}:
        return f"coalesce({value}::text, 'null')"
    exact = f"{value}::text" if column.kind.startswith("decimal") else value  # a number would be read as a float
    return f"coalesce(to_json({exact})::text, 'null')"


_WORDS = Words("o", "n", "IS DISTINCT FROM", quoted, _json)
