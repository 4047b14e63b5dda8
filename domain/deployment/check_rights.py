"""The application's rights on tables that its login does not own: not too many."""

from collections.abc import Iterator

from sqlalchemy import Connection, text

from .findings import Finding, error, some, warning

_REMEDY = "run `domain db roles`"
_TABLES = text(
    "SELECT c.relname AS name, has_table_privilege(c.oid, 'TRUNCATE') AS truncates,"
    " has_table_privilege(c.oid, 'TRIGGER') AS triggers,"
    " has_table_privilege(c.oid, 'DELETE') AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid"
    "  AND a.attname = 'is_deleted') AS deletes,"
    " c.relname = 'audit_entries' AND (has_any_column_privilege(c.oid, 'INSERT, UPDATE')"
    "  OR has_table_privilege(c.oid, 'DELETE')) AS rewrites,"
    " c.relname IN ('system_access', 'purge_records')"
    "  AND has_any_column_privilege(c.oid, 'SELECT, INSERT, UPDATE') AS records"
    " FROM pg_class c WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition"
    " AND c.relnamespace = current_schema()::regnamespace AND NOT pg_has_role(c.relowner, 'USAGE') ORDER BY 1"
)
# Partitions, and tables that inherit in the old way: a policy holds what is read through the parent alone.
_PARTITIONS = text(
    "WITH RECURSIVE parts(oid) AS (SELECT i.inhrelid FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent"
    "  WHERE p.relkind IN ('r', 'p') AND p.relrowsecurity"
    "  UNION SELECT i.inhrelid FROM pg_inherits i JOIN parts ON parts.oid = i.inhparent)"
    " SELECT c.relname FROM parts JOIN pg_class c USING (oid) WHERE NOT (c.relrowsecurity AND c.relforcerowsecurity)"
    " AND (has_any_column_privilege(c.oid, 'SELECT, INSERT, UPDATE') OR has_table_privilege(c.oid, 'DELETE, TRUNCATE'))"
    " ORDER BY 1"
)
_AROUND = text(
    "SELECT has_schema_privilege(current_schema(), 'CREATE') AND NOT EXISTS (SELECT FROM pg_class"
    "  WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')"
    "  AND relowner = current_user::regrole) AS creates,"
    " has_database_privilege(current_database(), 'TEMPORARY') AS makes_temporary,"
    " has_function_privilege('pg_catalog.pg_stat_get_activity(integer)', 'EXECUTE')"
    "  OR has_function_privilege('pg_catalog.pg_stat_get_backend_activity(integer)', 'EXECUTE') AS watches"
)


def check_rights(connection: Connection) -> Iterator[Finding]:
    """A superuser has them all, which is a finding of its own."""
    if connection.scalar(text("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")):
        return
    tables = connection.execute(_TABLES).all()
    if names := [table.name for table in tables if table.truncates]:
        yield error(f"the application's login may TRUNCATE {some(names)}, which no policy holds", _REMEDY)
    if names := [table.name for table in tables if table.triggers]:
        yield error(f"the application's login may put triggers on {some(names)}", _REMEDY)
    if any(table.rewrites for table in tables):
        yield error("the application's login may write the audit trail, audit_entries", _REMEDY)
    if names := [table.name for table in tables if table.records]:
        yield error(f"the application's login may read or write the records of system sessions, {some(names)}", _REMEDY)
    if names := [table.name for table in tables if table.deletes]:
        yield warning(f"the application's login may remove rows of {some(names)}, which are deleted softly", _REMEDY)
    if parts := connection.scalars(_PARTITIONS).all():
        yield error(
            f"the application's login reaches the partitions {some(parts)} past their parent's policies", _REMEDY
        )
    around = connection.execute(_AROUND).one()
    if around.creates:
        yield warning("the application's login may create tables and functions in the schema", _REMEDY)
    if around.makes_temporary and tables:
        yield warning(
            "the application's login may make temporary tables, which hide real ones from a connection's next session",
            "run `domain db roles` with --admin-url, naming a superuser or the database's owner",
        )
    if around.watches and tables:
        yield warning(
            "the application's login sees in pg_stat_activity what its other sessions run, with the values in it",
            "run `domain db roles` with --admin-url, naming a superuser; where nobody is one, set"
            " track_activities = off among the server's own parameters",
        )
