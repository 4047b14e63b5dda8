"""The application's and the system's logins: what each may do, and nothing else.

The application's login owns nothing, bypasses nothing, is a member of nothing and may not TRUNCATE. The system's has
a policy of its own on every tenant table, as has the owner, who could drop them all; the application's is no member of it, so that injected SQL can't become it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection, Engine, text
from sqlalchemy.dialects import postgresql

from ..errors import ConfigurationError

SYSTEM_POLICY = "system_access"
OWNER_POLICY = "owner_access"
_ATTRIBUTES = "LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION"
_PREPARER = postgresql.dialect().identifier_preparer  # type: ignore[no-untyped-call]  # SQLAlchemy's constructor

_TABLES = text(
    "SELECT c.relname, c.relrowsecurity AS secured,"
    " EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'is_deleted') AS soft,"
    " EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'version_num') AS versions"
    " FROM pg_class c WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition"
    " AND c.relnamespace = current_schema()::regnamespace ORDER BY c.relname"
)


@dataclass(frozen=True, kw_only=True)
class Logins:
    """Names of roles; a password that is None is left as it is."""

    owner: str
    application: str
    system: str
    application_password: str | None = None
    system_password: str | None = None

    def __post_init__(self) -> None:
        if len({self.owner, self.application, self.system}) < 3:
            raise ConfigurationError(
                "the owner, the application and the system need three different logins:"
                " MIGRATION_DATABASE_URL, DATABASE_URL and SYSTEM_DATABASE_URL"
            )

    def __repr__(self) -> str:
        return f"Logins(owner={self.owner!r}, application={self.application!r}, system={self.system!r})"


def create_roles(engine: Engine, logins: Logins) -> list[str]:
    """Create what is missing and set every right, in one transaction; runs again after every migration.

    Needs a login that may create roles and owns the tables (or is superuser). Returns the statements, without
    passwords.
    """
    done: list[str] = []
    with engine.begin() as connection:
        for statement in role_statements(connection, logins):
            connection.exec_driver_sql(statement.replace("%", "%%"))
            done.append(statement.partition(" PASSWORD ")[0])
    return done


def role_statements(connection: Connection, logins: Logins) -> Iterator[str]:
    """The statements for the database as it is; those for a login carry its password."""
    application, system, owner = (quoted(n) for n in (logins.application, logins.system, logins.owner))
    for name, password in (
        (logins.application, logins.application_password),
        (logins.system, logins.system_password),
    ):
        exists = connection.scalar(text("SELECT 1 FROM pg_roles WHERE rolname = :name"), {"name": name})
        secret = f" PASSWORD {_literal(password)}" if password else ""
        yield f"{'ALTER' if exists else 'CREATE'} ROLE {quoted(name)} {_ATTRIBUTES}{secret}"
    memberships = text(
        "SELECT m.roleid::regrole::text FROM pg_auth_members m WHERE m.member = (SELECT oid FROM pg_roles"
        " WHERE rolname = :name)"
    )
    for granted in connection.scalars(memberships, {"name": logins.application}):
        yield f"REVOKE {granted} FROM {application}"
    schema = quoted(connection.scalar(text("SELECT current_schema()")) or "public")
    database = quoted(connection.scalar(text("SELECT current_database()")) or "")
    yield f"GRANT CONNECT ON DATABASE {database} TO {application}, {system}"
    yield f"GRANT USAGE ON SCHEMA {schema} TO {application}, {system}"
    yield f"REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC"
    yield f"REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM PUBLIC, {application}, {system}"
    for table in connection.execute(_TABLES).all():
        yield from _grants(_Table(*table), application, system)
        if table.secured:
            yield from _open_to(table.relname, SYSTEM_POLICY, system)
            yield from _open_to(table.relname, OWNER_POLICY, owner)
    for role in (application, system):
        yield f"ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {schema} GRANT SELECT, INSERT, UPDATE ON TABLES TO {role}"


class _Table(NamedTuple):
    """A row of ``_TABLES``."""

    relname: str
    secured: bool
    soft: bool
    versions: bool


def _grants(table: _Table, application: str, system: str) -> Iterator[str]:
    name = quoted(table.relname)
    if table.versions:
        yield f"GRANT SELECT ON {name} TO {application}, {system}"
        return
    if table.relname == "system_access":
        yield f"GRANT SELECT, INSERT ON {name} TO {system}"
        return
    # What is deleted softly is removed by the system's login alone.
    yield f"GRANT SELECT, INSERT, UPDATE{'' if table.soft else ', DELETE'} ON {name} TO {application}"
    yield f"GRANT SELECT, INSERT, UPDATE, DELETE ON {name} TO {system}"


def _open_to(table: str, policy: str, role: str) -> Iterator[str]:
    yield f"DROP POLICY IF EXISTS {policy} ON {quoted(table)}"
    yield f"CREATE POLICY {policy} ON {quoted(table)} TO {role} USING (true)"


def quoted(identifier: str) -> str:
    """The identifier, quoted where SQL needs it."""
    return _PREPARER.quote(identifier)


def _literal(value: str) -> str:
    if "\x00" in value:
        raise ConfigurationError("a password must not contain the NUL character")
    return "E'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
