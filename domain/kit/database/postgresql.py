"""Engines on PostgreSQL: listeners that prepare, test and clean their connections."""

import select
from time import monotonic
from typing import Any

import psycopg2
from psycopg2 import extensions
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry

from ...limits import TimeLimits
from ..schema.scope import ORGANIZATION_SETTING
from ..schema.scope_postgresql import ACTOR_SETTING, REQUEST_SETTING
from ..session import OWN, READS
from .one_message import OneMessageConnection

KEEPS_LIMITS = "domain_keeps_limits"  # execution option of an engine: its limits are those of migrations
RESTED_SECONDS = 10.0
"""After so long a rest a connection is pinged: a line can be cut without a sign."""


def configure(engine: Engine, limits: TimeLimits, *, pre_ping: bool) -> None:
    """Have connections know which statements only read, speak UTC, forget who used them, and be tested before use."""
    starts_with = {name: f"SET LOCAL {name} = ''; " for name in (ORGANIZATION_SETTING, ACTOR_SETTING, REQUEST_SETTING)}
    for name, milliseconds in limits.settings.items():
        starts_with[name] = f"SET LOCAL {name} = {milliseconds}; "
    for how in ("do_execute", "do_executemany", "do_execute_no_params"):
        event.listen(engine, how, _tell)  # of the dialect: the engine's slow down every connection

    @event.listens_for(engine, "connect")
    def _on_connect(connection: OneMessageConnection, _record: object) -> None:
        _prepare(connection, starts_with)

    @event.listens_for(engine, "checkout")
    def _on_checkout(connection: OneMessageConnection, _record: object, _fairy: object) -> None:
        if connection.is_tainted:
            connection.is_own, connection.is_tainted = True, False
        if pre_ping:
            _refuse_dead(connection)

    @event.listens_for(engine, "checkin")
    def _on_checkin(connection: OneMessageConnection | None, record: ConnectionPoolEntry) -> None:
        if connection is None or connection.is_inherited or not connection.is_tainted:
            return
        try:
            if connection.is_own:  # the application's listeners run for new ones only
                record.invalidate()
            else:
                connection.forget()
                _prepare(connection, starts_with)
        except psycopg2.Error as error:
            record.invalidate(error)


def _tell(cursor: Any, _statement: str, *given: Any) -> None:
    context = given[-1]
    if context is not None:
        cursor.reads = context.execution_options.get(READS, False)
        cursor.leaves_nothing = leaves_nothing(context)


def leaves_nothing(context: Any) -> bool:
    """True if a statement is known to leave nothing on its connection that outlives the transaction.

    Text may (SET, LISTEN, PREPARE), and so may a function that SQLAlchemy does not know itself (``set_config``).
    """
    is_own: bool = context.execution_options.get(OWN, False)
    return is_own or (getattr(context.compiled, "hidden", "text") is None and not context.compiled.calls_unknown)


def lift_limits(connection: Connection) -> None:
    """Drop the application's time limits for a migration, until the connection is given back."""
    driver: object = connection.connection.dbapi_connection
    if isinstance(driver, OneMessageConnection) and not connection.get_execution_options().get(KEEPS_LIMITS):
        driver.lift_limits()


def _prepare(connection: OneMessageConnection, starts_with: dict[str, str]) -> None:
    # The driver can't read a last day of the year 9999 that the server writes in a zone east of UTC.
    with extensions.cursor(connection) as cursor:
        cursor.execute("SELECT set_config('TimeZone', 'UTC', false), current_setting('default_transaction_isolation')")
        connection.is_stricter = cursor.fetchall()[0][1] not in ("read committed", "read uncommitted")
    connection.starts_with = starts_with
    connection.rollback()
    connection.is_tainted = False


def _refuse_dead(connection: OneMessageConnection) -> None:
    """Raise DisconnectionError for a dead connection: the pool opens another. A server that closes one sends word."""
    rested = monotonic() - connection.used_at > RESTED_SECONDS
    if not rested and not _has_word(connection):
        return
    try:
        with extensions.cursor(connection) as cursor:
            cursor.execute("SELECT 1")
    except psycopg2.Error as error:
        raise DisconnectionError("the connection was lost while it rested") from error
    connection.used_at = monotonic()


def _has_word(connection: OneMessageConnection) -> bool:
    if not hasattr(select, "poll"):  # Windows
        return bool(select.select([connection.fileno()], [], [], 0)[0])
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    return bool(waiting.poll(0))
