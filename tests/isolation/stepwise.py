"""A purge that goes on step by step: it stops before each change of rows, and before the commit of one."""

from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Semaphore, get_ident
from typing import Any

from sqlalchemy import Connection, event

from domain import Database
from domain.retention import PurgePlan, purge

CHANGES = ("UPDATE", "DELETE")
STEPS = 6  # a parent and a child: it is let go, the child removed, and it: each before its statement and its commit


class Gate:
    """Listens once for an engine: listeners can't come and go while other threads work."""

    def __init__(self) -> None:
        self.purges: dict[int, Stepwise] = {}  # by thread

    def before(self, _connection: Connection, _cursor: Any, statement: str, *_rest: Any) -> None:
        """Stop at a change."""
        if (purge := self.purges.get(get_ident())) and statement.startswith(CHANGES):
            purge.changed = True
            purge.stop()

    def commit(self, _connection: Connection) -> None:
        """Stop at the commit of one."""
        if (purge := self.purges.get(get_ident())) and purge.changed:
            purge.changed = False
            purge.stop()


class Stepwise:
    """Its thread works while a step is taken, and waits between two of them."""

    def __init__(self, gate: Gate, run: Callable[[], PurgePlan]) -> None:
        self._gate = gate
        self._work = run
        self._thread = ThreadPoolExecutor(1)
        self._go, self._there = Semaphore(0), Semaphore(0)
        self._stops = True
        self.changed = False
        self._running = self._thread.submit(self._run)

    def _run(self) -> PurgePlan:
        self._go.acquire()
        self._gate.purges[get_ident()] = self
        try:
            return self._work()
        finally:
            del self._gate.purges[get_ident()]
            self._stops = False
            self._there.release()

    def stop(self) -> None:
        """Called in its thread: wait for the next step."""
        if self._stops:
            self._there.release()
            self._go.acquire()

    def step(self) -> None:
        """Go on to the next stop, or to the end."""
        if self._stops:
            self._go.release()
            self._there.acquire()

    def finish(self) -> PurgePlan:
        """Go on to the end."""
        self._stops = False
        self._go.release()
        done = self._running.result()
        self._thread.shutdown()
        return done


@contextmanager
def gate(database: Database) -> Generator[Gate]:
    """Where the purges of a database stop."""
    engine = database.system_engine or database.engine
    gate = Gate()
    event.listen(engine, "before_cursor_execute", gate.before)
    event.listen(engine, "commit", gate.commit)
    yield gate
    event.remove(engine, "before_cursor_execute", gate.before)
    event.remove(engine, "commit", gate.commit)


@contextmanager
def stepwise_purge(gate: Gate, database: Database, reports: list[PurgePlan]) -> Generator[Stepwise]:
    """A purge to be stepped through; leaving the block lets it go to its end."""
    steps = Stepwise(gate, lambda: purge(database, actor="tests", organization_id=1))
    yield steps
    reports.append(steps.finish())
