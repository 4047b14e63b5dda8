"""One engine under measurement: what its driver is asked to execute, and what its pool gives and loses."""

from collections.abc import Callable
from time import perf_counter
from typing import Any

from sqlalchemy import Engine, PoolProxiedConnection, event

from ..kit.private import max_overflow_of

Executed = Callable[[float, str, Any], None]
"""Hears of a statement: the seconds that it took, its text, its execution context."""
Waited = Callable[[float], None]
Failed = Callable[[BaseException], None]


class MeasuredEngine:
    """Listens to an engine, and hears of each wait for a connection, until ``release``."""

    def __init__(self, engine: Engine, *, executed: Executed, waited: Waited, failed: Failed) -> None:
        self._engine = engine
        self._listeners: dict[str, Callable[..., object]] = {
            # Events of the dialect: those of the engine slow down every connection.
            name: _timed(getattr(engine.dialect, name), executed)
            for name in ("do_execute", "do_executemany", "do_execute_no_params")
        }

        def lost(_connection: object, _record: object, error: BaseException | None) -> None:
            if error is not None:
                failed(error)

        self._listeners["invalidate"] = lost
        for name, listener in self._listeners.items():
            event.listen(engine, name, listener)
        # The pool has no event for the begin of a wait.
        engine.raw_connection = _waiting(engine, waited, failed)  # type: ignore[method-assign]  # of this engine alone

    def release(self) -> None:
        """Take off every listener."""
        for name, listener in self._listeners.items():
            event.remove(self._engine, name, listener)
        del vars(self._engine)["raw_connection"]


def _timed(execute: Callable[..., None], executed: Executed) -> Callable[..., bool]:
    def timed(cursor: object, statement: str, *given: Any) -> bool:
        started = perf_counter()
        try:
            execute(cursor, statement, *given)
        finally:
            executed(perf_counter() - started, statement, given[-1])
        return True  # it is executed

    return timed


def _waiting(engine: Engine, waited: Waited, failed: Failed) -> Callable[[], PoolProxiedConnection]:
    connect = engine.raw_connection
    most = max_overflow_of(engine.pool)

    def waiting() -> PoolProxiedConnection:
        pool: Any = engine.pool
        started = perf_counter() if pool.overflow() >= most and not pool.checkedin() else None
        try:
            return connect()
        except Exception as error:
            failed(error)
            raise
        finally:
            if started is not None:
                waited(perf_counter() - started)

    return waiting
