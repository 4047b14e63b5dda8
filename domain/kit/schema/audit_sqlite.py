"""The triggers of the audit trail on SQLite, once a row. Who writes is told by a table of one row.

There is one writer at a time: its transaction puts the row there, and takes it away before it commits. What another
program writes is recorded without an actor.
"""

from collections.abc import Iterator

from sqlalchemy.dialects import sqlite

from ..model.names import fitted
from .audit_columns import ENTRIES, AuditedColumn, AuditedTable, literal
from .audit_words import Words

CONTEXT = "audit_context"
CREATE_CONTEXT = f"CREATE TABLE IF NOT EXISTS {CONTEXT} (actor VARCHAR(255), request_id VARCHAR(255))"
DROP_CONTEXT = f"DROP TABLE IF EXISTS {CONTEXT}"

_QUOTE = sqlite.dialect().identifier_preparer.quote
_COLUMNS = "organization_id, actor, request_id, entity, row_id, action"
_WHO = f"(SELECT actor FROM {CONTEXT}), (SELECT request_id FROM {CONTEXT})"


def trigger_name(table: str, event: str) -> str:
    """The trigger's name, unique in the database."""
    return fitted(f"audit_{table}_{event.lower()}")


def names(table: str) -> list[str]:
    """The names of all triggers of a table."""
    return [trigger_name(table, event) for event in ("insert", "update", "delete")]


def drop(table: str) -> Iterator[str]:
    """The statements that take the triggers away, whether or not they are there."""
    for name in names(table):
        yield f"DROP TRIGGER IF EXISTS {_QUOTE(name)}"


def triggers(table: AuditedTable) -> Iterator[tuple[str, str]]:
    """The triggers' names, and their CREATE TRIGGER statements."""
    organization = _QUOTE(table.organization)
    for event, row, action in (("INSERT", "NEW", "insert"), ("DELETE", "OLD", "purge")):
        values = f"SELECT {row}.{organization}, {_WHO}, {literal(table.table)}, {row}.id, '{action}'"
        yield _trigger(table, event, f"INSERT INTO {ENTRIES} ({_COLUMNS})\n  {values};")
    moved = f"OLD.{organization} IS NOT NEW.{organization} OR OLD.id IS NOT NEW.id"
    entry = (
        f"INSERT INTO {ENTRIES} ({_COLUMNS}, before, after, personal)\n"
        f"  SELECT NEW.{organization}, {_WHO}, {literal(table.table)}, NEW.id,\n    {_WORDS.action(table)},\n"
        f"    {_WORDS.object(table.columns, 'OLD')},\n    {_WORDS.object(table.columns, 'NEW')},\n"
        f"    {_WORDS.personal(table)}\n  WHERE NOT ({moved}) AND ({_WORDS.differ(table.columns)});"
    )
    gone = f"SELECT OLD.{organization}, {_WHO}, {literal(table.table)}, OLD.id, 'purge' WHERE {moved};"
    made = f"SELECT NEW.{organization}, {_WHO}, {literal(table.table)}, NEW.id, 'insert' WHERE {moved};"
    rest = "\n  ".join(f"INSERT INTO {ENTRIES} ({_COLUMNS}) {values}" for values in (gone, made))
    yield _trigger(table, "UPDATE", f"{entry}\n  {rest}")


def _trigger(table: AuditedTable, event: str, steps: str) -> tuple[str, str]:
    name = trigger_name(table.table, event)
    head = f"CREATE TRIGGER {_QUOTE(name)} AFTER {event} ON {_QUOTE(table.table)} BEGIN"
    return name, f"{head}\n  {table.comment()}\n  {steps}\nEND"


def _json(column: AuditedColumn, name: str) -> str:
    """The value as PostgreSQL's to_json writes it."""
    match column.kind.split():
        case ["json" | "jsonb"]:
            return f"coalesce({name}, 'null')"
        case ["bool"]:
            return f"CASE {name} WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE 'null' END"
        case ["decimal", scale]:
            return f"json_quote({_decimal(name, int(scale))})"
        case ["time"]:
            return f"json_quote(replace({name}, ' ', 'T') || '+00:00')"
        case ["float"]:  # json_quote keeps 15 digits only
            return f"CASE WHEN {name} IS NULL THEN 'null' ELSE printf('%!.17g', {name}) END"
        case ["uuid"]:
            places = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
            parts = (f"substr({name}, {start}, {length})" for start, length in places)
            return "json_quote(" + " || '-' || ".join(parts) + ")"
        case ["bytes"]:
            return f"json_quote(CASE WHEN {name} IS NOT NULL THEN '\\x' || lower(hex({name})) END)"
        case _:
            return f"json_quote({name})"


def _decimal(name: str, scale: int) -> str:
    """From the scaled integer that SQLite holds."""
    one = 10**scale
    sign = f"CASE WHEN {name} < 0 THEN '-' ELSE '' END"
    whole, rest = f"(abs({name}) / {one})", f"(abs({name}) % {one})"
    return f"{sign} || {whole} || '.' || substr('{'0' * scale}' || {rest}, -{scale})"


_WORDS = Words("OLD", "NEW", "IS NOT", _QUOTE, _json)
