"""``add`` inserts by a statement: the object behaves as one that a flush inserted."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, event, inspect
from sqlalchemy.exc import InvalidRequestError, PendingRollbackError
from sqlmodel import Field, Relationship

from domain import (
    Database,
    DuplicateError,
    TenantEntity,
    TenantRepository,
    TenantSession,
    Tender,
    TenderPatch,
    TenderRepository,
    Text,
    tenant_key,
)
from domain.testing import build

Stored = Callable[[type[Any], int], dict[str, Any]]


class Shelf(TenantEntity, table=True):
    """What boxes stand on; the database says where, if nobody else does."""

    __tablename__ = "test_shelves"
    title: Text = Field(max_length=100)
    place: Text | None = Field(default=None, max_length=20, sa_column_kwargs={"server_default": "cellar"})
    sign: Text | None = Field(default=None, max_length=20, sa_column_kwargs={"default": "a-1"})


class Box(TenantEntity, table=True):
    """It can bring its shelf along."""

    __tablename__ = "test_boxes"
    shelf_id: int | None = tenant_key(Shelf, default=None)
    shelf: Shelf | None = Relationship()


class Label(TenantEntity, table=True):
    """It does not bring its shelf along."""

    __tablename__ = "test_labels"
    shelf_id: int | None = tenant_key(Shelf, default=None)
    shelf: Shelf | None = Relationship(sa_relationship_kwargs={"cascade": ""})


class ShelfRepository(TenantRepository[Shelf]):
    """The shelves of one organization."""

    model = Shelf


class BoxRepository(TenantRepository[Box]):
    """The boxes of one organization."""

    model = Box


def roll_back_all(session: TenantSession) -> Tender:
    tender = TenderRepository(session).create(title="Undone", external_id="undone")
    session.rollback()
    return tender


def roll_back_to_savepoint(session: TenantSession) -> Tender:
    with session.begin_nested() as savepoint:
        tender = TenderRepository(session).create(title="Undone", external_id="undone")
        savepoint.rollback()
    return tender


def roll_back_what_a_savepoint_kept(session: TenantSession) -> Tender:
    with session.begin_nested(), session.begin_nested():
        tender = TenderRepository(session).create(title="Undone", external_id="undone")
    session.rollback()
    return tender


undoings = pytest.mark.parametrize("undo", [roll_back_all, roll_back_to_savepoint, roll_back_what_a_savepoint_kept])


@undoings
def test_after_a_rollback_it_is_new_again_with_its_values(
    domain_db: Database, stored: Stored, undo: Callable[[TenantSession], Tender]
) -> None:
    with domain_db.get_session(organization_id=1) as session:
        tender = undo(session)
        assert inspect(tender).transient
        assert (tender.title, tender.external_id, tender.organization_id) == ("Undone", "undone", 1)
        assert TenderRepository(session).get_by_external_id("undone") is None
        session.add(tender)
    assert stored(Tender, tender.id)["title"] == "Undone"


@undoings
def test_the_id_of_what_was_undone_may_be_anothers(
    domain_db: Database, stored: Stored, undo: Callable[[TenantSession], Tender]
) -> None:
    """SQLite gives it out again."""
    with domain_db.get_session(organization_id=1) as session:
        undone = undo(session)
        created = TenderRepository(session).create(title="After it")
        assert created is not undone
    assert stored(Tender, created.id)["title"] == "After it"


def test_a_rollback_leaves_what_was_inserted_before_it_in_the_session(domain_db: Database, stored: Stored) -> None:
    with domain_db.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        kept = tenders.create(title="Kept", external_id="kept")
        with pytest.raises(DuplicateError), session.begin_nested():
            tenders.create(title="Again", external_id="kept")
        assert inspect(kept).persistent
        kept.title = "Kept and changed"
    assert stored(Tender, kept.id)["title"] == "Kept and changed"


def test_what_was_committed_stays_when_a_later_transaction_is_rolled_back(domain_db: Database, stored: Stored) -> None:
    with domain_db.get_session(organization_id=1) as session:
        tender = TenderRepository(session).create(title="Committed")
        session.commit()
        tender.title = "Never"
        session.rollback()
        assert (inspect(tender).persistent, tender.title) == (True, "Committed")
    assert stored(Tender, tender.id)["version"] == 1


def test_changes_made_after_it_stay_with_the_object_when_they_are_rolled_back(
    domain_db: Database, stored: Stored
) -> None:
    with domain_db.get_session(organization_id=1) as session:
        tender = TenderRepository(session).create(title="First", categories=["45000000"])
        tender.title = "Second"
        tender.categories.append("45200000")
        session.flush()
        session.rollback()
        session.add(tender)
    row = stored(Tender, tender.id)
    assert (row["title"], row["categories"], row["version"]) == ("Second", ["45000000", "45200000"], 1)


def test_a_failed_flush_in_a_savepoint_takes_back_what_was_inserted_in_it(domain_db: Database, stored: Stored) -> None:
    with domain_db.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        tenders.create(title="Holder", external_id="taken")
        savepoint = session.begin_nested()
        undone = tenders.create(title="Undone")
        with pytest.raises(DuplicateError):
            tenders.update(undone.id, TenderPatch(title="Undone", external_id="taken"))
        savepoint.rollback()
        assert (inspect(undone).transient, undone.title) == (True, "Undone")
        created = tenders.create(title="After it")
    assert stored(Tender, created.id)["title"] == "After it"


def fail_and_catch(session: TenantSession) -> None:
    TenderRepository(session).create(title="Undone")
    with pytest.raises(DuplicateError):
        TenderRepository(session).create(title="Again", external_id="taken")


def test_an_error_caught_inside_a_savepoint_undoes_the_savepoint_alone(
    domain_db: Database, stored_rows: Callable[[type[Any]], list[dict[str, Any]]]
) -> None:
    with domain_db.get_session(organization_id=1) as session:
        TenderRepository(session).create(title="Before", external_id="taken")
        with session.begin_nested():
            fail_and_catch(session)
        TenderRepository(session).create(title="After")
    assert [row["title"] for row in stored_rows(Tender)] == ["Before", "After"]


def test_an_error_caught_inside_an_organizations_part_undoes_the_part_alone(
    domain_db: Database, stored_rows: Callable[[type[Any]], list[dict[str, Any]]]
) -> None:
    with domain_db.system_session(actor="tests", reason="a part that fails") as system:
        with system.as_organization(1) as session:
            TenderRepository(session).create(title="Before", external_id="taken")
        with pytest.raises(PendingRollbackError), system.as_organization(1) as session:
            fail_and_catch(session)
        with system.as_organization(2) as session:
            TenderRepository(session).create(title="After")
    assert [row["title"] for row in stored_rows(Tender)] == ["Before", "After"]


def test_who_handles_a_failure_can_write_in_a_session_of_its_own(
    domain_db: Database, stored_rows: Callable[[type[Any]], list[dict[str, Any]]]
) -> None:
    """The failed transaction holds no lock, SQLite's for writers neither."""

    def note_failure() -> None:
        with domain_db.get_session(organization_id=1) as session:
            TenderRepository(session).create(title="Undone", external_id="taken")
            try:
                TenderRepository(session).create(title="Again", external_id="taken")
            except DuplicateError:
                with domain_db.get_session(organization_id=1) as other:
                    TenderRepository(other).create(title="It failed")
                raise

    with pytest.raises(DuplicateError):
        note_failure()
    assert [row["title"] for row in stored_rows(Tender)] == ["It failed"]


