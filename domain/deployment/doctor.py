"""What is wrong with a running deployment, and what to do about it."""

from collections.abc import Iterator

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from ..database import Database
from ..errors import DomainError
from .check_login import check_login
from .check_rights import check_rights
from .check_server import check_server
from .check_system import check_system
from .check_tables import check_tables
from .check_views import check_functions, check_views
from .findings import Finding, error, warning
from .server_log import check_log


def examine(database: Database) -> list[Finding]:
    """Look at the database through each of its logins; an empty list is a clean bill of health.

    Raises:
        UnavailableError: the database can't be reached.
    """
    if database.is_sqlite:
        what = "SQLite has no row level security and one writer at a time"
        remedy = "use PostgreSQL where several organizations share a database: DATABASE_URL=postgresql://..."
        return [warning(what, remedy)]
    with database.engine.connect() as connection:
        return [
            *examine_application(connection),
            *check_log(connection),
            *_system(database, application=str(connection.scalar(text("SELECT current_user")))),
            *check_server(connection, database.pool_limit),
        ]


def examine_application(connection: Connection) -> Iterator[Finding]:
    """What the application's login, whose connection it is, could do."""
    yield from check_login(connection)
    yield from check_tables(connection)
    yield from check_views(connection)
    yield from check_functions(connection)
    yield from check_rights(connection)


def _system(database: Database, *, application: str) -> Iterator[Finding]:
    if database.system_engine is None:
        yield warning(
            "there is no login for work across organizations: system_session raises",
            "set SYSTEM_DATABASE_URL to a login of its own, then run `domain db roles`",
        )
        return
    try:
        with database.system_engine.connect() as connection:
            yield from check_system(connection, application=application)
            yield from check_log(connection)
    except (DomainError, SQLAlchemyError) as failure:
        reason = str(failure.__cause__ or failure).strip().partition("\n")[0]
        yield error(f"the system's login can't be used: {reason}", "correct SYSTEM_DATABASE_URL; run `domain db roles`")
