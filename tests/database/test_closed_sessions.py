"""After its block a session is closed for good; what it handed out stays readable."""

import sqlite3
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event
from sqlmodel import select

from domain import (
    AuditRepository,
    BidDocument,
    BidDocumentRepository,
    Database,
    DuplicateError,
    Organization,
    OrganizationRepository,
    TenantSession,
    Tender,
    TenderRepository,
    User,
)
from domain.errors import SessionClosedError
from domain.testing import build
from tests.support.statements import recorded

USES: dict[str, Callable[[TenantSession, Tender], object]] = {
    "find_login": lambda session, _: session.look_up(User, "email", "ann@example.org"),
    "find_organization": lambda session, _: session.look_up(Organization, "slug", "first"),
    "session.add": lambda session, _: session.add(Tender(title="lost")),
    "session.add of its own object": lambda session, tender: session.add(tender),
    "session.merge": lambda session, tender: session.merge(tender),
    "session.add_all": lambda session, _: session.add_all([Tender(title="lost")]),
    "session.get": lambda session, tender: session.get(Tender, (1, tender.id)),
    "session.exec": lambda session, _: session.exec(select(Tender)).all(),
    "session.begin_nested": lambda session, _: session.begin_nested(),
    "session.commit": lambda session, _: session.commit(),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_every_use_of_a_closed_session_raises(
    database: Database, use: Callable[[TenantSession, Tender], object]
) -> None:
    with database.get_session(organization_id=1) as session:
        tender = TenderRepository(session).create(title="kept")
    before = database.run(lambda s: TenderRepository(s).require(tender.id).version, organization_id=1)
    with pytest.raises(SessionClosedError):
        use(session, tender)
    assert not session.in_transaction()
    assert "checked out connections: 0" in database.engine.pool.status().lower()
    assert database.run(lambda s: TenderRepository(s).require(tender.id).version, organization_id=1) == before
    assert database.run(lambda s: TenderRepository(s).count(Tender.title == "lost"), organization_id=1) == 0


def test_a_repository_that_was_kept_says_why_it_is_of_no_use(database: Database) -> None:
    with database.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
    with pytest.raises(SessionClosedError, match="block has ended"):
        tenders.create(title="lost")


def test_a_session_of_a_system_session_is_closed_like_any_other(database: Database) -> None:
    with database.system_session(actor="tests", reason="closed sessions") as system:
        with system.as_organization(1) as session:
            tenders = TenderRepository(session)
        with pytest.raises(SessionClosedError):
            tenders.count()
        assert OrganizationRepository(system).list_active()
    with pytest.raises(SessionClosedError):
        OrganizationRepository(system).list_active()


def test_a_session_that_was_closed_by_hand_does_not_pass_for_committed(database: Database) -> None:
    def close_by_hand() -> None:
        with database.get_session(organization_id=1) as session:
            TenderRepository(session).create(title="undone")
            session.close()

    with pytest.raises(SessionClosedError):
        close_by_hand()
    assert database.run(lambda s: TenderRepository(s).count(Tender.title == "undone"), organization_id=1) == 0


def test_a_stream_of_a_closed_session_raises_and_holds_no_connection(database: Database) -> None:
    with database.get_session(organization_id=1) as session:
        TenderRepository(session).create_many([Tender(title=f"{number}") for number in range(3)])
        stream = TenderRepository(session).stream(batch_size=1)
        assert next(stream).title
    with pytest.raises(SessionClosedError):
        list(stream)
    assert "checked out connections: 0" in database.engine.pool.status().lower()


# -- what it handed out -----------------------------------------------------------------------------------------


def test_what_was_read_before_a_rollback_is_readable_after_the_block(database: Database) -> None:
    with database.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        first = tenders.create(title="first", external_id="before-a-rollback")
        organization = OrganizationRepository(session).require(1)
        (entry,) = AuditRepository(session).page(entity=Tender, row_id=first.id).items
        session.commit()
        with pytest.raises(DuplicateError):
            tenders.create(title="again", external_id="before-a-rollback")
        session.rollback()
    assert (first.title, first.version) == ("first", 1)
    assert first.model_dump()["external_id"] == "before-a-rollback"
    assert (organization.slug, entry.row_id) == ("first", first.id)


def test_what_was_read_is_readable_after_the_error_that_ended_the_block(database: Database) -> None:
    kept: list[Tender] = []

    def fail() -> None:
        with database.get_session(organization_id=1) as session:
            tenders = TenderRepository(session)
            kept.append(tenders.create(title="stored", external_id="ended-the-block"))
            session.commit()
            kept[0].title = "never stored"
            tenders.create(title="again", external_id="ended-the-block")

    with pytest.raises(DuplicateError):
        fail()
    assert (kept[0].title, kept[0].version) == ("stored", 1)


def test_what_a_savepoint_took_back_is_shown_as_it_is_stored(database: Database) -> None:
    with database.get_session(organization_id=1) as session:
        tender = TenderRepository(session).create(title="stored")
        savepoint = session.begin_nested()
        tender.title = "never stored"
        session.flush()
        savepoint.rollback()
    assert (tender.title, tender.version) == ("stored", 1)


def test_a_deleted_row_is_readable_after_a_rollback_too(database: Database) -> None:
    with database.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        tender = tenders.create(title="deleted")
        tenders.soft_delete(tender.id)
        session.commit()
        session.rollback()
        session.expire(tender)
    assert (tender.title, tender.is_deleted) == ("deleted", True)


def test_what_is_read_again_takes_a_query_for_each_model(database: Database) -> None:
    with recorded(database.engine) as statements, database.get_session(organization_id=1) as session:
        tenders = [TenderRepository(session).create(title=f"{number}") for number in range(5)]
        bids = [BidDocumentRepository(session).add(build(BidDocument, tender_id=tender.id)) for tender in tenders]
        session.commit()
        session.rollback()
        session.expire_all()
        statements.clear()
    assert len(statements) == 2
    assert [tender.title for tender in tenders] == [str(number) for number in range(5)]
    assert [bid.tender_id for bid in bids] == [tender.id for tender in tenders]


def test_as_many_as_a_statement_has_no_parameters_for_are_readable_too(database: Database) -> None:
    def limit(connection: Any, *_: object) -> None:
        connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 999)  # that of older versions

    if database.engine.dialect.name == "sqlite":
        event.listen(database.engine, "checkout", limit)
    with database.get_session(organization_id=1) as session:
        tenders = TenderRepository(session).create_many([Tender(title=f"{number}") for number in range(900)])
        session.commit()
        session.rollback()
        session.expire_all()
    assert [tender.title for tender in tenders] == [f"{number}" for number in range(900)]
