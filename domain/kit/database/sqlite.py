"""SQLite, so that it behaves as PostgreSQL does under READ COMMITTED: one writer at a time, readers beside it."""

import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from weakref import finalize

from sqlalchemy import URL, Connection, Engine, event
from sqlalchemy.pool import ConnectionPoolEntry

from ...errors import ReadOnlySessionError
from ...limits import TimeLimits
from ..private import is_locking
from ..schema.audit_sqlite import CONTEXT
from ..schema.scope_postgresql import ACTOR_SETTING, REQUEST_SETTING
from ..session import READ_ONLY_SETTING
from .sqlite_connection import ScopedCompiler, ScopedConnection

BUSY_TIMEOUT_MS, _FOR_EVER = 30_000, 2**31 - 1
_WAITING = "domain_savepoints"  # in Connection.info: the names of savepoints that wait for the first write
_LEAVES_NOTHING = ("SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "SAVEPOINT", "RELEASE", "ROLLBACK")  # PRAGMA may
_NO_WRITES = ("SELECT", "PRAGMA", "EXPLAIN", "BEGIN")


def private_file(url: URL, owner: object) -> tuple[URL, Callable[[], object] | None]:
    """A temporary file in the place of ``:memory:``, which several connections could not share, and what removes it.

    It is removed with its owner at the latest, and never by a forked child.
    """
    if url.database not in (None, "", ":memory:") and url.query.get("mode") != "memory":
        return url, None
    folder = tempfile.mkdtemp(prefix="domain-")
    return url.set(database=str(Path(folder, "memory.db")), query={}), finalize(owner, _remove, folder, os.getpid())


def _remove(folder: str, process: int) -> None:
    if os.getpid() == process:
        shutil.rmtree(folder, ignore_errors=True)


def configure(engine: Engine, limits: TimeLimits, *, scoped: bool) -> None:
    """Foreign keys, write-ahead log, waiting for the lock, and explicit transactions for every connection.

    ``scoped`` ones show an organization's rows alone; those of migrations show all.
    """
    busy_timeout = limits.settings.get("lock_timeout", BUSY_TIMEOUT_MS) or _FOR_EVER

    if scoped:
        engine.dialect.statement_compiler = ScopedCompiler

    @event.listens_for(engine, "connect")
    def _on_connect(connection: ScopedConnection, _record: object) -> None:
        connection.isolation_level = None  # the driver would begin (too late) and commit (too early) on its own
        for pragma in (
            "foreign_keys=ON",
            f"busy_timeout={busy_timeout}",
            "synchronous=NORMAL",
            "recursive_triggers=ON",  # or INSERT OR REPLACE would remove another organization's row unseen
        ):
            connection.execute(f"PRAGMA {pragma}")
        _use_write_ahead_log(connection, busy_timeout / 1000)

    @event.listens_for(engine, "before_cursor_execute", retval=True)
    def _begin_before_the_first_write(
        connection: Connection, cursor: Any, statement: str, parameters: Any, context: Any, _many: bool
    ) -> tuple[str, Any]:
        cursor.connection.is_tainted |= not statement.startswith(_LEAVES_NOTHING)
        is_autocommit = connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT"
        if is_autocommit or cursor.connection.in_transaction:
            return statement, parameters
        if scoped:
            cursor.connection.hold_scope()
        waiting: list[str] = connection.info.setdefault(_WAITING, [])
        if _is_kept(statement, waiting):
            return f"-- {statement}", parameters
        # Reads before the first write hold no lock, and each sees what is committed by then. A read transaction
        # that turned into a writing one would fail at once if another wrote in between: IMMEDIATE waits.
        is_read = statement.lstrip().upper().startswith(_NO_WRITES) or _is_select(context)
        if not is_read or _takes_lock(context):
            if READ_ONLY_SETTING in cursor.connection.settings:
                raise ReadOnlySessionError
            cursor.execute("BEGIN IMMEDIATE")
            for name in waiting:
                cursor.execute(f"SAVEPOINT {name}")
            waiting.clear()
            names = _acting(cursor.connection)
            if any(names):
                cursor.execute(f"INSERT INTO {CONTEXT} VALUES (?, ?)", names)  # noqa: S608  # its own name
        return statement, parameters

    @event.listens_for(engine, "commit")
    def _on_commit(connection: Connection) -> None:
        connection.info.pop(_WAITING, None)
        driver: Any = connection.connection.dbapi_connection
        if driver.in_transaction and any(_acting(driver)):
            # What another program writes later is not this session's.
            driver.execute(f"DELETE FROM {CONTEXT}")  # noqa: S608  # its own name
        driver.settings.clear()

    @event.listens_for(engine, "rollback")
    def _on_rollback(connection: Connection) -> None:
        if not connection.invalidated:
            connection.info.pop(_WAITING, None)
            driver: Any = connection.connection.dbapi_connection
            driver.settings.clear()

    @event.listens_for(engine, "checkout")
    def _on_checkout(connection: ScopedConnection, _record: object, _fairy: object) -> None:
        if scoped:
            connection.hold_scope()

    @event.listens_for(engine, "checkin")
    def _on_checkin(connection: ScopedConnection | None, record: ConnectionPoolEntry) -> None:
        # A COMMIT that SQLite refuses leaves its transaction open; SQLAlchemy takes it for ended.
        if connection is not None and connection.in_transaction:
            connection.rollback()
        if connection is not None and connection.is_tainted and not connection.is_inherited:
            record.invalidate()


def _use_write_ahead_log(connection: sqlite3.Connection, seconds: float) -> None:
    """Try until it is on: while somebody else turns it on for a new file, SQLite refuses without waiting."""
    ends = time.monotonic() + seconds
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > ends:
                raise
            time.sleep(0.005)
        else:
            return


def _is_kept(statement: str, waiting: list[str]) -> bool:
    """Put a savepoint off until the first write: alone it would begin a transaction that can't wait for a writer."""
    command, _, name = statement.rpartition(" ")
    if command == "SAVEPOINT":
        waiting.append(name)
        return True
    if command in ("RELEASE SAVEPOINT", "ROLLBACK TO SAVEPOINT") and name in waiting:
        del waiting[waiting.index(name) :]
        return True
    return False


def _acting(driver: ScopedConnection) -> tuple[int | str | None, ...]:
    """The actor and the request to record; none where there is no trail."""
    return tuple(driver.settings.get(name) for name in (ACTOR_SETTING, REQUEST_SETTING)) if driver.has_trail else ()


def _is_select(context: Any) -> bool:
    """True if SQLAlchemy built a SELECT, however its text begins: WITH, or a comment."""
    return context is not None and context.compiled is not None and context.compiled.statement.is_select


def _takes_lock(context: Any) -> bool:
    return context is not None and context.compiled is not None and is_locking(context.compiled.statement)
