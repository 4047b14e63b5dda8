"""What is wrong with a running deployment, and what to do about it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, Row, text

from ..database import Database
from ..models import DomainModel
from ..models.policies import policies


class Severity(StrEnum):
    """How bad it is."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing to do."""

    severity: Severity
    what: str
    remedy: str


def examine(database: Database) -> list[Finding]:
    """Look at the database through each of its logins; an empty list is a clean bill of health.

    Raises:
        UnavailableError: the database can't be reached.
    """
    if database.is_sqlite:
        return [
            Finding(
                severity=Severity.WARNING,
                what="SQLite has no row level security and one writer at a time",
                remedy="use PostgreSQL where several organizations share a database: DATABASE_URL=postgresql://...",
            )
        ]
    with database.engine.connect() as connection:
        return [
            *_login(connection),
            *_tables(connection),
            *_views(connection),
            *_rights(connection),
            *_surroundings(connection, database),
        ]


def _login(connection: Connection) -> Iterator[Finding]:
    role = connection.execute(
        text(
            "SELECT rolname AS name, rolsuper AS super, rolbypassrls AS bypass, rolcreaterole AS creates,"
            " ARRAY(SELECT m.roleid::regrole::text FROM pg_auth_members m WHERE m.member = r.oid) AS memberships"
            " FROM pg_roles r WHERE rolname = current_user"
        )
    ).one()
    remedy = "run `domain db roles` and let DATABASE_URL name the application's own login"
    if role.super:
        yield _error(f"the application's login {role.name} is a superuser: row level security does not hold it", remedy)
    if role.bypass:
        yield _error(f"the application's login {role.name} has BYPASSRLS", remedy)
    if role.creates:
        yield _error(f"the application's login {role.name} may create roles, and so become another", remedy)
    for membership in role.memberships:
        yield _error(
            f"the application's login {role.name} is a member of {membership}: injected SQL may SET ROLE to it",
            f"REVOKE {membership} FROM {role.name}",
        )
    owned = connection.scalars(
        text("SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relowner = current_user::regrole ORDER BY 1")
    ).all()
    if owned:
        yield _warning(
            f"the application's login {role.name} owns {_some(owned)}: injected SQL may drop their policies", remedy
        )


def _tables(connection: Connection) -> Iterator[Finding]:
    rows = connection.execute(
        text(
            "SELECT c.relname AS name, c.relrowsecurity AS secured, c.relforcerowsecurity AS forced,"
            " ARRAY(SELECT p.polname::text FROM pg_policy p WHERE p.polrelid = c.oid) AS policies,"
            " ARRAY(SELECT p.polname::text FROM pg_policy p WHERE p.polrelid = c.oid AND p.polpermissive"
            "  AND p.polroles = '{0}' AND pg_get_expr(p.polqual, p.polrelid) = 'true') AS open_policies"
            " FROM pg_class c WHERE c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::regnamespace"
        )
    )
    found = {row.name: row for row in rows}
    for table in DomainModel.metadata.sorted_tables:
        if wanted := policies(table):
            yield from _table(table.name, found.get(table.name), {policy.name for policy in wanted})


def _table(name: str, row: "Row[tuple[object, ...]] | None", wanted: set[str]) -> Iterator[Finding]:
    if row is None:
        yield _error(f"the table {name} is missing", "run `domain db upgrade`")
        return
    if not (row.secured and row.forced):
        yield _error(
            f"the table {name} is not under row level security, its owner included",
            f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY; ALTER TABLE {name} FORCE ROW LEVEL SECURITY",
        )
    if missing := sorted(wanted - set(row.policies)):
        yield _error(f"the table {name} lacks its policy {', '.join(missing)}", "run `domain db upgrade`, then check")
    for policy in row.open_policies:
        yield _error(f"the policy {policy} opens {name} to everyone", f"DROP POLICY {policy} ON {name}")


def _views(connection: Connection) -> Iterator[Finding]:
    names = connection.scalars(
        text(
            "SELECT DISTINCT v.relname FROM pg_class v JOIN pg_rewrite r ON r.ev_class = v.oid"
            " JOIN pg_depend d ON d.objid = r.oid AND d.classid = 'pg_rewrite'::regclass"
            " JOIN pg_class t ON t.oid = d.refobjid AND t.relrowsecurity"
            " WHERE v.relkind IN ('v', 'm') AND v.oid <> t.oid AND (v.relkind = 'm'"
            "  OR NOT coalesce('security_invoker=true' = ANY (v.reloptions), false)) ORDER BY 1"
        )
    )
    for name in names:
        yield _error(
            f"the view {name} reads tenant tables with its owner's rights, past row level security",
            f"ALTER VIEW {name} SET (security_invoker = true); a materialized view can't be made safe: revoke it",
        )


def _rights(connection: Connection) -> Iterator[Finding]:
    tables = connection.scalars(
        text(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = current_schema()::regnamespace"
            " AND relrowsecurity AND has_table_privilege(oid, 'TRUNCATE') AND relowner <> current_user::regrole ORDER BY 1"
        )
    ).all()
    if tables:
        yield _error(
            f"the application's login may TRUNCATE {_some(tables)}, which no policy holds", "run `domain db roles`"
        )
    partitions = connection.scalars(
        text("SELECT relname FROM pg_class WHERE relispartition AND has_table_privilege(oid, 'SELECT') ORDER BY 1")
    ).all()
    if partitions:
        yield _error(
            f"the application's login may read the partitions {_some(partitions)} past their parent's policies",
            "revoke every right on partitions",
        )


def _surroundings(connection: Connection, database: Database) -> Iterator[Finding]:
    encoding = connection.scalar(text("SHOW server_encoding"))
    if encoding != "UTF8":
        yield _error(f"the database's encoding is {encoding}", "create it again with ENCODING 'UTF8'")
    limit = int(connection.scalar(text("SHOW max_connections")) or 0)
    wanted = database.pool_limit
    if wanted > limit * 0.8:
        yield _warning(
            f"one process may open {wanted} connections, the server allows {limit} in all",
            "lower pool_size and max_overflow, or put PgBouncer in between",
        )
    if not database.has_system_login:
        yield _warning(
            "there is no login for work across organizations: system_session raises",
            "set SYSTEM_DATABASE_URL after `domain db roles`",
        )


def _error(what: str, remedy: str) -> Finding:
    return Finding(severity=Severity.ERROR, what=what, remedy=remedy)


def _warning(what: str, remedy: str) -> Finding:
    return Finding(severity=Severity.WARNING, what=what, remedy=remedy)


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"