def test_a_copy_of_a_row_begins_at_version_1(domain_db: Database, stored: Stored) -> None:
    with domain_db.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        original = tenders.create(title="Original")
        original.title = "Changed"
        session.flush()
        copied = tenders.add(original.model_copy(update={"id": None}))
        assert (original.version, copied.version) == (2, 1)
    assert stored(Tender, copied.id)["version"] == 1


def test_another_pending_object_is_stored_with_it(domain_db: Database, stored: Stored) -> None:
    with domain_db.get_session(organization_id=1) as session:
        first = Tender(title="Pending")
        session.add(first)
        second = TenderRepository(session).create(title="Created")
    assert (stored(Tender, first.id)["title"], stored(Tender, second.id)["title"]) == ("Pending", "Created")


def test_an_id_that_a_factory_gives_is_kept(domain_db: Database, stored: Stored) -> None:
    with domain_db.get_session(organization_id=1) as session:
        TenderRepository(session).add(build(Tender, id=4711, title="Numbered"))
    assert stored(Tender, 4711)["title"] == "Numbered"


def test_changes_and_changes_in_place_after_it_are_stored_and_counted(domain_db: Database, stored: Stored) -> None:
    with domain_db.get_session(organization_id=1) as session:
        tender = TenderRepository(session).create(title="First", categories=["45000000"])
        tender.categories.append("45200000")
        tender.title = "Second"
    row = stored(Tender, tender.id)
    assert (row["title"], row["categories"], row["version"]) == ("Second", ["45000000", "45200000"], 2)


