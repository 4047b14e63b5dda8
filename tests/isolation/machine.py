"""Random operations of several organizations in sessions that overlap, beside a plain model of them."""

from typing import ClassVar, NamedTuple, TypeVar

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import Engine, text
from sqlalchemy.exc import PendingRollbackError
from sqlalchemy.orm import Session as ORMSession

from domain import ConflictError, Database, TenantSession, including_deleted
from domain.testing import make_organization
from tests.isolation.kinds import Facts, everything, facts, stored
from tests.isolation.seats import Seat, Threads, Unit, seat
from tests.isolation.world import Kind, Ref, Refusal, Rows, View

T = TypeVar("T")
PLACES = 3
SEATS = 3

places = st.integers(0, PLACES - 1)
seats = st.integers(0, SEATS - 1)
threads = st.integers(0, 2)
kinds = st.sampled_from(Kind)
picks = st.integers(0, 60)
texts = st.sampled_from(["Bridge", "Tunnel", "Road"])
flags = st.booleans()
styles = st.sampled_from(["bound", "unbound", "unbound", "system"])
UNKNOWN = 10**12


class Who(NamedTuple):
    """Who acts: the session's seat, the organization if that is open to any, and the thread.

    ``named``: the call says which organization; ``guarded``: it is within a savepoint of its own.
    """

    number: int
    place: int
    thread: int
    named: bool
    guarded: bool


callers = st.builds(Who, seats, places, threads, flags, flags)


