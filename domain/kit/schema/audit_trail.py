"""The audit trail's triggers beside a table, and on SQLite the table of who writes beside the entries."""

from collections.abc import Iterator
from typing import ClassVar

from sqlalchemy import Connection, Table, text

from . import audit_postgresql, audit_sqlite
from .audit_columns import ENTRIES, AuditedTable, audited, state_in
from .replaceable import NOTHING, Found, Replaceable, State

_OF_ENTRIES = {"writer": "told by the session"}

# For each table: its triggers' function, what that does, and whether all of it is otherwise as it should be.
_ON_POSTGRESQL = text(
    "SELECT c.relname, max(p.proname), max(p.prosrc),"
    " count(t.oid) = 3 AND min(p.oid) = max(p.oid) AND bool_and(t.tgenabled IN ('O', 'A')"
    "  AND t.tgqual IS NULL AND t.tgattr = ''::int2vector AND p.pronamespace = c.relnamespace"
    "  AND (t.tgname, t.tgtype, coalesce(t.tgoldtable, ''), coalesce(t.tgnewtable, '')) IN"
    "   (('audit_insert', 4, '', 'new_rows'), ('audit_update', 16, 'old_rows', 'new_rows'),"
    "    ('audit_delete', 8, 'old_rows', ''))"
    "  AND p.prosecdef AND p.proowner = c.relowner AND NOT has_function_privilege('public', p.oid, 'EXECUTE')"
    "  AND p.proconfig = ARRAY['search_path=pg_catalog, ' || quote_ident(current_schema()) || ', pg_temp'])"
    " FROM pg_class c LEFT JOIN (pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid)"
    "  ON t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgname IN :names"
    " WHERE c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::regnamespace GROUP BY c.relname"
).bindparams(names=tuple(audit_postgresql.TRIGGERS))
_ON_SQLITE = text(
    "SELECT t.name AS \"table\", s.name, s.sql FROM sqlite_master t LEFT JOIN sqlite_master s ON s.type = 'trigger'"
    " AND s.tbl_name = t.name WHERE t.type = 'table' ORDER BY s.name"
)


class AuditTrail(Replaceable):
    """The state of a table is the columns that are followed; see ``audited``."""

    name: ClassVar[str] = "audit trail"

    def wanted(self, table: Table) -> State:
        return _OF_ENTRIES if table.name == ENTRIES else audited(table)

    def create(self, table: str, state: State, dialect: str) -> Iterator[str]:
        if table == ENTRIES:
            if dialect == "sqlite":
                yield audit_sqlite.CREATE_CONTEXT
        elif dialect == "postgresql":
            yield from audit_postgresql.create(table, audit_postgresql.body(AuditedTable.of(table, state)))
        else:
            yield from (statement for _, statement in audit_sqlite.triggers(AuditedTable.of(table, state)))

    def drop(self, table: str, dialect: str) -> Iterator[str]:
        if dialect == "postgresql":
            yield from audit_postgresql.drop(table)
        elif table == ENTRIES:
            yield audit_sqlite.DROP_CONTEXT
        else:
            yield from audit_sqlite.drop(table)

    def present(self, connection: Connection) -> dict[str, Found]:
        if connection.dialect.name == "postgresql":
            rows = connection.execute(_ON_POSTGRESQL)
            found = {table: _of_function(table, *function) for table, *function in rows}
        else:
            made: dict[str, dict[str, str]] = {}
            for table, trigger, sql in connection.execute(_ON_SQLITE):
                made.setdefault(table, {}).update({trigger: sql} if trigger in audit_sqlite.names(table) else {})
            found = {table: _of_triggers(table, triggers) for table, triggers in made.items()}
        return found | ({ENTRIES: Found(_OF_ENTRIES)} if ENTRIES in found else {})


def _of_function(table: str, name: str | None, source: str, holds: bool) -> Found:
    if name is None:
        return Found(NOTHING)
    state, holds = state_in(source), holds and name == audit_postgresql.function_name(table)
    return Found(state, holds and bool(state) and source == audit_postgresql.body(AuditedTable.of(table, state)))


def _of_triggers(table: str, made: dict[str, str]) -> Found:
    state = next((said for said in map(state_in, made.values()) if said), NOTHING)
    return Found(state, made == dict(audit_sqlite.triggers(AuditedTable.of(table, state)) if state else ()))