def test_a_session_reads_what_it_inserted_as_the_same_object(domain_db: Database) -> None:
    with domain_db.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        tender = tenders.create(title="One")
        assert tenders.get_by_id(tender.id) is tender
        assert tenders.list_by_organization()[0] is tender


def test_it_takes_one_statement_and_nothing_is_read_after_it(
    domain_db: Database, statements: list[tuple[str, Any]]
) -> None:
    with domain_db.get_session(organization_id=1) as session:
        TenderRepository(session).count()
        statements.clear()
        tender = TenderRepository(session).create(title="One")
        assert tender.model_dump()["id"] == tender.id
        assert [statement.split()[0] for statement, _ in statements] == ["INSERT"]


def test_what_columns_fill_in_themselves_is_in_the_object(domain_db: Database, stored: Stored) -> None:
    with domain_db.get_session(organization_id=1) as session:
        shelves = ShelfRepository(session)
        left = shelves.add(Shelf(title="Left"))
        assert left.place == "cellar"
        right = shelves.add(Shelf(title="Right", place="attic", sign="b-2"))
    assert (left.sign, right.place, right.sign, stored(Shelf, left.id)["sign"]) == ("a-1", "attic", "b-2", "a-1")


def test_what_it_brings_along_is_inserted_with_it(domain_db: Database, stored: Stored) -> None:
    with domain_db.get_session(organization_id=1) as session:
        box = Box()
        box.shelf = Shelf(title="Brought along")
        BoxRepository(session).add(box)
        shelf_id = box.shelf_id
        assert shelf_id is not None
    assert stored(Shelf, shelf_id)["title"] == "Brought along"


def test_what_waits_for_it_is_linked_to_it(domain_db: Database, stored: Stored) -> None:
    with domain_db.get_session(organization_id=1) as session:
        shelf, label = Shelf(title="Labelled", place="attic", sign="b-2"), Label()
        label.shelf = shelf
        session.add(label)
        ShelfRepository(session).add(shelf)
    assert stored(Label, label.id)["shelf_id"] == shelf.id


def test_an_object_of_another_session_is_refused_before_anything_is_stored(
    domain_db: Database, stored_rows: Callable[[type[Any]], list[dict[str, Any]]]
) -> None:
    tender = Tender(title="Elsewhere")
    with domain_db.get_session(organization_id=1) as session, domain_db.get_session(organization_id=1) as other:
        other.add(tender)
        with pytest.raises(InvalidRequestError, match="already attached"):
            TenderRepository(session).add(tender)
        other.expunge(tender)
    assert stored_rows(Tender) == []


def test_a_repository_that_is_given_another_models_object_stores_it_as_what_it_is(
    domain_db: Database, stored_rows: Callable[[type[Any]], list[dict[str, Any]]]
) -> None:
    label: Any = Label()
    with domain_db.get_session(organization_id=1) as session:
        BoxRepository(session).add(label)
    assert [row["id"] for row in stored_rows(Label)] == [label.id]
    assert stored_rows(Box) == []


@pytest.fixture
def heard() -> Iterator[list[str]]:
    """The titles of the shelves that a listener was told of."""
    titles: list[str] = []

    def hear(_mapper: object, _connection: Connection, shelf: Shelf) -> None:
        titles.append(shelf.title)

    event.listen(Shelf, "after_insert", hear)
    yield titles
    event.remove(Shelf, "after_insert", hear)


def test_who_listens_to_the_class_is_told(domain_db: Database, heard: list[str]) -> None:
    with domain_db.get_session(organization_id=1) as session:
        ShelfRepository(session).add(Shelf(title="Announced", place="attic", sign="b-2"))
    assert heard == ["Announced"]
