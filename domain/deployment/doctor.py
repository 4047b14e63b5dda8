"""Faults of a running deployment, each with its remedy."""

import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import chain, starmap
from pathlib import Path

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from ..config import named
from ..database import Database
from ..errors import DomainError
from ..kit.database.readiness import behind, lacking, reached
from ..kit.database.translate import first_line
from .backups import hidden_tables
from .check_login import check_login
from .check_rights import check_rights
from .check_system import check_system
from .check_tables import check_indexes, check_tables
from .check_views import check_functions, check_views
from .findings import Finding, error, some, warning
from .server import check_log, check_server

_LOGIN = text("SELECT current_user")
_TAKE = text("SELECT pg_try_advisory_xact_lock(:number)")


def examine(database: Database) -> list[Finding]:
    """Look at the database through each of its logins; an empty list is a clean bill of health.

    Raises:
        UnavailableError: the database can't be reached.
    """
    with database.engine.connect() as connection:
        return [*_application(connection, database), *_system(connection, database), *_owner(connection, database)]


def dumping_login(database: Database) -> str | None:
    """The login for migrations, where its pg_dump has every row; None where row level security keeps it from some."""
    if database.is_sqlite:
        return None
    with suppress(DomainError, SQLAlchemyError), database.migration_engine.connect() as connection:
        return None if hidden_tables(connection) else connection.scalar(_LOGIN)
    return None


def examine_application(connection: Connection) -> Iterator[Finding]:
    """Findings through the application's login, whose connection it is."""
    tables = reached(connection)
    yield from starmap(error, chain(behind(connection, tables), lacking(tables)))
    yield from check_login(connection)
    yield from check_tables(connection)
    yield from check_indexes(connection)
    yield from check_views(connection)
    yield from check_functions(connection)
    yield from check_rights(connection)


def _application(connection: Connection, database: Database) -> Iterator[Finding]:
    if database.is_sqlite:
        yield from starmap(error, behind(connection, reached(connection)))
        what = "SQLite holds no other program to an organization, and has one writer at a time"
        yield warning(
            what, "use PostgreSQL where several organizations share a database: DATABASE_URL=postgresql://..."
        )
        return
    yield from examine_application(connection)
    yield from check_log(connection)
    yield from check_server(connection, database.pool_limit, pools=1 if database.system_engine is None else 2)


def _system(connection: Connection, database: Database) -> Iterator[Finding]:
    def check(system: Connection) -> Iterator[Finding]:
        yield from check_system(system, application=str(connection.scalar(_LOGIN)))
        yield from check_log(system)

    if database.system_engine is not None:
        yield from _through(database.system_engine, "system", "SYSTEM_DATABASE_URL", connection, check)
    elif not database.is_sqlite:
        yield warning(
            "there is no login for work across organizations: system_session raises",
            "set SYSTEM_DATABASE_URL to a login of its own, then run `domain db roles`",
        )


def _owner(connection: Connection, database: Database) -> Iterator[Finding]:
    if database.migration_engine is not database.engine:
        yield from _through(database.migration_engine, "owner", "MIGRATION_DATABASE_URL", connection, _check_dumps)
    else:
        yield from _check_dumps(connection)


def _check_dumps(connection: Connection) -> Iterator[Finding]:
    if connection.dialect.name == "postgresql" and (hidden := hidden_tables(connection)):
        yield warning(
            f"{connection.scalar(_LOGIN)} does not see every row of {some(hidden)}: `pg_dump --enable-row-security`"
            " leaves them out, and says nothing",
            "use `domain db dump`; or let MIGRATION_DATABASE_URL name the owner, and DATABASE_URL a login that owns"
            " nothing; then run `domain db roles`",
        )


def _through(
    engine: Engine,
    whose: str,
    setting: str,
    application: Connection,
    check: Callable[[Connection], Iterable[Finding]] = lambda _: (),
) -> Iterator[Finding]:
    """Findings through another login than the application's."""
    try:
        with engine.connect() as connection:
            if _is_same(application, connection):
                yield from check(connection)
            else:
                other = f"{named(engine.url)}, and DATABASE_URL {named(application.engine.url)}"
                yield error(
                    f"two databases are used as one: {setting} names {other}",
                    f"let {setting} and DATABASE_URL name the same server and database",
                )
    except (DomainError, SQLAlchemyError) as failure:
        reason = first_line(failure.__cause__ or failure)
        yield error(f"the {whose}'s login can't be used: {reason}", f"correct {setting}; run `domain db roles`")


def _is_same(mine: Connection, other: Connection) -> bool:
    """True if a lock of the one blocks the other: a copy, a standby and a pooler can't feign that."""
    if (mine.dialect.name, other.dialect.name) == ("postgresql", "postgresql"):
        number = {"number": secrets.randbits(62)}
        mine.execute(_TAKE, number)
        return not other.scalar(_TAKE, number)
    return mine.dialect.name == other.dialect.name and _file(mine) == _file(other)


def _file(connection: Connection) -> Path:
    return Path(str(connection.engine.url.database)).resolve()