class Sessions(RuleBasedStateMachine):
    """Sessions that open, end, fail and move between threads. What they do is in the classes below this one.

    Two open sessions never wait for each other, since one thread plays them all: one writer per organization
    (and one of users, whose emails are unique in the system) on PostgreSQL, one in all on SQLite. A session that
    is in another's way is ended.
    """

    database: ClassVar[Database]
    witness: ClassVar[Engine]
    workers: ClassVar[Threads]

    def __init__(self) -> None:
        super().__init__()
        made = [make_organization(self.database) for _ in range(PLACES)]
        self.organizations = [organization.id for organization in made]
        self.slugs = [organization.slug for organization in made]
        self.committed: Rows = {}
        self.seats: list[Seat | None] = [None] * SEATS
        self.refs: list[Ref] = []
        self.acted: Seat | None = None
        self.has_ended = False
        self.turn = 0

    # -- seats ------------------------------------------------------------------------------------------------

    def open(self, who: Who, style: str) -> Seat:
        """Open a session where none is."""
        if style == "system" and self.database.is_sqlite:
            self.make_way({"all"}, None)
        organization_id = self.organizations[who.place]
        opened = self.workers.run(
            who.thread,
            lambda: seat(self.database, self.committed, style=style, place=who.place, organization_id=organization_id),
        )
        self.seats[who.number] = opened
        return opened

    def seated(self, who: Who) -> tuple[Seat, int]:
        """The session there, and the organization that it acts for: its own, or any."""
        found = self.seats[who.number] or self.open(who, "bound")
        return found, who.place if found.bound is None else found.bound

    def leave(self, number: int, error: Exception | None = None) -> None:
        """Close the session there."""
        if one := self.seats[number]:
            self.has_ended = True
            one.leave(error)
            self.seats[number] = self.acted = None

    def make_way(self, locks: set[str], one: Seat | None) -> None:
        """End the transactions that hold these locks, in turn by commit and by rollback."""
        for other in self.seats:
            if other is not None and other is not one and other.locks & locks:
                self.has_ended = True
                (other.commit if self.turn % 3 else other.roll_back)()

    def claim(self, one: Seat, place: int, kind: Kind | None = None) -> None:
        """Let a session write without waiting."""
        wanted = {f"organization {place}", *({"users"} if kind is Kind.USER else ())}
        locks = {"all"} if self.database.is_sqlite else wanted
        self.make_way(locks, one)
        one.locks |= locks

    def perform(
        self,
        one: Seat,
        place: int,
        who: Who,
        unit: Unit[T],
        *,
        refusal: Refusal = None,
        guarded: bool = False,
        breaks: bool = False,
    ) -> T | None:
        """Run a unit, which must meet the refusal; one that ``breaks`` the transaction is undone."""
        self.acted = one
        organization_id = self.organizations[place]
        act = one.act_guarded if guarded else one.act
        outcome = self.workers.run(who.thread, lambda: act(unit, organization_id))
        if not one.is_system:
            one.bound = place
        if refusal is None:
            assert not isinstance(outcome, type), outcome
            return outcome
        assert outcome is refusal
        if breaks and not guarded and not one.is_system:
            with pytest.raises((ConflictError, PendingRollbackError)):
                one.session.exec(everything())  # type: ignore[call-overload]  # a union: any statement will do
            one.undo()
        return None

    def asked(self, one: Seat, place: int, *, named: bool) -> int | None:
        """The ``org_id`` of a repository call: needed where the session is unbound, as good as none elsewhere."""
        return self.organizations[place] if named or (one.bound is None and not one.is_system) else None

    def picked(self, pick: int, kind: Kind, near: Rows) -> Ref:
        """One of the rows near, every other time; or any that ever was, whoever owns it, or the id of none."""
        refs = near if pick % 2 else self.refs
        known = [ref for ref in refs if ref[0] is kind]
        return known[pick // 2 % len(known)] if known else (kind, UNKNOWN)

    # -- rules ------------------------------------------------------------------------------------------------

    @rule(who=callers, style=styles, saved=flags)
    def open_session(self, who: Who, style: str, saved: bool) -> None:
        self.leave(who.number)
        self.open(who, style)
        if saved:
            self.set_savepoint(who)

    @rule(who=callers)
    def leave_well(self, who: Who) -> None:
        self.workers.run(who.thread, lambda: self.leave(who.number))

    @rule(who=callers)
    def leave_with_an_error(self, who: Who) -> None:
        self.workers.run(who.thread, lambda: self.leave(who.number, RuntimeError("of the caller")))

    @rule(who=callers, well=flags)
    def end_transaction(self, who: Who, well: bool) -> None:
        one, _ = self.seated(who)
        self.has_ended = True
        self.workers.run(who.thread, one.commit if well else one.roll_back)

    @rule(who=callers)
    def set_savepoint(self, who: Who) -> None:
        one, place = self.seated(who)
        if self.database.is_sqlite:  # there a savepoint begins to write
            self.claim(one, place)
        self.workers.run(who.thread, one.save)

    @rule(who=callers, keep=flags)
    def end_savepoint(self, who: Who, keep: bool) -> None:
        one, _ = self.seated(who)
        if one.savepoints:
            self.workers.run(who.thread, one.release if keep else one.undo)

    # -- what must hold ---------------------------------------------------------------------------------------

    def expected(self, view: View, place: int) -> set[Facts]:
        return {facts(ref, row, self.organizations) for ref, row in view.of(place).items()}

    @invariant()
    def the_database_holds_what_was_committed(self) -> None:
        """Looked up whenever a transaction has ended, and each few steps besides."""
        if not self.has_ended and self.turn % 4:
            return
        self.has_ended = False
        rows = {facts(ref, row, self.organizations) for ref, row in self.committed.items()}
        assert stored(self.witness, self.organizations) == rows

    @invariant()
    def a_bound_session_sees_its_organization_and_nothing_else(self) -> None:
        """The one that acted last, or another in turn."""
        self.turn += 1
        one, self.acted = self.acted or self.seats[self.turn % SEATS], None
        if one is not None and one.bound is not None and isinstance(one.session, TenantSession):
            assert seen(one.session) == self.expected(one.view, one.bound)

    def teardown(self) -> None:
        for number in range(SEATS):
            self.leave(number)
        self.has_ended = True
        self.the_database_holds_what_was_committed()
        for place, organization_id in enumerate(self.organizations):
            with self.database.get_session(organization_id=organization_id) as session:
                assert seen(session) == self.expected(View(self.committed), place)
        self.no_connection_remembers_an_organization()

    def no_connection_remembers_an_organization(self) -> None:
        if not self.database.is_sqlite:
            pooled = [self.database.engine.connect() for _ in range(SEATS + 1)]
            for connection in pooled:
                settings = "SELECT current_setting('app.organization_id', true) || count(*) FROM tenders"
                assert connection.scalar(text(settings)) in (None, "0")
            for connection in pooled:
                connection.close()


def seen(session: TenantSession) -> set[Facts]:
    """What a hand-written statement that names no organization finds."""
    return {Facts(*row) for row in ORMSession.execute(session, including_deleted(everything()))}
