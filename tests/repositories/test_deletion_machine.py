"""Any sequence of deletions, restores, writes and purges over trees of rows leaves what a plain model of it says."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import timedelta
from typing import Any, ClassVar, cast
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import Table
from sqlmodel import col, select, update

from domain import (
    AuditRepository,
    ConflictError,
    ConstraintError,
    Database,
    DuplicateError,
    Organization,
    TenantRepository,
    TenantSession,
    Tender,
    TenderContent,
    TenderRepository,
)
from domain.retention import PurgeCount, plan_purge, purge
from domain.testing import make_organization
from tests.repositories.forest import LET_GO, MODELS, Forest, Ref, Row
from tests.repositories.test_own_models import Drawing, DrawingRepository, Lot, LotRepository

RUNS = {"sqlite": (8, 25), "postgresql": (4, 25)}  # examples, steps of each
Make = Callable[[TenantSession], Any]

REPOSITORIES: dict[str, type[TenantRepository[Any]]] = {
    "Tender": TenderRepository,
    "Lot": LotRepository,
    "Drawing": DrawingRepository,
}
COLUMNS = {"Tender": (), "Lot": ("tender_id",), "Drawing": ("lot_id", "other_tender_id")}
PARENTS = {"tender_id": "Tender", "lot_id": "Lot", "other_tender_id": "Tender"}

picks = st.integers(0, 40)
kinds = st.sampled_from(["Tender", "Tender", "Lot", "Drawing"])
keys = st.sampled_from(["a", "b"])
numbers = st.integers(1, 2)
titles = st.sampled_from(["Bridge", "Tunnel"])
STEPS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "create_tender": {"key": st.one_of(st.none(), keys), "title": titles},
    "create_lot": {"pick": picks, "number": numbers, "title": titles},
    "create_drawing": {"pick": picks, "other": st.one_of(st.none(), picks), "many": st.booleans()},
    "put_tender": {"key": keys, "title": titles, "many": st.booleans()},
    "put_lot": {"pick": picks, "number": numbers, "title": titles},
    "delete": {"kind": kinds, "pick": picks},
    "delete_where": {"kind": kinds, "chosen": st.lists(picks, max_size=5), "title": titles},
    "restore": {"kind": kinds, "pick": picks},
    "restore_deletion": {"kind": kinds, "pick": picks},
    "purge": {
        "passed": st.sampled_from([20, 100, 100]),
        "days": st.sampled_from([None, None, 0, 50]),
        "is_held": st.sampled_from([False, False, True]),
        "killed_at": st.sampled_from([1, 2, 3, 99]),
    },
}
steps = st.one_of(
    [
        st.tuples(st.just(name), st.fixed_dictionaries(STEPS[name]))
        for name in (*STEPS, "delete", "delete_where", "restore", "restore_deletion", "put_tender")
    ]
)


class Machine(Forest, RuleBasedStateMachine):
    """Tenders, their lots, and the lots' drawings, which may name another tender as well."""

    database: ClassVar[Database]

    def __init__(self) -> None:
        super().__init__()
        self.organization_id = make_organization(self.database).id
        self.last_entry = 0
        self.deletions: dict[int, UUID] = {}  # the ids of those by conditions, by the batch
        self.run(self.plant)
        self.delete("Lot", 0)

    def plant(self, session: TenantSession) -> None:
        """Two tenders with two lots each, and a drawing of each lot, which names the first tender too."""
        tenders = [TenderRepository(session).create(external_id=key, title="Bridge") for key in ("a", "b")]
        for tender in tenders:
            self.inserted(("Tender", tender.id), Row(tender.external_id, "Bridge"))
            for number in (1, 2):
                lot = LotRepository(session).add(Lot(tender_id=tender.id, number=number, title="Bridge"))
                row = Row((tender.id, number), "Bridge", {"tender_id": ("Tender", tender.id)})
                self.inserted(("Lot", lot.id), row)
                parents = {"lot_id": ("Lot", lot.id), "other_tender_id": ("Tender", tenders[0].id)}
                drawing = DrawingRepository(session).add(Drawing(lot_id=lot.id, other_tender_id=tenders[0].id))
                self.inserted(("Drawing", drawing.id), Row(parents=parents))

    # One rule: of several, hypothesis leaves out some in most examples, and few of them would delete and restore.
    @rule(step=steps)
    def step(self, step: tuple[str, dict[str, Any]]) -> None:
        getattr(self, step[0])(**step[1])

    def run(self, unit: Callable[[TenantSession], Any]) -> Any:
        with self.database.get_session(organization_id=self.organization_id, actor="machine") as session:
            return unit(session)

    def created(self, kind: str, make: Make, row: Row) -> None:
        """Create the row, or be refused."""
        if not all(self.is_live(parent) for parent in row.parents.values()):
            with pytest.raises(ConstraintError):
                self.run(make)
        elif self.holder(kind, row.key):
            with pytest.raises(DuplicateError):
                self.run(make)
        else:
            self.inserted((kind, self.run(make).id), row)

    # -- writes ---------------------------------------------------------------------------------------------

    def create_tender(self, key: str | None, title: str) -> None:
        tender = Tender(external_id=key, title=title)
        self.created("Tender", lambda session: TenderRepository(session).add(tender), Row(key, title))

    def create_lot(self, pick: int, number: int, title: str) -> None:
        if tender := self.picked("Tender", pick):
            lot = Lot(tender_id=tender[1], number=number, title=title)
            row = Row((tender[1], number), title, {"tender_id": tender})
            self.created("Lot", lambda session: LotRepository(session).add(lot), row)

    def create_drawing(self, pick: int, other: int | None, many: bool) -> None:
        lot = self.picked("Lot", pick)
        tender = None if other is None else self.picked("Tender", other)
        if lot is None:
            return
        parents = {"lot_id": lot} | ({"other_tender_id": tender} if tender else {})
        drawing = Drawing(lot_id=lot[1], other_tender_id=tender and tender[1])

        def make(session: TenantSession) -> Drawing:
            drawings = DrawingRepository(session)
            return drawings.create_many([drawing])[0] if many else drawings.add(drawing)

        self.created("Drawing", make, Row(parents=parents))

    def put_tender(self, key: str, title: str, many: bool) -> None:
        held = self.holder("Tender", key)
        if many:
            content = TenderContent(external_id=key, title=title)
            done = self.run(lambda session: TenderRepository(session).upsert_many([content]))
            is_same = held is not None and self.rows[held].title == title
            assert (done.created, done.unchanged) == (held is None, is_same)
            tender_id = done.ids[0]
            if is_same:
                return
        else:
            tender_id = self.run(lambda session: TenderRepository(session).put(Tender(external_id=key, title=title))).id
        self.was_put(("Tender", tender_id), held, Row(key, title))

    def put_lot(self, pick: int, number: int, title: str) -> None:
        tender = self.picked("Tender", pick)
        if tender is None:
            return
        lot = Lot(tender_id=tender[1], number=number, title=title)
        if not self.is_live(tender):
            with pytest.raises(ConstraintError):
                self.run(lambda session: LotRepository(session).put(lot))
            return
        held = self.holder("Lot", (tender[1], number))
        stored = self.run(lambda session: LotRepository(session).put(lot))
        self.was_put(("Lot", stored.id), held, Row((tender[1], number), title, {"tender_id": tender}))

    def delete(self, kind: str, pick: int) -> None:
        ref = self.picked(kind, pick)
        if ref is None:
            return
        gone = self.going(ref) if self.is_live(ref) else []

        def unit(session: TenantSession) -> tuple[dict[str, int], bool]:
            repository = REPOSITORIES[kind](session)
            return dict(repository.preview_delete(ref[1])), repository.soft_delete(ref[1])

        preview, is_deleted = self.run(unit)
        assert is_deleted is bool(gone)
        assert preview == {name: n for name in MODELS if (n := sum(one[0] == name for one in gone))}
        self.was_deleted(gone)

    def delete_where(self, kind: str, chosen: list[int], title: str) -> None:
        refs = {ref for pick in chosen if (ref := self.picked(kind, pick))}
        roots = [ref for ref in refs if self.is_live(ref) and self.rows[ref].title in ("", title)]
        model = MODELS[kind]
        where = [col(model.id).in_([ref[1] for ref in refs])]
        if kind != "Drawing":
            where.append(model.title == title)
        deletion = self.run(lambda session: REPOSITORIES[kind](session).soft_delete_where(*where))
        assert (deletion.rows, bool(deletion)) == (len(roots), bool(roots))
        if roots:
            self.was_deleted(self.going(*roots))
            self.deletions[self.batches] = deletion.deletion_id

    def restore(self, kind: str, pick: int) -> None:
        ref = self.picked(kind, pick, among=lambda ref: not self.is_live(ref)) or self.picked(kind, pick)
        if ref is not None:
            self.restored(lambda repository: repository.restore(ref[1]), kind, self.rows[ref].batch)

    def restore_deletion(self, kind: str, pick: int) -> None:
        if self.deletions:
            batch = sorted(self.deletions)[pick % len(self.deletions)]
            deletion_id = self.deletions[batch]
            self.restored(lambda repository: repository.restore_deletion(deletion_id), kind, batch)

    def restored(self, restore: Callable[[Any], bool], kind: str, number: int) -> None:
        """Restore the rows of a deletion, or be refused."""
        batch = self.batch_of(kind, number) if number > 0 else []
        holders = {held for one in batch if (held := self.holder(one[0], self.rows[one].key))}
        if self.orphans(batch) or holders:
            with pytest.raises(ConflictError) as refused:
                self.run(lambda session: restore(REPOSITORIES[kind](session)))
            assert isinstance(refused.value, DuplicateError) or self.orphans(batch)
            if isinstance(refused.value, DuplicateError):
                assert (refused.value.entity, refused.value.holder_id) in holders
            return
        assert self.run(lambda session: restore(REPOSITORIES[kind](session))) is bool(batch)
        self.was_restored(batch)

    # -- purges -------------------------------------------------------------------------------------------------

    def purge(self, passed: int, days: int | None, is_held: bool, killed_at: int) -> None:
        """After some days, row by row, children first; killed within the transaction that removes one of them."""
        self.let_time_pass(passed)
        self.run(lambda session: session.exec(update(Organization).values(legal_hold=is_held)))
        due = [] if is_held else self.due(days)
        told: list[PurgeCount] = []

        def progress(count: PurgeCount) -> None:
            told.append(count)
            if len(told) == killed_at:
                raise InterruptedError

        only: dict[str, Any] = {"actor": "machine", "organization_id": self.organization_id, "older_than_days": days}
        plan = plan_purge(self.database, **only)
        assert {c.table: c.rows for c in plan.counts} == Counter(MODELS[ref[0]].__tablename__ for ref in due)
        with pytest.raises(InterruptedError) if killed_at <= len(due) else nullcontext():
            assert purge(self.database, batch_size=1, progress=progress, **only).counts == plan.counts
        self.was_purged(due, due[: killed_at - 1])

    def let_time_pass(self, days: int) -> None:
        with self.database.migration_engine.begin() as connection:
            for (kind, row_id), stored in dict(self.stored()).items():
                if stored["is_deleted"]:
                    table = cast(Table, MODELS[kind].__table__)
                    earlier = stored["deleted_at"] - timedelta(days)
                    connection.execute(table.update().where(table.c.id == row_id).values(deleted_at=earlier))
                    self.rows[kind, row_id].age += days
                    self.entries[(kind, row_id), "update"] += 1

    # -- what must hold -----------------------------------------------------------------------------------------

    @invariant()
    def the_tables_hold_what_the_model_says(self) -> None:
        deletions: dict[object, int] = {}
        found: dict[Ref, Row] = {}
        every = dict(self.stored())
        assert every.keys() == self.rows.keys()
        for ref, stored in every.items():
            deletion, is_deleted = stored["deletion_id"], stored["is_deleted"]
            assert is_deleted is (stored["deleted_at"] is not None)
            assert stored["deleted_by"] == ("machine" if is_deleted else None)
            batch = 0
            if is_deleted:  # the same for all that have the id
                batch = LET_GO if deletion is None else deletions.setdefault(deletion, self.rows[ref].batch)
            parents = {c: (PARENTS[c], stored[c]) for c in COLUMNS[ref[0]] if stored[c] is not None}
            key = {"Tender": stored.get("external_id"), "Lot": (stored.get("tender_id"), stored.get("number"))}
            found[ref] = Row(key.get(ref[0]), stored.get("title", ""), parents, batch, stored["version"])
        assert found == self.rows
        assert len(set(deletions.values())) == len(deletions)

    @invariant()
    def repositories_show_the_live_rows(self) -> None:
        with self.database.get_session(organization_id=self.organization_id) as session:
            for kind, repository in REPOSITORIES.items():
                every = {ref[1] for ref in self.rows if ref[0] == kind}
                live = {ref[1] for ref in self.rows if ref[0] == kind and self.is_live(ref)}
                assert {row.id for row in repository(session).find(limit=200)} == live
                assert set(session.scalars(select(MODELS[kind].id))) == live
                assert {row.id for row in repository(session).find(limit=200, include_deleted=True)} == every

    @invariant()
    def the_trail_has_an_entry_for_each_change_and_no_other(self) -> None:
        assert self.run(self.new_entries) == +self.entries
        self.entries.clear()

    def new_entries(self, session: TenantSession) -> Counter[tuple[Ref, str]]:
        kinds_by_table = {str(model.__tablename__): kind for kind, model in MODELS.items()}
        page = AuditRepository(session).page(limit=200).items
        new = [entry for entry in page if entry.id > self.last_entry and entry.entity in kinds_by_table]
        self.last_entry = max((entry.id for entry in page), default=0)
        return Counter(((kinds_by_table[entry.entity], entry.row_id), str(entry.action)) for entry in new)

    @invariant()
    def no_live_row_belongs_to_a_deleted_one(self) -> None:
        for ref, row in self.rows.items():
            assert row.batch or all(self.is_live(parent) for parent in row.parents.values()), ref

    def stored(self) -> Iterator[tuple[Ref, dict[str, Any]]]:
        """Every row of the organization, past the session."""
        with self.database.migration_engine.connect() as connection:
            for kind, model in MODELS.items():
                table = cast(Table, model.__table__)
                mine = select(*table.c).where(table.c.organization_id == self.organization_id)
                for row in connection.execute(mine).mappings():
                    yield (kind, row["id"]), dict(row)


def test_any_sequence_of_deletions_restores_and_purges_agrees_with_the_model(domain_db: Database) -> None:
    examples, steps = RUNS[domain_db.engine.dialect.name]

    class OnThisDatabase(Machine):
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
