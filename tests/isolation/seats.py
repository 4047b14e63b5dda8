"""A database session at work in a state machine: its transaction in the model, its thread, its savepoints."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy.orm import SessionTransaction

from domain import Database, DomainError, SystemSession, TenantSession
from domain.kit.model import TenantEntity
from tests.isolation.world import Ref, Rows, View

T = TypeVar("T")
Unit = Callable[[TenantSession], T]
THREADS = 3


class Threads:
    """Some threads; a unit runs in the one that is named."""

    def __init__(self) -> None:
        self._threads = [ThreadPoolExecutor(1) for _ in range(THREADS)]
        self.units = 0

    def run(self, number: int, unit: Callable[[], T]) -> T:
        """What the unit returns."""
        self.units += 1
        return self._threads[number].submit(unit).result(timeout=60)

    def close(self) -> None:
        """End them."""
        for thread in self._threads:
            thread.shutdown()


@dataclass
class Held:
    """An object that somebody read and may save later."""

    entity: TenantEntity
    version: int
    text: str


@dataclass
class Seat:
    """An open session. ``bound`` is its organization's place, None where it is bound to none."""

    context: AbstractContextManager[TenantSession | SystemSession]
    session: TenantSession | SystemSession
    view: View
    bound: int | None = None
    savepoints: list[tuple[SessionTransaction, Rows]] = field(default_factory=list[tuple[SessionTransaction, Rows]])
    held: dict[Ref, Held] = field(default_factory=dict[Ref, Held])
    locks: set[str] = field(default_factory=set[str])

    @property
    def is_system(self) -> bool:
        """Whether it works across organizations."""
        return isinstance(self.session, SystemSession)

    def act(self, unit: Unit[T], organization_id: int) -> T | type[DomainError]:
        """What the unit returns, or the error that it meets; in a system session as that organization."""
        try:
            if isinstance(self.session, SystemSession):
                with self.session.as_organization(organization_id) as session:
                    return unit(session)
            return unit(self.session)
        except DomainError as error:
            return type(error)

    def act_guarded(self, unit: Unit[T], organization_id: int) -> T | type[DomainError]:
        """The same within a savepoint of its own, so that an error undoes no more than the unit."""

        def guarded(session: TenantSession) -> T:
            with session.begin_nested():
                return unit(session)

        return self.act(guarded, organization_id)

    # -- transactions -----------------------------------------------------------------------------------------

    def save(self) -> None:
        """Set a savepoint."""
        self.savepoints.append((self.session.begin_nested(), dict(self.view.own)))

    def release(self) -> None:
        """Keep what was done since the innermost savepoint."""
        self.savepoints.pop()[0].commit()

    def undo(self) -> None:
        """Back to the innermost savepoint, or to the transaction's beginning where there is none."""
        self.held.clear()
        if self.savepoints:
            nested, self.view.own = self.savepoints.pop()
            nested.rollback()
        else:
            self.session.rollback()
            self.forget()

    def commit(self) -> None:
        """Commit, and stay open."""
        self.session.commit()
        self.view.committed.update(self.view.own)
        self.forget()

    def roll_back(self) -> None:
        """Roll back all of it, and stay open."""
        self.held.clear()
        self.session.rollback()
        self.forget()

    def leave(self, error: Exception | None = None) -> None:
        """Leave the block that opened it: with an error, if one is given."""
        self.held.clear()
        if error is None:
            self.context.__exit__(None, None, None)
            self.view.committed.update(self.view.own)
        else:
            assert not self.context.__exit__(type(error), error, None)
        self.forget()

    def forget(self) -> None:
        """The transaction is over."""
        self.view.own = {}
        self.savepoints.clear()
        self.locks.clear()


def seat(database: Database, committed: Rows, *, style: str, place: int, organization_id: int) -> Seat:
    """Open a session: bound to the organization, unbound, or of the system."""
    context: AbstractContextManager[TenantSession | SystemSession]
    if style == "system":
        context = database.system_session(actor="machine", reason="test")
    elif style == "bound":
        context = database.get_session(organization_id=organization_id)
    else:
        context = database.get_session()
    return Seat(context, context.__enter__(), View(committed), bound=place if style == "bound" else None)
