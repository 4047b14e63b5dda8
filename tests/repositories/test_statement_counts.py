"""How many statements an operation sends, whatever the number of rows."""

import pytest

from domain import Database, Tender, TenderContent, TenderNoticeRepository, TenderRepository
from domain.kit.model.registry import reference_graph
from domain.migrations.trees import domain_tables
from tests.support.calls import fill, first_row
from tests.support.statements import recorded


@pytest.fixture(params=[3, 30])
def number(request: pytest.FixtureRequest, domain_db: Database) -> int:
    """So many tenders and users, and analyses, bids and notices of the first tender."""
    with domain_db.get_session(organization_id=1) as session:
        fill(session, request.param)
    return int(request.param)


def test_tenders_with_related_take_three_statements(domain_db: Database, number: int) -> None:
    with domain_db.get_session(organization_id=1) as session, recorded(domain_db.engine) as statements:
        assert len(TenderRepository(session).list_with_related(limit=200)) == number
        assert len([text for text in statements if "SELECT" in text and "tenders" in text]) == 3


def test_many_new_rows_are_sent_in_one_statement_to_postgresql(domain_postgresql: Database) -> None:
    with recorded(domain_postgresql.engine) as sent, domain_postgresql.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        tenders.create_many([Tender(title="New") for _ in range(100)])
        tenders.upsert_many([TenderContent(external_id=f"{n}", title="New") for n in range(100)])
    assert len([text for text in sent if "INSERT INTO tenders" in text]) == 2


def test_restoring_takes_three_statements_on_postgresql_and_one_a_table_on_sqlite(
    domain_db: Database, number: int
) -> None:
    with domain_db.get_session(organization_id=1) as session:
        tender_id = first_row(session, Tender).id
        assert TenderRepository(session).soft_delete(tender_id)
    with domain_db.get_session(organization_id=1) as session:
        held = TenderNoticeRepository(session).find(include_deleted=True, limit=200)
        with recorded(domain_db.engine) as statements:
            assert TenderRepository(session).restore(tender_id)
    sent = [text.split()[0] for text in statements if "SAVEPOINT" not in text]
    tables = sum(map(len, reference_graph().cascades.levels(Tender.__table__)))
    assert sent == (["SELECT", "WITH", *["UPDATE"] * tables] if domain_db.is_sqlite else ["SELECT", "WITH", "WITH"])
    assert len(held) == number
    assert not any(notice.is_deleted for notice in held)


def test_a_deletion_looks_at_each_level_once_and_marks_what_it_finds(domain_db: Database, number: int) -> None:
    with domain_db.get_session(organization_id=1) as session:
        tender_id = first_row(session, Tender).id
        with recorded(domain_db.engine) as statements:
            assert TenderRepository(session).soft_delete(tender_id)
            assert TenderRepository(session).soft_delete(tender_id) is False
    levels = reference_graph().cascades.levels(Tender.__table__)
    assert len([text for text in statements if text.startswith("WITH")]) == len(levels) - 1
    marked = [text.split()[1].removeprefix("main.") for text in statements if text.startswith("UPDATE")]
    below = [table.name for level in levels[1:] for table in level if table in domain_tables()]
    assert {"analysis_results", "bid_documents", "tender_notices"} <= set(below)
    assert marked == ["tenders", *below, "tenders"]
