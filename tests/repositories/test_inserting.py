"""``add`` inserts by a statement: the object behaves as one that a flush inserted."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, event, func, inspect
from sqlmodel import Field, Relationship

from domain import (
    Database,
    DuplicateError,
    TenantEntity,
    TenantRepository,
    TenantSession,
    Tender,
    TenderRepository,
    Text,
    tenant_key,
)

Stored = Callable[[type[Any], int], dict[str, Any]]


class Shelf(TenantEntity, table=True):
    """What boxes stand on; the database says where, if nobody else does."""

    __tablename__ = "test_shelves"
    title: Text = Field(max_length=100)
    place: Text | None = Field(default=None, max_length=20, sa_column_kwargs={"server_default": "cellar"})
    sign: Text | None = Field(default=None, max_length=20, sa_column_kwargs={"default": func.lower("A-1")})


class Box(TenantEntity, table=True):
    """It can bring its shelf along."""

    __tablename__ = "test_boxes"
    shelf_id: int | None = tenant_key(Shelf, default=None)
    shelf: Shelf | None = Relationship()


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


def test_an_object_that_left_the_session_is_left_alone_by_its_rollback(domain_db: Database) -> None:
    with domain_db.get_session(organization_id=1) as session:
        tender = TenderRepository(session).create(title="Elsewhere")
        session.expunge(tender)
        session.rollback()
        assert (inspect(tender).detached, tender.title) == (True, "Elsewhere")


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


def test_what_the_database_fills_in_is_read_when_it_is_asked_for(domain_db: Database) -> None:
    with domain_db.get_session(organization_id=1) as session:
        shelves = ShelfRepository(session)
        shelf = shelves.add(Shelf(title="Left"))
        given = shelves.add(Shelf(title="Right", place="attic", sign="b-2"))
        assert (shelf.place, shelf.sign, given.place, given.sign) == ("cellar", "a-1", "attic", "b-2")


def test_what_it_brings_along_is_inserted_with_it(domain_db: Database, stored: Stored) -> None:
    with domain_db.get_session(organization_id=1) as session:
        box = Box()
        box.shelf = Shelf(title="Brought along")
        BoxRepository(session).add(box)
        shelf_id = box.shelf_id
        assert shelf_id is not None
    assert stored(Shelf, shelf_id)["title"] == "Brought along"


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
        ShelfRepository(session).add(Shelf(title="Announced"))
    assert heard == ["Announced"]
