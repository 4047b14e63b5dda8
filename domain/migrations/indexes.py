"""Indexes that a CREATE INDEX CONCURRENTLY or a REINDEX CONCURRENTLY left half made."""

from threading import Event

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from ..errors import DomainError
from ..kit.database.postgresql import lift_limits
from ..kit.database.translate import first_line
from ..kit.schema.invalid_indexes import invalid_indexes
from .runs import LOG, one_at_a_time
from .transaction import MigrationError


def repair(engine: Engine) -> list[str]:
    """Make invalid indexes anew while the application goes on, and drop what an earlier try left; their names.

    Raises:
        MigrationError: an index can't be made, as rows are not unique; those before it are.
    """
    if engine.dialect.name == "sqlite":
        return []
    with one_at_a_time(engine, Event()), engine.connect() as connection:
        lift_limits(connection)
        invalid = invalid_indexes(connection)
        connection.rollback()
        outside = connection.execution_options(isolation_level="AUTOCOMMIT")
        outside.exec_driver_sql("SET lock_timeout = 0")
        for index in invalid:
            _repair(outside, index.name, is_left_over=index.is_left_over)
        outside.exec_driver_sql("RESET lock_timeout")
    return [index.name for index in invalid]


def _repair(connection: Connection, name: str, *, is_left_over: bool) -> None:
    LOG.info("%s %s", "dropping" if is_left_over else "making", name)
    try:
        connection.exec_driver_sql(f"{'DROP' if is_left_over else 'REINDEX'} INDEX CONCURRENTLY {name}")
    except (DBAPIError, DomainError) as error:
        raise MigrationError(f"the index {name} can't be made: {first_line(error)}") from error
