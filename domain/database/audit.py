"""The triggers of the audit trail that a database has."""

from typing import NamedTuple

from sqlalchemy import Connection, text

from ..models.audit_columns import Audited, found_in
from ..models.audit_postgresql import TRIGGERS, body
from ..models.audit_sqlite import triggers

# For each table: what its function does, and whether it and its three triggers are otherwise as they should be.
_ON_POSTGRESQL = text(
    "SELECT c.relname AS name, max(p.prosrc) AS body, count(t.oid) = 3 AND bool_and(t.tgenabled IN ('O', 'A')"
    "  AND t.tgqual IS NULL AND t.tgattr = ''::int2vector AND t.tgfoid = p.oid"
    "  AND (t.tgname, t.tgtype, coalesce(t.tgoldtable, ''), coalesce(t.tgnewtable, '')) IN"
    "   (('audit_insert', 4, '', 'new_rows'), ('audit_update', 16, 'old_rows', 'new_rows'),"
    "    ('audit_delete', 8, 'old_rows', ''))"
    "  AND p.prosecdef AND p.proowner = c.relowner AND NOT has_function_privilege('public', p.oid, 'EXECUTE')"
    "  AND p.proconfig = ARRAY['search_path=pg_catalog, ' || quote_ident(current_schema()) || ', pg_temp']) AS holds"
    " FROM pg_class c LEFT JOIN pg_proc p ON p.proname = 'audit_' || c.relname AND p.pronamespace = c.relnamespace"
    " LEFT JOIN pg_trigger t ON t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgname IN :names"
    " WHERE c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::regnamespace GROUP BY c.relname"
)
_ON_SQLITE = text(
    "SELECT t.name AS \"table\", s.name, s.sql FROM sqlite_master t LEFT JOIN sqlite_master s ON s.type = 'trigger'"
    " AND s.tbl_name = t.name AND s.name IN ('audit_' || t.name || '_insert', 'audit_' || t.name || '_update',"
    "  'audit_' || t.name || '_delete') WHERE t.type = 'table' ORDER BY s.name"
)


class Trail(NamedTuple):
    """What of a table's writes is recorded, and whether everything is there for it, as ``create_all`` makes it."""

    follows: Audited | None = None
    intact: bool = True


def present_trails(connection: Connection) -> dict[str, Trail]:
    """Every table of the database, by name."""
    if connection.dialect.name == "postgresql":
        rows = connection.execute(_ON_POSTGRESQL.bindparams(names=tuple(TRIGGERS)))
        return {name: _of_function(name, source, bool(holds)) for name, source, holds in rows}
    found: dict[str, dict[str, str]] = {}
    for table, trigger, sql in connection.execute(_ON_SQLITE):
        made = found.setdefault(table, {})
        if trigger is not None:
            made[trigger] = sql
    return {table: _of_triggers(table, made) for table, made in found.items()}


def _of_function(table: str, source: str | None, holds: bool) -> Trail:
    if source is None:
        return Trail()
    follows = found_in(table, source)
    return Trail(follows, holds and follows is not None and source == body(follows))


def _of_triggers(table: str, made: dict[str, str]) -> Trail:
    if not made:
        return Trail()
    said = (found_in(table, sql) for sql in made.values())
    follows = next((found for found in said if found is not None), None)
    return Trail(follows, follows is not None and made == triggers(follows))
