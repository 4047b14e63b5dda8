"""A run on PostgreSQL: one at a time, each revision in its own transaction, tried again until it has its locks."""

import logging
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from random import uniform
from threading import Event
from time import monotonic
from typing import Any, TypeAlias

from alembic.migration import MigrationContext
from alembic.runtime.migration import MigrationStep, RevisionStep
from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from ..errors import DomainError
from ..kit.database.translate import first_line
from .transaction import (
    HOLD_OWNER,
    IS_COMMITTED,
    KEY,
    LET_OWNER_THROUGH,
    REFUSE_HELD,
    MigrationBusyError,
    MigrationError,
    refusing_commits,
)
from .written_on_sqlite import refuse_lacking

LOG = logging.getLogger("domain.migrations")
Plan: TypeAlias = Callable[[tuple[str, ...], MigrationContext], Iterable[MigrationStep]]
"""Alembic's: the steps from the heads that the database is at."""

LOCK_TIMEOUT_SECONDS = 0.1
"""Others wait behind a migration that waits for a lock; a foreign key takes two."""
GIVE_UP_AFTER_SECONDS = 600.0
_LONGEST_PAUSE_SECONDS = 2.0
PATIENCE = "patience"  # an attribute of Alembic's Config, and an option of a context of ours
NO_LOCK = ("55P03", "40P01")
_NO_RIGHT = "42501"


@dataclass(frozen=True)
class Patience:
    """How long a revision waits for a lock at a time and in all; ``stop`` ends the run before its next statement."""

    lock_timeout_seconds: float = LOCK_TIMEOUT_SECONDS
    give_up_after_seconds: float = GIVE_UP_AFTER_SECONDS
    stop: Event = field(default_factory=Event)
    done: list[str] = field(default_factory=list[str])  # the revisions that this run has committed

    def set_lock_timeout(self, connection: Connection) -> None:
        """Unless the login, the URL or ``migration_time_limits`` has set one."""
        milliseconds = round(self.lock_timeout_seconds * 1000)
        connection.exec_driver_sql(
            f"SELECT set_config('lock_timeout', '{milliseconds}', true) WHERE current_setting('lock_timeout') = '0'"
        )

    def pause(self, tries: int) -> None:
        """Let others through, for longer each time. Raises MigrationError once the run is to stop."""
        if self.stop.wait(min(_LONGEST_PAUSE_SECONDS, 0.1 * 2 ** min(tries, 9)) * uniform(0.5, 1)):  # noqa: S311
            raise stopped()

    def watch(self, connection: Connection) -> None:
        """Refuse the next statement once the run is to stop; what is under way ends, and is rolled back."""
        refused: list[bool] = []

        @event.listens_for(connection, "before_cursor_execute")
        def _refuse(*_: object) -> None:
            if self.stop.is_set() and not refused:
                refused.append(True)  # what is rolled back may need statements of its own
                raise stopped()


def stopped() -> MigrationError:
    """The error of a run that was asked to stop."""
    return MigrationError("stopped between two statements, as asked; the revision that ran was rolled back")


@contextmanager
def one_at_a_time(engine: Engine, stop: Event) -> Generator[None]:
    """Wait for another run, and hold the lock to the end.

    In a transaction that rests, on a connection of its own: that holds up no CREATE INDEX CONCURRENTLY, as waiting
    inside a statement would, and goes through PgBouncer. A pool of one connection has none for it.
    """
    pool = engine.pool.recreate()
    beside = Engine(pool, engine.dialect, engine.url, hide_parameters=True)
    try:
        with beside.connect() as connection:
            if not _has_turn(connection):
                LOG.info("another run is under way: waiting for its end")
                while not _has_turn(connection):
                    if stop.wait(0.1):
                        raise stopped()
            yield
            with suppress(SQLAlchemyError, DomainError):  # of a connection that is gone, and the lock with it
                connection.rollback()
    finally:
        pool.dispose()


def _has_turn(connection: Connection) -> bool:
    connection.rollback()
    # Under REPEATABLE READ the resting transaction would keep a snapshot, for which CREATE INDEX CONCURRENTLY waits.
    connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
    connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
    return bool(connection.exec_driver_sql(f"SELECT pg_try_advisory_xact_lock({KEY})").scalar_one())


