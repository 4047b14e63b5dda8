"""The system's login: one of its own, with a policy and rights on every tenant table."""

from collections.abc import Iterator

from sqlalchemy import Connection, text

from .findings import Finding, error, some, warning

_REMEDY = "run `domain db roles`"
_ROLE = text("SELECT rolname, rolsuper OR rolbypassrls AS is_unheld FROM pg_roles WHERE rolname = current_user")
_TABLES = text(
    "SELECT c.relname, has_table_privilege(c.oid, 'SELECT')"
    "  AND (has_table_privilege(c.oid, 'INSERT') OR c.relname = 'audit_entries')"
    "  AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE') AS granted,"
    " EXISTS (SELECT FROM pg_policy p CROSS JOIN LATERAL unnest(p.polroles) AS role"
    "  WHERE p.polrelid = c.oid AND p.polpermissive AND p.polcmd = '*' AND pg_get_expr(p.polqual, c.oid) = 'true'"
    "  AND role <> 0 AND pg_has_role(role, 'USAGE')) AS opened"
    " FROM pg_class c WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relrowsecurity"
    " AND c.relnamespace = current_schema()::regnamespace ORDER BY 1"
)
_RECORDS = text(
    "SELECT relname FROM pg_class WHERE NOT (has_table_privilege(oid, 'INSERT') AND has_table_privilege(oid, 'SELECT'))"
    " AND relname IN ('system_access', 'purge_records') AND relnamespace = current_schema()::regnamespace"
)


def check_system(connection: Connection, *, application: str) -> Iterator[Finding]:
    """What would make ``system_session`` see nothing, or the application's login (by name) as mighty."""
    role = connection.execute(_ROLE).one()
    if role.rolname == application:
        yield error(
            f"the application and the system share the login {application}",
            "let SYSTEM_DATABASE_URL name a login of its own, then run `domain db roles`",
        )
        return
    if role.is_unheld:
        yield warning(f"the system's login {role.rolname} is a superuser or has BYPASSRLS: it needs less", _REMEDY)
        return
    tables = connection.execute(_TABLES).all()
    if names := [table.relname for table in tables if not table.opened]:
        yield error(f"the system's login {role.rolname} has no policy on {some(names)}: it sees nothing there", _REMEDY)
    if names := [table.relname for table in tables if not table.granted]:
        yield error(f"the system's login {role.rolname} lacks rights on {some(names)}", _REMEDY)
    if names := list(connection.scalars(_RECORDS)):
        yield error(f"the system's login {role.rolname} can't record its use in {some(names)}", _REMEDY)
