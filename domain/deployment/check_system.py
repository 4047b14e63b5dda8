"""The system's login: one of its own, with a policy and rights on every tenant table."""

from collections.abc import Iterator

from sqlalchemy import Connection, text

from ..kit.schema.scope_postgresql import NO_ORGANIZATION, plain
from .findings import Finding, error, some, warning

_REMEDY = "run `domain db roles`"
_OPEN = "true"  # the condition of a policy that is open at any time
_ROLE = text("SELECT rolname, rolsuper OR rolbypassrls AS is_unheld FROM pg_roles WHERE rolname = current_user")
_TABLES = text(
    "SELECT c.relname, c.relname IN ('system_access', 'purge_records') OR has_table_privilege(c.oid, 'SELECT')"
    "  AND (has_table_privilege(c.oid, 'INSERT') OR c.relname = 'audit_entries')"
    "  AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE') AS granted,"
    " ARRAY(SELECT pg_get_expr(p.polqual, c.oid) FROM pg_policy p"
    "  WHERE p.polrelid = c.oid AND p.polpermissive AND p.polcmd = '*' AND p.polqual IS NOT NULL"
    "  AND EXISTS (SELECT FROM unnest(p.polroles) AS role WHERE role <> 0 AND pg_has_role(role, 'USAGE'))) AS opened"
    " FROM pg_class c WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relrowsecurity"
    " AND c.relnamespace = current_schema()::regnamespace ORDER BY 1"
)
_RECORDS = text(
    "SELECT relname FROM pg_class WHERE NOT (has_table_privilege(oid, 'INSERT') AND has_table_privilege(oid, 'SELECT'))"
    " AND relname IN ('system_access', 'purge_records') AND relnamespace = current_schema()::regnamespace"
)


def check_system(connection: Connection, *, application: str) -> Iterator[Finding]:
    """Faults that blind ``system_session``, or make the application's login (by name) as mighty."""
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
    opened = {table.relname: set(map(plain, table.opened)) for table in tables}
    if names := [name for name, conditions in opened.items() if not conditions & {_OPEN, plain(NO_ORGANIZATION)}]:
        yield error(f"the system's login {role.rolname} has no policy on {some(names)}: it sees nothing there", _REMEDY)
    if names := [name for name, conditions in opened.items() if _OPEN in conditions]:
        yield error(f"a policy shows {role.rolname} all of {some(names)} in as_organization, too", _REMEDY)
    if names := [table.relname for table in tables if not table.granted]:
        yield error(f"the system's login {role.rolname} lacks rights on {some(names)}", _REMEDY)
    if names := list(connection.scalars(_RECORDS)):
        yield error(f"the system's login {role.rolname} can't record its use in {some(names)}", _REMEDY)
