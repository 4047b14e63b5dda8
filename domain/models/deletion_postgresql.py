"""Soft deletion on PostgreSQL: a function for each table, whose statements a connection plans once.

Sent as statements, the deletion of a tender and what belongs to it is planned anew each time. A function is
about its own table alone, so that a table which comes later changes none; the repositories call one for each table of
a deletion (see ``repositories.deletion_statements``). It runs as its caller, whom row level security holds.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Table

from .audit_columns import literal
from .policies import quoted
from .tables import TENANT, owner_column

PARAMETERS = "bigint, text, bigint[], timestamptz, uuid, text"
"""The organization, the column that names the rows, its values, when, the deletion's id, and who."""

# By itself PostgreSQL would plan at each call: it takes an array of unknown length for ten values, and the plan for
# those for dearer than planning.
SETTING = ("plan_cache_mode", "force_generic_plan")


@dataclass(frozen=True)
class Deletable:
    """A table whose rows are deleted softly. ``owner``: the column that holds the organization, if any.

    ``columns`` are those that rows are deleted by: their own id, and what they belong to.
    """

    table: str
    owner: str | None
    columns: tuple[str, ...]


def deletable(table: Table) -> Deletable | None:
    """What the table's function has to know; None where rows are not deleted softly."""
    if "deletion_id" not in table.c:
        return None
    owner = owner_column(table)
    keys = [column.name for column in table.c if "tenant_key" in column.info]
    if table.info.get("goes_with_organization"):
        keys.append(TENANT)
    return Deletable(table.name, owner, ("id", *keys))


def function_name(table: str) -> str:
    """The function of a table."""
    return f"soft_delete_{table}"


def body(of: Deletable) -> str:
    """What the function does; it answers with the ids and the versions of the rows that it marked, or NULL.

    A statement sees what was committed before it began. The parent is locked by then: no child is added unseen.
    """
    table, mine = quoted(of.table), "" if of.owner is None else f"{quoted(of.owner)} = $1 AND "
    branches = "".join(_branch(column, f"FROM {table} WHERE {mine}") for column in of.columns)
    return f"""
DECLARE marked bigint[];
BEGIN
  CASE $2{branches}
  END CASE;
  IF $3 = '{{}}' THEN RETURN NULL; END IF;
  WITH written AS (
    UPDATE {table} SET is_deleted = true, deleted_at = $4, updated_at = $4, deletion_id = $5, deleted_by = $6,
      version = version + 1
    WHERE {mine}id = ANY($3) AND NOT is_deleted RETURNING id, version)
  SELECT ARRAY[array_agg(id), array_agg(version)] INTO marked FROM written;
  RETURN marked;
END
"""  # noqa: S608  # names of the models' own, quoted


def _branch(column: str, rows: str) -> str:
    which = f"SELECT id {rows}{quoted(column)} = ANY($3) AND NOT is_deleted"
    return f"\n    WHEN {literal(column)} THEN $3 := ARRAY(\n      {which} ORDER BY id FOR UPDATE);"


def found_in(table: str, function_body: str) -> Deletable | None:
    """What a function's text is about; None where it is not as ``body`` writes it."""
    owner = re.search(r"WHERE \"?(\w+)\"? = \$1 AND", function_body)
    found = Deletable(table, owner and owner[1], tuple(re.findall(r"WHEN '(\w+)'", function_body)))
    return found if body(found) == function_body else None


def create(of: Deletable) -> str:
    """The statement that makes it, or makes it anew."""
    name = quoted(function_name(of.table))
    return (
        f"CREATE OR REPLACE FUNCTION {name}({PARAMETERS}) RETURNS bigint[] LANGUAGE plpgsql"
        f" SET {' = '.join(SETTING)} AS $deletion${body(of)}$deletion$"
    )


def drop(table: str) -> str:
    """The statement that takes it away, whether or not it is there."""
    return f"DROP FUNCTION IF EXISTS {quoted(function_name(table))}({PARAMETERS})"


def created(table: Table, dialect: str) -> Iterator[str]:
    """What ``create_all`` executes for a new table."""
    if dialect == "postgresql" and (wanted := deletable(table)):
        yield create(wanted)


def dropped(table: Table, dialect: str) -> Iterator[str]:
    """What ``drop_all`` executes."""
    if dialect == "postgresql" and deletable(table):
        yield drop(table.name)
