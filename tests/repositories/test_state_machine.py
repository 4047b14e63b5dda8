"""Any sequence of writes, commits and rollbacks leaves in the database what a plain model of it says."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from copy import deepcopy
from dataclasses import dataclass
from typing import ClassVar, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from domain import (
    Database,
    DuplicateError,
    NotFoundError,
    StaleVersionError,
    TenantSession,
    Tender,
    TenderContent,
    TenderPatch,
    TenderRepository,
    TenderStatus,
    Upserted,
)
from domain.testing import make_organization

T = TypeVar("T")
STEPS = {"sqlite": (15, 25), "postgresql": (5, 25)}  # examples, steps of each
keys = st.sampled_from(["a", "b", None])
texts = st.sampled_from(["Bridge", "Tunnel", "Road"])
places = st.integers(0, 1)
picks = st.integers(0, 50)


@dataclass
class Row:
    """What is known of a tender."""

    place: int
    external_id: str | None
    title: str
    status: TenderStatus = TenderStatus.PENDING
    is_deleted: bool = False
    version: int = 1


Rows = dict[int, Row]


class Tenders(RuleBasedStateMachine):
    """Two organizations, and at most one open session, which sees its own writes before they are committed."""

    database: ClassVar[Database]

    def __init__(self) -> None:
        super().__init__()
        self.organizations = [make_organization(self.database).id for _ in range(2)]
        self.committed: Rows = {}
        self.rows: Rows = {}
        self.opened: tuple[int, TenantSession, AbstractContextManager[TenantSession]] | None = None

    # -- sessions ---------------------------------------------------------------------------------------------

    @precondition(lambda self: self.opened is None)
    @rule(place=places)
    def open_session(self, place: int) -> None:
        context = self.database.get_session(organization_id=self.organizations[place])
        self.opened = (place, context.__enter__(), context)

    @precondition(lambda self: self.opened is not None)
    @rule()
    def commit(self) -> None:
        assert self.opened is not None
        self.opened[2].__exit__(None, None, None)
        self.opened = None
        self.committed = deepcopy(self.rows)

    @precondition(lambda self: self.opened is not None)
    @rule()
    def roll_back(self) -> None:
        assert self.opened is not None
        self.opened[1].rollback()
        self.opened[2].__exit__(None, None, None)
        self.opened = None
        self.rows = deepcopy(self.committed)

    def teardown(self) -> None:
        if self.opened is not None:
            self.roll_back()

    def run(self, place: int, unit: Callable[[TenderRepository], T]) -> T:
        """In the open session, within a savepoint; in a session of its own where none is open."""
        if self.opened is not None:
            with self.opened[1].begin_nested():
                return unit(TenderRepository(self.opened[1]))
        with self.database.get_session(organization_id=self.organizations[place]) as session:
            return unit(TenderRepository(session))

    # -- the model ----------------------------------------------------------------------------------------------

    def acting(self, place: int) -> int:
        """One writer at a time: the open session's organization acts."""
        return place if self.opened is None else self.opened[0]

    def picked(self, pick: int) -> int:
        return sorted(self.rows)[pick % len(self.rows)] if self.rows else 0

    def here(self, place: int, tender_id: int, *, is_deleted: bool = False) -> Row | None:
        row = self.rows.get(tender_id)
        return row if row and row.place == place and row.is_deleted is is_deleted else None

    def holder(self, place: int, external_id: str | None) -> Row | None:
        """The live row with the key."""
        live = (row for row in self.rows.values() if row.place == place and not row.is_deleted)
        return next((row for row in live if external_id is not None and row.external_id == external_id), None)

    def wrote(self) -> None:
        if self.opened is None:
            self.committed = deepcopy(self.rows)

    # -- writes ---------------------------------------------------------------------------------------------

    @rule(place=places, external_id=keys, title=texts)
    def create(self, place: int, external_id: str | None, title: str) -> None:
        place = self.acting(place)
        if self.holder(place, external_id):
            with pytest.raises(DuplicateError):
                self.run(place, lambda tenders: tenders.create(external_id=external_id, title=title))
            return
        tender = self.run(place, lambda tenders: tenders.create(external_id=external_id, title=title))
        assert tender.id not in self.rows
        self.rows[tender.id] = Row(place, external_id, title)
        self.wrote()

    @rule(place=places, external_id=st.sampled_from(["a", "b"]), title=texts)
    def put(self, place: int, external_id: str, title: str) -> None:
        place = self.acting(place)
        tender = self.run(place, lambda tenders: tenders.put(Tender(external_id=external_id, title=title)))
        if row := self.holder(place, external_id):
            assert self.rows[tender.id] is row
            row.title, row.version = title, row.version + 1
        else:
            self.rows[tender.id] = Row(place, external_id, title)
        assert tender.version == self.rows[tender.id].version
        self.wrote()

    @rule(place=places, contents=st.lists(st.tuples(st.sampled_from(["a", "b"]), texts), max_size=3))
    def upsert_many(self, place: int, contents: list[tuple[str, str]]) -> None:
        place = self.acting(place)
        wanted = dict(contents)
        known = {key: row for key in wanted if (row := self.holder(place, key))}
        changed = {key for key, row in known.items() if row.title != wanted[key]}
        expected = Upserted(len(wanted) - len(known), len(changed), len(known) - len(changed))
        sent = [TenderContent(external_id=key, title=title) for key, title in contents]
        assert self.run(place, lambda tenders: tenders.upsert_many(sent)) == expected
        for key in wanted.keys() - known.keys():
            found = self.run(place, lambda tenders, key=key: tenders.get_by_external_id(key))  # type: ignore[misc]  # bound now
            assert found is not None
            self.rows[found.id] = Row(place, key, wanted[key])
        for key in changed:
            known[key].title, known[key].version = wanted[key], known[key].version + 1
        self.wrote()

    @rule(place=places, pick=picks, title=texts, stale=st.booleans())
    def update(self, place: int, pick: int, title: str, stale: bool) -> None:
        place, tender_id = self.acting(place), self.picked(pick)
        row = self.here(place, tender_id)
        version = row.version - 1 if row and stale else None

        def unit(tenders: TenderRepository) -> Tender:
            return tenders.update(tender_id, TenderPatch(title=title), expected_version=version)

        if row is None or version is not None:
            with pytest.raises(NotFoundError if row is None else StaleVersionError):
                self.run(place, unit)
            return
        row.version += row.title != title
        row.title = title
        assert self.run(place, unit).version == row.version
        self.wrote()

    @rule(
        place=places, pick=picks, status=st.sampled_from(TenderStatus), expected=st.sampled_from([None, *TenderStatus])
    )
    def update_status(self, place: int, pick: int, status: TenderStatus, expected: TenderStatus | None) -> None:
        place, tender_id = self.acting(place), self.picked(pick)
        row = self.here(place, tender_id)
        hit = row is not None and expected in (None, row.status)
        assert self.run(place, lambda tenders: tenders.update_status(tender_id, status, expected=expected)) is hit
        if row is not None and hit:
            row.status, row.version = status, row.version + 1
        self.wrote()

    @rule(place=places, pick=picks)
    def soft_delete(self, place: int, pick: int) -> None:
        place, tender_id = self.acting(place), self.picked(pick)
        row = self.here(place, tender_id)
        assert self.run(place, lambda tenders: tenders.soft_delete(tender_id)) is (row is not None)
        if row:
            row.is_deleted, row.version = True, row.version + 1
        self.wrote()

    @rule(place=places, pick=picks)
    def restore(self, place: int, pick: int) -> None:
        place, tender_id = self.acting(place), self.picked(pick)
        row = self.here(place, tender_id, is_deleted=True)
        if row and self.holder(place, row.external_id):
            with pytest.raises(DuplicateError):
                self.run(place, lambda tenders: tenders.restore(tender_id))
            return
        assert self.run(place, lambda tenders: tenders.restore(tender_id)) is (row is not None)
        if row:
            row.is_deleted, row.version = False, row.version + 1
        self.wrote()

    # -- what must hold -----------------------------------------------------------------------------------------

    @invariant()
    def a_new_session_sees_what_was_committed(self) -> None:
        for place, organization_id in enumerate(self.organizations):
            with self.database.get_session(organization_id=organization_id) as session:
                self.check(TenderRepository(session), place, self.committed)

    @invariant()
    def the_open_session_sees_its_own_writes(self) -> None:
        if self.opened is not None:
            self.check(TenderRepository(self.opened[1]), self.opened[0], self.rows)

    def check(self, tenders: TenderRepository, place: int, rows: Rows) -> None:
        every = {tender_id: row for tender_id, row in sorted(rows.items(), reverse=True) if row.place == place}
        found = tenders.find(include_deleted=True, limit=200)
        assert {
            tender.id: Row(place, tender.external_id, tender.title, tender.status, tender.is_deleted, tender.version)
            for tender in found
        } == every
        live = [tender_id for tender_id, row in every.items() if not row.is_deleted]
        assert [tender.id for tender in tenders.list_by_organization()] == live
        assert tenders.count() == len(live)
        by_status = tenders.count_by_status()
        for status in TenderStatus:
            assert by_status[status] == sum(every[tender_id].status is status for tender_id in live)


def test_any_sequence_of_writes_agrees_with_the_model(domain_db: Database) -> None:
    examples, steps = STEPS[domain_db.engine.dialect.name]

    class OnThisDatabase(Tenders):
        database = domain_db

    run_state_machine_as_test(
        OnThisDatabase,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
        ),
    )
