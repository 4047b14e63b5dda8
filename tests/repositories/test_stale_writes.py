"""A write over a newer version is refused, with both versions, whichever way the row was written meanwhile."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event
from sqlmodel import col, select, update

from benchmarks.stale_writes import WRITES, faults, write_at_once
from domain import (
    ConflictError,
    Database,
    StaleVersionError,
    Tender,
    TenderRepository,
    TenderStatus,
    UnavailableError,
)

Stored = Callable[[type[Any], int], dict[str, Any]]
Make = Callable[..., Any]


def test_every_write_of_many_threads_is_applied_or_refused(domain_postgresql: Database) -> None:
    outcome = write_at_once(domain_postgresql, rows=4, threads=16, writes=480)
    assert faults(outcome, writes=480) == []
    assert outcome.applied.keys() == {write.__name__ for write in WRITES}
    assert outcome.refused.keys() <= {"save", "patch"}


def test_of_several_objects_the_first_that_is_stale_is_named(domain_db: Database, stored: Stored, make: Make) -> None:
    ids = [make(Tender).id for _ in range(4)]
    with domain_db.get_session(organization_id=1) as session:
        held = [TenderRepository(session).require(tender_id) for tender_id in ids]
        session.commit()
        with domain_db.get_session(organization_id=1) as other:
            for tender_id in (ids[2], ids[1], ids[1]):
                assert TenderRepository(other).update_status(tender_id, TenderStatus.PROCESSING)
        for tender in held:
            tender.title = "Renamed"
        with pytest.raises(StaleVersionError) as refused:
            session.flush()
        session.rollback()
        assert [tender.title == "Renamed" for tender in held] == [False] * 4
    error = refused.value
    assert (error.entity, error.entity_id, error.seen, error.current) == ("Tender", ids[1], 1, 3)
    assert [stored(Tender, tender_id)["version"] for tender_id in ids] == [1, 3, 2, 1]


@pytest.mark.parametrize("in_savepoint", [False, True])
def test_a_stale_object_is_refused_with_both_versions(
    domain_db: Database, stored: Stored, tender: Tender, in_savepoint: bool
) -> None:
    with domain_db.get_session(organization_id=1) as session:
        held = TenderRepository(session).require(tender.id)
        session.commit()
        with domain_db.get_session(organization_id=1) as other:
            TenderRepository(other).soft_delete(tender.id)
        savepoint = session.begin_nested() if in_savepoint else None
        held.title = "Renamed"
        with pytest.raises(StaleVersionError) as refused:
            session.flush()
        if savepoint is None:
            session.rollback()
        else:
            savepoint.rollback()
        assert TenderRepository(session).count() == 0  # the session goes on
    assert (refused.value.seen, refused.value.current) == (1, 2)
    assert "version 1" in str(refused.value)
    assert "version 2" in str(refused.value)
    assert stored(Tender, tender.id)["title"] == "Harbour bridge"


def test_of_a_row_that_is_gone_no_version_is_named(domain_db: Database, tender: Tender) -> None:
    with domain_db.get_session(organization_id=1) as session:
        held = TenderRepository(session).require(tender.id)
        session.commit()
        with domain_db.migration_engine.begin() as connection:
            connection.execute(Tender.__table__.delete())
        held.title = "Renamed"
        with pytest.raises(StaleVersionError, match="gone") as refused:
            session.flush()
        session.rollback()
    assert refused.value.current is None


def test_an_object_is_stale_after_a_statement_of_its_own_session_too(
    domain_db: Database, stored: Stored, tender: Tender
) -> None:
    with domain_db.get_session(organization_id=1) as session:
        held = TenderRepository(session).require(tender.id)
        rename = update(Tender).where(col(Tender.id) == tender.id).values(title="By hand")
        session.exec(rename, execution_options={"synchronize_session": False})
        held.description = "Saved"
        with pytest.raises(ConflictError):
            session.flush()
        session.rollback()
    assert (stored(Tender, tender.id)["title"], stored(Tender, tender.id)["version"]) == ("Harbour bridge", 1)


@pytest.mark.parametrize("in_savepoint", [False, True])
def test_a_system_session_is_told_both_versions_too(
    domain_db: Database, stored: Stored, tender: Tender, in_savepoint: bool
) -> None:
    with domain_db.system_session(actor="tests", reason="a stale write") as system:
        held = system.exec(select(Tender).where(col(Tender.id) == tender.id)).one()
        system.commit()
        with domain_db.get_session(organization_id=1) as other:
            assert TenderRepository(other).update_status(tender.id, TenderStatus.PROCESSING)
        savepoint = system.begin_nested() if in_savepoint else None
        held.title = "Renamed"
        with pytest.raises(StaleVersionError) as refused:
            system.flush()
        if savepoint is None:
            system.rollback()
        else:
            savepoint.rollback()
        assert [found.title for found in system.exec(select(Tender))] == ["Harbour bridge"]  # the session goes on
    assert (refused.value.seen, refused.value.current) == (1, 2)
    assert (stored(Tender, tender.id)["title"], stored(Tender, tender.id)["version"]) == ("Harbour bridge", 2)


def test_where_the_versions_can_not_be_read_no_row_is_called_gone(
    domain_db: Database, stored: Stored, tender: Tender
) -> None:
    def fail(_connection: object, _cursor: object, statement: str, *_others: object) -> None:
        if statement.startswith("SELECT"):
            raise UnavailableError("no answer", retryable=True)

    with domain_db.get_session(organization_id=1) as session:
        held = TenderRepository(session).require(tender.id)
        session.commit()
        with domain_db.get_session(organization_id=1) as other:
            assert TenderRepository(other).update_status(tender.id, TenderStatus.PROCESSING)
        held.title = "Renamed"
        event.listen(domain_db.engine, "before_cursor_execute", fail)
        try:
            with pytest.raises(ConflictError) as refused:
                session.flush()
        finally:
            event.remove(domain_db.engine, "before_cursor_execute", fail)
        session.rollback()
        assert TenderRepository(session).require(tender.id).version == 2
    assert not isinstance(refused.value, StaleVersionError)
    assert "read it again" in str(refused.value)
    assert stored(Tender, tender.id)["title"] == "Harbour bridge"


def test_as_an_organization_it_is_told_both_versions_and_the_rest_of_the_block_goes_on(
    domain_db: Database, stored: Stored, tender: Tender
) -> None:
    with domain_db.system_session(actor="tests", reason="a stale write") as system:
        with system.as_organization(1) as session:
            held = TenderRepository(session).require(tender.id)
            rename = update(Tender).where(col(Tender.id) == tender.id).values(title="By hand")
            session.exec(rename, execution_options={"synchronize_session": False})
            with pytest.raises(StaleVersionError) as refused, session.begin_nested():
                held.description = "Saved"
            assert (refused.value.seen, refused.value.current) == (1, 2)
            assert TenderRepository(session).count() == 1
        assert len(system.exec(select(Tender)).all()) == 1
    assert (stored(Tender, tender.id)["title"], stored(Tender, tender.id)["description"]) == ("By hand", None)
