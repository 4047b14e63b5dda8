"""Encodings and connections."""

from collections.abc import Iterator

from sqlalchemy import Connection, text

from .findings import Finding, error, warning

_SERVER = text(
    "SELECT current_setting('server_encoding') AS server, current_setting('client_encoding') AS client,"
    " current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int"
    "  - coalesce(current_setting('reserved_connections', true)::int, 0) AS connections,"
    " r.rolname AS name, r.rolconnlimit AS of_login, d.datconnlimit AS of_database"
    " FROM pg_roles r, pg_database d WHERE r.rolname = current_user AND d.datname = current_database()"
)
_SHARE = 0.8  # of what there is: the rest is for migrations and a person who looks


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
