"""The server: its encodings and connections, and what its log shows of a login's statements.

psycopg2 writes the values into them.
"""

from collections.abc import Iterator

from sqlalchemy import Connection, text

from ..kit.schema.scope_postgresql import quoted
from .findings import Finding, error, warning

# A refused statement stands in the log with its text, and a deadlock with those of both, in its DETAIL.
_QUIET = {"log_min_error_statement": "panic", "log_error_verbosity": "terse"}
_WHO_MAY = (
    "by a superuser or, from PostgreSQL 15 on, one with GRANT SET ON PARAMETER (`domain db roles` does it, where"
    " --admin-url names such a login); where nobody is, set it among the server's own parameters"
)
# Of the login, or of all that the server's own parameters hold for.
_SET = text(
    "SELECT unnest(setconfig) FROM pg_db_role_setting"
    " WHERE setdatabase = 0 AND setrole = (SELECT oid FROM pg_roles WHERE rolname = :login)"
    " UNION SELECT name || '=' || setting FROM pg_settings WHERE source IN ('configuration file', 'command line')"
)
_IS_SUPERUSER = text("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
_MAY_SET = text("SELECT has_parameter_privilege(:name, 'SET')")
_LOUD = text(
    "SELECT name, setting, quiet[1] FROM pg_settings JOIN (VALUES"
    " ('log_min_error_statement', ARRAY['panic']), ('log_error_verbosity', ARRAY['terse']),"
    " ('log_statement', ARRAY['none', 'ddl']), ('log_min_duration_statement', ARRAY['-1']),"
    " ('log_min_duration_sample', ARRAY['-1']), ('log_transaction_sample_rate', ARRAY['0']),"
    " ('auto_explain.log_min_duration', ARRAY['-1'])) AS wanted(name, quiet) USING (name) WHERE setting <> ALL (quiet)"
)
_SERVER = text(
    "SELECT current_setting('server_encoding') AS server, current_setting('client_encoding') AS client,"
    " current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int"
    "  - coalesce(current_setting('reserved_connections', true)::int, 0) AS connections,"
    " r.rolname AS name, r.rolconnlimit AS of_login, d.datconnlimit AS of_database"
    " FROM pg_roles r, pg_database d WHERE r.rolname = current_user AND d.datname = current_database()"
)
_SHARE = 0.8  # of what there is: the rest is for migrations and a person who looks


def quieten(connection: Connection, login: str, *, may_alter: bool) -> Iterator[str]:
    """The statements by which no refused statement of the login is logged; a comment where the admin may not."""
    done = set(connection.scalars(_SET, {"login": login}))
    missing = {name: value for name, value in _QUIET.items() if f"{name}={value}" not in done}
    if may_alter and all(_may_set(connection, name) for name in missing):
        for name, value in missing.items():
            yield f"ALTER ROLE {quoted(login)} SET {name} = {value}"
    elif missing:
        yield f"-- {' and '.join(missing)} of {quoted(login)}: not this login's to set; `domain doctor` says whose"


def check_log(connection: Connection) -> Iterator[Finding]:
    """Settings of the connection's login under which what it sends is logged."""
    login: str = connection.scalar(text("SELECT current_user")) or ""
    if loud := connection.execute(_LOUD).all():
        found = ", ".join(f"{name} = {setting}" for name, setting, _ in loud)
        alter = "; ".join(f"ALTER ROLE {quoted(login)} SET {name} = {quiet}" for name, _, quiet in loud)
        yield warning(f"the server logs statements of {login} with the values in them: {found}", f"{alter}; {_WHO_MAY}")


def _may_set(connection: Connection, name: str) -> bool:
    version = connection.dialect.server_version_info or ()
    return bool(connection.scalar(_IS_SUPERUSER) or (version >= (15,) and connection.scalar(_MAY_SET, {"name": name})))


def check_server(connection: Connection, pool_limit: int, *, pools: int) -> Iterator[Finding]:
    """``pool_limit``: how many connections one process may open with a login; ``pools``: with how many logins."""
    server = connection.execute(_SERVER).one()
    if server.server != "UTF8":
        yield error(
            f"the database's encoding is {server.server}: not every name can be stored",
            "create it again with ENCODING 'UTF8' TEMPLATE template0, and load the data into it",
        )
    if server.client != "UTF8":
        yield error(
            f"this client's encoding is {server.client}: not every name can be sent or read",
            "unset PGCLIENTENCODING, or ALTER ROLE ... RESET client_encoding",
        )
    both = pool_limit * pools
    limits = [("the server", int(server.connections * _SHARE), both)]
    limits += [("the database", server.of_database, both)] if server.of_database >= 0 else []
    limits += [("the login", server.of_login, pool_limit)] if server.of_login >= 0 else []
    for whose, limit, wanted in limits:
        if wanted > limit:
            yield warning(
                f"one process may open {wanted} connections, and {whose} should give no more than {limit}",
                "lower pool_size and max_overflow, or put PgBouncer in between",
            )