class Run:
    """The steps of one run; ``steps`` takes the place of Alembic's plan, and goes on where it failed."""

    def __init__(self, plan: Plan, connection: Connection, patience: Patience) -> None:
        self._plan = plan
        self._connection = connection
        self._patience = patience
        self._pending: list[MigrationStep] | None = None
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._lets_through, self._tries, self._began = False, 0, monotonic()

    def steps(self, heads: tuple[str, ...], migration: MigrationContext) -> Iterator[MigrationStep]:
        """Yield each step until its transaction is committed."""
        if self._pending is None:
            self._pending = [self._prepared(step, migration) for step in self._plan(heads, migration)]
        while self._pending:
            step = self._pending[0]
            yield step
            LOG.info("%s done in %.1f s", _name(step), monotonic() - self._began)
            self._patience.done.append(_name(step))
            self._pending.pop(0)
            self._begin_anew()

    def complete(self, migrate: Callable[[], None], migration: MigrationContext) -> None:
        """Call ``migrate`` until all steps are done."""
        while True:
            try:
                return migrate()
            except BaseException as error:
                self._roll_back()
                if not isinstance(error, Exception):
                    raise
                self._try_again(error, migration)

    def _prepared(self, step: MigrationStep, migration: MigrationContext) -> MigrationStep:
        if isinstance(step, RevisionStep):
            run = step.migration_fn

            def migration_fn(**given: Any) -> None:
                LOG.info("%s", _name(step))
                with nullcontext() if migration.dialect.name == "sqlite" else self._transaction(migration):
                    run(**given)
                if self._pending == [step]:
                    refuse_lacking(step, migration)

            step.migration_fn = migration_fn
        return step

    @contextmanager
    def _transaction(self, migration: MigrationContext) -> Generator[None]:
        with refusing_commits(migration):
            self._patience.set_lock_timeout(self._connection)
            self._connection.execute(text(LET_OWNER_THROUGH if self._lets_through else REFUSE_HELD))
            yield

    def _roll_back(self) -> None:
        """Hold the owner again, too, where a revision committed in words that were not seen, and failed then."""
        with suppress(SQLAlchemyError, DomainError):  # of a connection that is gone, which left nothing
            self._connection.rollback()
            self._connection.execute(text(HOLD_OWNER))
            self._connection.commit()

    def _try_again(self, error: Exception, migration: MigrationContext) -> None:
        """Pause, or raise the error where another try is of no use."""
        code = sqlstate(error)
        if not self._pending:
            raise error
        name = _name(self._pending[0])
        if migration.opts.get(IS_COMMITTED):
            raise MigrationError(
                f"{name} failed, and what it did up to the end of its autocommit_block stays: {first_line(error)}"
            ) from error
        if code == _NO_RIGHT and not self._lets_through:
            LOG.info("%s reads or writes rows: with the tables locked that hold their owner", name)
            self._lets_through = True
            return
        if code not in NO_LOCK:
            raise error
        self._tries += 1
        waited = monotonic() - self._began
        if waited >= self._patience.give_up_after_seconds:
            raise MigrationBusyError(
                f"{name} did not get its locks in {waited:.0f} s ({self._tries} tries), and nothing of it was kept: see"
                " who holds them in pg_stat_activity (the oldest xact_start), or give it longer",
                retryable=True,
            ) from error
        LOG.info("%s did not get its locks, and lets others through (try %d)", name, self._tries)
        self._patience.pause(self._tries)


def _name(step: MigrationStep) -> str:
    if not isinstance(step, RevisionStep):
        return "the stamp"
    return f"{'' if step.is_upgrade else 'back from '}{step.revision.revision} {step.doc or ''}".strip()


def sqlstate(error: BaseException) -> str | None:
    """PostgreSQL's code of an error, as SQLAlchemy raises it or as this package does."""
    original = error.orig if isinstance(error, DBAPIError) else error.__cause__
    return getattr(original, "pgcode", None)
