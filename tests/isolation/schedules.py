"""Two units of work, each over a session and in a thread of its own, played in every order that their steps can take.

A step that waits for the other unit's lock is left waiting, and its unit's later steps after it; the schedule goes
on with the other unit, whose end lets it continue.
"""

import sqlite3
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from itertools import combinations
from typing import Generic, TypeVar

from sqlalchemy import Engine, text

from domain import TenantSession

SessionT = TypeVar("SessionT")
FIRST, SECOND = "A", "B"
PATIENCE_SECONDS = 60.0
SQLITE_STEP_SECONDS = 0.02  # a step that takes longer while another writer is at work waits for it
_WAITING = text(
    "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted AND datname = current_database()"
)


@dataclass(frozen=True)
class Unit(Generic[SessionT]):
    """What one side does: it opens a session, takes its steps, and leaves it (the last step: a commit)."""

    open: Callable[[], AbstractContextManager[SessionT]]
    steps: Sequence[Callable[[SessionT], object]]

    @property
    def length(self) -> int:
        """How many steps, the last included."""
        return len(self.steps) + 1


@dataclass
class Played:
    """One schedule as it went: the error that ended each unit, and how many steps waited for a lock."""

    schedule: str
    errors: dict[str, Exception] = field(default_factory=dict[str, Exception])
    waits: int = 0

    @property
    def succeeded(self) -> int:
        """How many units were committed."""
        return 2 - len(self.errors)

    def raised(self) -> set[type[Exception]]:
        """The kinds of error."""
        return {type(error) for error in self.errors.values()}


def interleavings(first: int, second: int) -> Iterator[str]:
    """Every order of so many steps of A and of B: ``interleavings(1, 1)`` gives AB and BA."""
    for places in combinations(range(first + second), first):
        yield "".join(FIRST if place in places else SECOND for place in range(first + second))


class _Actor(Generic[SessionT]):
    """A unit on its way."""

    def __init__(self, unit: Unit[SessionT]) -> None:
        self._run = self._steps(unit)
        self._thread = ThreadPoolExecutor(1)
        self._last: Future[None] | None = None
        self.error: Exception | None = None

    def _steps(self, unit: Unit[SessionT]) -> Generator[None]:
        with unit.open() as session:
            for step in unit.steps:
                step(session)
                yield

    def _step(self) -> None:
        try:
            next(self._run, None)
        except Exception as error:  # whatever ends the unit is what the test looks at
            self.error = error

    def step(self) -> None:
        """Take the next step, after those that wait."""
        self._last = self._thread.submit(self._step)

    @property
    def is_busy(self) -> bool:
        """Whether a step is under way."""
        return self._last is not None and not self._last.done()

    def finish(self) -> None:
        """Wait for the last step."""
        assert self._last is not None
        self._last.result(PATIENCE_SECONDS)
        self._thread.shutdown()


class Waiting:
    """Tells which steps wait for a lock; by a login that may see what the others wait for."""

    def __init__(self, observer: Engine) -> None:
        self._observer = observer

    def count(self, *, since: float) -> int:
        """How many sessions wait for a lock now; ``since`` (of ``time.monotonic``) the last step was taken."""
        if self._observer.dialect.name == "postgresql":
            with self._observer.connect() as connection:
                return int(connection.scalar(_WAITING) or 0)
        return int(time.monotonic() - since > SQLITE_STEP_SECONDS and self._is_written())

    def _is_written(self) -> bool:
        """Whether somebody holds SQLite's one lock for writers."""
        probe = sqlite3.connect(str(self._observer.url.database), timeout=0, isolation_level=None)
        try:
            probe.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        finally:
            probe.close()
        return False


def play(schedule: str, first: Unit[SessionT], second: Unit[SessionT], waiting: Waiting) -> Played:
    """Play one schedule to its end."""
    played = Played(schedule)
    actors = {FIRST: _Actor(first), SECOND: _Actor(second)}
    for letter in schedule:
        actors[letter].step()
        played.waits += _settle(list(actors.values()), waiting)
    for letter, actor in actors.items():
        actor.finish()
        if actor.error is not None:
            played.errors[letter] = actor.error
    return played


def _settle(actors: list[_Actor[SessionT]], waiting: Waiting) -> int:
    """Wait until every unit is idle or waits for a lock; how many wait."""
    since = time.monotonic()
    while busy := sum(actor.is_busy for actor in actors):
        if time.monotonic() - since > 0.005 and waiting.count(since=since) >= busy:
            return sum(actor.is_busy for actor in actors)
        if time.monotonic() - since > PATIENCE_SECONDS:
            raise TimeoutError("a step neither ended nor waited for a lock")
        time.sleep(0.001)
    return 0


Pair = tuple[Unit[TenantSession], Unit[TenantSession]]


def play_all(observer: Engine, pair: Callable[[], Pair]) -> Iterator[Played]:
    """Play every interleaving of two units, which ``pair`` makes afresh for each."""
    waiting = Waiting(observer)
    first, second = pair()
    for schedule in interleavings(first.length, second.length):
        yield play(schedule, first, second, waiting)
        first, second = pair()


@contextmanager
def rolled_back(opened: AbstractContextManager[TenantSession]) -> Generator[TenantSession]:
    """A session whose last step is a rollback."""
    with opened as session:
        yield session
        session.rollback()
