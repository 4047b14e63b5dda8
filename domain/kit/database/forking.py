"""A forked child drops what it inherited: two processes on one connection read each other's answers."""

import ctypes
import os
import sqlite3
from threading import RLock
from typing import Any, ClassVar, Protocol
from weakref import WeakSet

from sqlalchemy import Engine, QueuePool

from ...errors import UnavailableError


class Inheritable(Protocol):
    """A driver's connection that a child may inherit."""

    def leave_to_parent(self) -> None: ...


ENGINES: WeakSet[Engine] = WeakSet()
"""Each gets a pool of its own in every child."""
CONNECTIONS: WeakSet[Inheritable] = WeakSet()
"""They are left to the parent in every child, whoever holds them there."""
_opening = RLock()  # held while SQLite opens or closes a file, under locks of its own that a child could not release
_IN_USE_AT_FORK = (
    "SQLite was in use when this process was forked, and can't be used in it: close every session before the fork"
)


def inherited() -> UnavailableError:
    """The error of a session that was open at the fork."""
    message = "this session was opened before the process forked, and its connection is the parent's: open another"
    return UnavailableError(message, retryable=False)


class InheritableConnection(sqlite3.Connection):
    """A forked child neither uses nor closes it: either could damage what the parent is writing."""

    in_use_at_fork: ClassVar[bool] = False

    def __init__(self, *args: Any, **options: Any) -> None:
        self.is_inherited: bool = False
        self.is_open: bool = False
        self.is_tainted: bool = False
        if self.in_use_at_fork:
            raise UnavailableError(_IN_USE_AT_FORK, retryable=False)
        with _opening:
            super().__init__(*args, **options)
        self.is_open = True
        CONNECTIONS.add(self)

    def leave_to_parent(self) -> None:
        self.is_inherited = True
        if self.is_open:
            InheritableConnection.in_use_at_fork = True
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(self))  # freeing it, at the child's end too, would close it

    def cursor(self, factory: Any = sqlite3.Cursor) -> Any:
        if self.is_inherited:
            raise inherited()
        return super().cursor(factory)

    def commit(self) -> None:
        if self.is_inherited:
            raise inherited()
        super().commit()

    def rollback(self) -> None:
        if not self.is_inherited:
            super().rollback()

    def close(self) -> None:
        if not self.is_inherited:
            with _opening:
                super().close()
            self.is_open = False


def _before_fork() -> None:
    for engine in list(ENGINES):
        pool = engine.pool
        # A child that inherits an idle connection can't open the file: it would take the parent's locks for its own.
        if engine.dialect.name == "sqlite" and isinstance(pool, QueuePool) and not pool.checkedout():
            engine.dispose()
    _opening.acquire()


def _after_fork_in_child() -> None:
    _opening.release()
    for connection in list(CONNECTIONS):
        connection.leave_to_parent()
    for engine in list(ENGINES):
        engine.dispose(close=False)  # threads of the parent may have held the old pool's locks


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(before=_before_fork, after_in_parent=_opening.release, after_in_child=_after_fork_in_child)
