"""The application's and the system's logins: what each may do, and nothing else.

The application's login owns nothing, bypasses nothing, is a member of nothing and may not TRUNCATE. The system's has
a policy of its own on every tenant table, as has the owner, who could drop them all; the application's is no member
of either, so that injected SQL can't become them.
"""

from collections.abc import Iterator
from contextlib import closing
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, text

from ..errors import ConfigurationError
from ..kit.database.translate import first_line
from ..kit.schema.scope_postgresql import quoted
from .grants import relation_grants, schema_of, surrounding_grants
from .logins import Logins
from .server import quieten

_LOCK = text(f"SELECT pg_advisory_xact_lock({int.from_bytes(b'roles')})")  # one run at a time
_ME = text("SELECT rolname, rolsuper, rolsuper OR rolcreaterole AS creates FROM pg_roles WHERE rolname = current_user")
_ROLE = text("SELECT * FROM pg_roles WHERE rolname = :name")
_MAY_ALTER = text(
    "SELECT rolcreaterole AND (current_setting('server_version_num')::int < 160000"
    " OR pg_has_role(current_user, :name, 'USAGE WITH ADMIN OPTION')) FROM pg_roles WHERE rolname = current_user"
)
_MEMBERSHIPS = text(
    "SELECT m.roleid::regrole::text AS granted, m.grantor::regrole::text AS grantor FROM pg_auth_members m"
    " WHERE m.member = (SELECT oid FROM pg_roles WHERE rolname = :name) ORDER BY 1, 2"
)
_ATTRIBUTES = {  # of pg_roles: what each must be, and how that is said
    "rolcanlogin": (True, "LOGIN"),
    "rolsuper": (False, "NOSUPERUSER"),
    "rolbypassrls": (False, "NOBYPASSRLS"),
    "rolcreatedb": (False, "NOCREATEDB"),
    "rolcreaterole": (False, "NOCREATEROLE"),
    "rolreplication": (False, "NOREPLICATION"),
}
_NEW = " ".join(said for _, said in _ATTRIBUTES.values())


class Statement(NamedTuple):
    """``shown`` has no password in it; where there is one, it is given to ``login``. A comment says what is left."""

    shown: str
    login: str = ""
    password: str = ""


def create_roles(engine: Engine, logins: Logins) -> list[str]:
    """Create what is missing and set every right, in one transaction; run it again after every migration.

    The statements, without passwords, in their order. Passwords reach the server as hashes.

    Raises:
        ConfigurationError: the engine's login may not do it, or a login is of no use; nothing was changed.
    """
    with engine.begin() as connection:
        connection.execute(_LOCK)
        statements = plan(connection, logins)
        for statement in statements:
            _run(connection, statement)
    return [statement.shown for statement in statements]


def plan(connection: Connection, logins: Logins) -> list[Statement]:
    """The statements that ``create_roles`` would run now. Raises ConfigurationError."""
    if connection.dialect.name != "postgresql":
        raise ConfigurationError("SQLite has no logins")
    schema = schema_of(connection, logins.owner)
    return [
        *_logins(connection, logins),
        *map(Statement, _quiet(connection, logins)),
        *map(Statement, surrounding_grants(connection, logins, schema)),
        *map(Statement, relation_grants(connection, logins, schema)),
    ]


def _logins(connection: Connection, logins: Logins) -> Iterator[Statement]:
    if connection.execute(_ROLE, {"name": logins.owner}).one_or_none() is None:
        yield from _create(connection, logins.owner, logins.owner_password)
    if logins.has_owner:
        yield from _hold(connection, logins.application, logins.application_password)
        for granted, grantor in connection.execute(_MEMBERSHIPS, {"name": logins.application}):
            by = f" GRANTED BY {grantor}" if (connection.dialect.server_version_info or ()) >= (16,) else ""
            yield Statement(f"REVOKE {granted} FROM {quoted(logins.application)}{by}")
    if logins.system:
        yield from _hold(connection, logins.system, logins.system_password)


def _quiet(connection: Connection, logins: Logins) -> Iterator[str]:
    for name in dict.fromkeys(filter(None, [logins.application, logins.system])):
        is_new = connection.execute(_ROLE, {"name": name}).one_or_none() is None
        yield from quieten(connection, name, may_alter=is_new or _may_alter(connection, name))


def _create(connection: Connection, name: str, password: str | None) -> Iterator[Statement]:
    me = connection.execute(_ME).one()
    if not me.creates:
        raise ConfigurationError(
            f"there is no login {name}, and {me.rolname} may not create it: run it with --admin-url (or"
            " ADMIN_DATABASE_URL) naming a login that may create roles"
        )
    yield Statement(f"CREATE ROLE {quoted(name)} {_NEW}")
    if password:
        yield _with_password(name, password)


def _hold(connection: Connection, name: str, password: str | None) -> Iterator[Statement]:
    """A login with no attribute that would lift it over row level security."""
    role = connection.execute(_ROLE, {"name": name}).one_or_none()
    if role is None:
        yield from _create(connection, name, password)
        return
    if role.rolsuper:
        raise ConfigurationError(
            f"the login {name} is a superuser, which row level security does not hold: name another one in the URL"
        )
    if wrong := [said for name, (right, said) in _ATTRIBUTES.items() if getattr(role, name) is not right]:
        yield Statement(f"ALTER ROLE {quoted(name)} {' '.join(wrong)}")
    if password and _may_alter(connection, name):
        yield _with_password(name, password)


def _may_alter(connection: Connection, name: str) -> bool:
    return bool(connection.execute(_ME).one().rolsuper or connection.scalar(_MAY_ALTER, {"name": name}))


def _with_password(name: str, password: str) -> Statement:
    if "\x00" in password:
        raise ConfigurationError(f"the password of {name} has a NUL character, which PostgreSQL does not take")
    return Statement(f"ALTER ROLE {quoted(name)} PASSWORD '***'", name, password)


def _run(connection: Connection, statement: Statement) -> None:
    if statement.shown.startswith("--"):
        return
    # By the driver itself: SQLAlchemy would log the statement, and quote it in an error.
    dbapi: Any = connection.dialect.loaded_dbapi
    driver: Any = connection.connection.driver_connection
    command = statement.shown
    if statement.password:
        # The server would log a password; its hash is all it needs.
        hashed: str = dbapi.extensions.encrypt_password(statement.password, statement.login, scope=driver)
        command = f"ALTER ROLE {quoted(statement.login)} PASSWORD '{hashed}'"
    try:
        with closing(driver.cursor()) as cursor:
            cursor.execute(command)
    except dbapi.Error as error:
        raise ConfigurationError(f"{statement.shown}: {first_line(error)}; nothing was changed") from None
