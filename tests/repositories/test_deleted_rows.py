"""Statements written by hand leave deleted rows out, remove none, and leave no stale object unnoticed."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from sqlalchemy import delete, update
from sqlalchemy.orm import Session as ORMSession
from sqlalchemy.orm import aliased
from sqlmodel import col, select

from domain import (
    AnalysisRepository,
    AnalysisResult,
    ArgumentError,
    BidDocument,
    Database,
    StaleVersionError,
    Tender,
    TenderRepository,
    User,
    UserRepository,
    including_deleted,
)
from domain.errors import HardDeletionError
from domain.kit.records import SystemAccess
from domain.kit.session import PURGING, DomainSession

Stored = Callable[[type[Any], int], dict[str, Any]]
Make = Callable[..., Any]
Open = Callable[[Database], AbstractContextManager[DomainSession]]

SESSIONS: dict[str, Open] = {
    "tenant": lambda db: db.get_session(organization_id=1),
    "system": lambda db: db.system_session(actor="tests", reason="look"),
}
every_session = pytest.mark.parametrize("opened", SESSIONS.values(), ids=SESSIONS.keys())


@pytest.fixture
def rows(domain_db: Database, make: Make) -> tuple[Tender, Tender, Tender]:
    """A live tender with a live analysis, one whose analysis is deleted, and a deleted one."""
    whole, bare, gone = (make(Tender, title=title) for title in ("Bridge", "Tunnel", "Road"))
    for tender in (whole, bare, gone):
        make(AnalysisResult, tender_id=tender.id, overall_score=5.0)
        make(BidDocument, tender_id=tender.id)
    with domain_db.get_session(organization_id=1) as session:
        analyses = AnalysisRepository(session)
        (analysis,) = analyses.find(col(AnalysisResult.tender_id) == bare.id)
        assert analyses.soft_delete(analysis.id)
        assert TenderRepository(session).soft_delete(gone.id)
    return whole, bare, gone


OTHER = aliased(Tender)


@every_session
def test_an_update_written_by_hand_changes_live_rows_and_raises_their_version(
    domain_db: Database, stored: Stored, opened: Open, rows: tuple[Tender, Tender, Tender]
) -> None:
    before = [stored(Tender, row.id) for row in rows]
    with opened(domain_db) as session:
        session.exec(update(Tender).where(col(Tender.organization_id) == 1).values(location="Bergen"))
    after = [stored(Tender, row.id) for row in rows]
    assert [row["location"] for row in after] == ["Bergen", "Bergen", None]
    assert [row["version"] for row in after] == [2, 2, 2]  # the last since it was deleted
    assert [b["updated_at"] < a["updated_at"] for b, a in zip(before, after, strict=True)] == [True, True, False]


@pytest.mark.parametrize(
    "statement",
    [
        update(Tender).values(location="Bergen"),
        update(Tender).values({Tender.location: "Bergen", "description": "Far away"}),
    ],
    ids=["values", "by attribute"],
)
@every_session
def test_an_object_is_not_saved_over_an_update_written_by_hand(
    domain_db: Database, opened: Open, stored: Stored, tender: Tender, statement: Any
) -> None:
    with domain_db.get_session(organization_id=1) as session:
        held = TenderRepository(session).require(tender.id)
        session.commit()
        with opened(domain_db) as other:
            other.exec(statement.execution_options(synchronize_session=False))
        held.title = "Renamed"
        with pytest.raises(StaleVersionError) as refused:
            session.flush()
        session.rollback()
    assert (refused.value.seen, refused.value.current) == (1, 2)
    row = stored(Tender, tender.id)
    assert (row["title"], row["location"], row["version"]) == ("Harbour bridge", "Bergen", 2)


@every_session
def test_an_update_that_can_not_raise_the_version_is_refused(domain_db: Database, opened: Open) -> None:
    with opened(domain_db) as session, pytest.raises(ArgumentError, match="version"):
        session.exec(update(Tender).ordered_values((col(Tender.location), "Bergen")))


def test_an_update_with_parameters_raises_the_version(domain_db: Database, stored: Stored, tender: Tender) -> None:
    with domain_db.get_session(organization_id=1) as session:
        session.exec(update(Tender), params={"location": "Bergen"})
    assert (stored(Tender, tender.id)["location"], stored(Tender, tender.id)["version"]) == ("Bergen", 2)


def test_a_held_object_follows_an_update_written_by_hand(domain_db: Database, stored: Stored, tender: Tender) -> None:
    with domain_db.get_session(organization_id=1) as session:
        held = TenderRepository(session).require(tender.id)
        session.exec(update(Tender).values(location="Bergen"))
        held.title = "Renamed"
    row = stored(Tender, tender.id)
    assert (row["title"], row["location"], row["version"]) == ("Renamed", "Bergen", 3)


DELETES: dict[str, Callable[[DomainSession, Tender], object]] = {
    "session.delete": lambda session, held: session.delete(held),
    "delete()": lambda session, _: session.exec(delete(Tender)),
    "delete() of an alias": lambda session, _: ORMSession.execute(session, delete(OTHER)),
    "query.delete()": lambda session, _: ORMSession.query(session, Tender).delete(),
    "delete() including deleted rows": lambda session, _: ORMSession.execute(
        session, including_deleted(delete(Tender))
    ),
}


@every_session
@pytest.mark.parametrize("name", DELETES)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_rows_are_not_removed(domain_db: Database, opened: Open, stored: Stored, tender: Tender, name: str) -> None:
    with opened(domain_db) as session:
        held = session.exec(select(Tender)).one()
        with pytest.raises(HardDeletionError, match="soft_delete"):
            DELETES[name](session, held)
    assert not stored(Tender, tender.id)["is_deleted"]


def test_a_session_without_the_guard_for_sql_leaves_deleted_rows_out_as_well(
    domain_postgresql: Database,
) -> None:
    with domain_postgresql.get_session(organization_id=1) as session:
        kept, gone = (TenderRepository(session).create(title=title) for title in ("Bridge", "Tunnel"))
        TenderRepository(session).soft_delete(gone.id)
    with domain_postgresql.get_session(organization_id=1, unguarded_sql=True) as session:
        assert session.exec(select(Tender.id)).all() == [kept.id]
        with pytest.raises(HardDeletionError):
            session.exec(delete(Tender))


def test_the_purge_may_remove_rows_and_finds_deleted_ones(
    domain_db: Database, stored_rows: Callable[[type[Any]], list[Any]], rows: Any
) -> None:
    bids = delete(BidDocument).where(col(BidDocument.organization_id) == 1, col(BidDocument.is_deleted))
    with domain_db.system_session(actor="tests", reason="purge") as system:
        system.exec(bids, execution_options={PURGING: True})
    assert [row["tender_id"] for row in stored_rows(BidDocument)] == [rows[0].id, rows[1].id]


def test_other_tables_without_organization_leave_deleted_rows_out(domain_db: Database) -> None:
    with domain_db.system_session(actor="tests", reason="one"):
        table = SystemAccess.__table__
        with domain_db.migration_engine.begin() as connection:
            connection.execute(update(table).where(table.c.reason == "one").values(is_deleted=True))
    with domain_db.system_session(actor="tests", reason="two") as system:
        found = system.exec(select(SystemAccess.reason)).all()
    assert "two" in found
    assert "one" not in found


def test_a_join_to_a_live_user_of_a_deleted_one_is_left_out(domain_db: Database, make: Make) -> None:
    ann, bob = make(User, full_name="Ann"), make(User, full_name="Bob")
    with domain_db.get_session(organization_id=1) as session:
        assert UserRepository(session).soft_delete(bob.id)
        other = aliased(User)
        pairs = select(User.full_name, other.full_name).join(other, col(User.organization_id) == other.organization_id)
        assert session.exec(pairs).all() == [("Ann", "Ann")]
    assert ann.id < bob.id
