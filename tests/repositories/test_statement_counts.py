"""A method sends the same number of statements for 3 rows and for 30."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event

from domain import (
    AnalysisRepository,
    AnalysisResult,
    BidDocument,
    BidDocumentRepository,
    Database,
    OrganizationRepository,
    TenantSession,
    Tender,
    TenderContent,
    TenderNotice,
    TenderNoticeRepository,
    TenderPatch,
    TenderRepository,
    TenderStatus,
    User,
    UserRepository,
)
from domain.testing import build

Statements = list[tuple[str, Any]]
Call = Callable[[TenantSession, list[int]], object]


def filled(database: Database, number: int) -> list[int]:
    """The ids of so many tenders, each with analysis and bid, and as many users; the first has as many notices."""
    with database.get_session(organization_id=1) as session:
        ids = [row.id for row in TenderRepository(session).create_many([build(Tender) for _ in range(number)])]
        session.add_all([build(AnalysisResult, tender_id=n, overall_score=8, processing_cost=1) for n in ids])
        session.add_all([build(BidDocument, tender_id=n) for n in ids])
        session.add_all([build(User) for _ in ids])
        session.add_all([build(TenderNotice, tender_id=ids[0]) for _ in ids])
    return ids


def restored_while_held(session: TenantSession, ids: list[int]) -> object:
    TenderRepository(session).soft_delete(ids[0])
    held = TenderNoticeRepository(session).find(include_deleted=True)
    restored = TenderRepository(session).restore(ids[0])
    assert not any(notice.is_deleted for notice in held)
    return restored


CALLS: dict[str, Call] = {
    "get": lambda session, ids: TenderRepository(session).get(ids[0]),
    "find": lambda session, _: TenderRepository(session).find(),
    "count": lambda session, _: TenderRepository(session).count(),
    "exists": lambda session, _: TenderRepository(session).exists(),
    "page": lambda session, _: TenderRepository(session).page(with_total=True),
    "stream": lambda session, _: list(TenderRepository(session).stream()),
    "search": lambda session, _: TenderRepository(session).search("bridge"),
    "list_by_organization": lambda session, _: TenderRepository(session).list_by_organization(),
    "list_with_related": lambda session, _: [
        (tender.analysis, tender.bid) for tender in TenderRepository(session).list_with_related()
    ],
    "count_by_status": lambda session, _: TenderRepository(session).count_by_status(),
    "update_status": lambda session, ids: TenderRepository(session).update_status(ids[0], TenderStatus.ERROR),
    "update": lambda session, ids: TenderRepository(session).update(ids[0], TenderPatch(title="New")),
    "put": lambda session, _: TenderRepository(session).put(Tender(external_id="new", title="New")),
    "soft_delete": lambda session, ids: TenderRepository(session).soft_delete(ids[0]),
    "restore": restored_while_held,
    "users": lambda session, _: UserRepository(session).list_by_organization(),
    "bids": lambda session, _: BidDocumentRepository(session).list_by_organization(),
    "notices": lambda session, ids: TenderNoticeRepository(session).list_by_tender_id(ids[0]),
    "get_high_score_tenders": lambda session, _: AnalysisRepository(session).get_high_score_tenders(),
    "costs_by_month": lambda session, _: AnalysisRepository(session).costs_by_month(),
    "update_rating": lambda session, ids: AnalysisRepository(session).update_rating(ids[0], 9),
    "delete the organization": lambda session, _: OrganizationRepository(session).soft_delete(1),
    "update_usage": lambda session, _: OrganizationRepository(session).update_usage(1),
}


def test_no_method_sends_a_statement_for_each_row(domain_db: Database, statements: Statements) -> None:
    sent: dict[str, list[int]] = {name: [] for name in CALLS}
    for number in (3, 30):
        ids = filled(domain_db, number)
        for name, call in CALLS.items():
            session = TenantSession(domain_db.engine, organization_id=1)
            with session:
                statements.clear()
                assert call(session, ids), name
                sent[name].append(len(statements))
                session.rollback()
    assert {name: numbers for name, numbers in sent.items() if numbers[0] != numbers[1]} == {}
    assert all(numbers[0] > 0 for numbers in sent.values())


@pytest.mark.parametrize("number", [3, 30])
def test_tenders_with_related_take_three_statements(domain_db: Database, statements: Statements, number: int) -> None:
    filled(domain_db, number)
    with domain_db.get_session(organization_id=1) as session:
        statements.clear()
        assert len(TenderRepository(session).list_with_related()) == number
        assert len([text for text, _ in statements if "SELECT" in text and "tenders" in text]) == 3


def test_many_new_rows_are_sent_in_one_statement_to_postgresql(domain_postgresql: Database) -> None:
    sent: list[str] = []

    def record(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        sent.append(statement)

    event.listen(domain_postgresql.engine, "before_cursor_execute", record)
    with domain_postgresql.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        tenders.create_many([Tender(title="New") for _ in range(100)])
        tenders.upsert_many([TenderContent(external_id=f"{n}", title="New") for n in range(100)])
    event.remove(domain_postgresql.engine, "before_cursor_execute", record)
    assert len([text for text in sent if "INSERT INTO tenders" in text]) == 2
