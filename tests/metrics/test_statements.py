"""Statements: each is counted once, by operation and table."""

from collections.abc import Callable, Iterator
from typing import cast

import pytest
from sqlalchemy import exists, func, text, union_all
from sqlalchemy.orm import aliased
from sqlmodel import col, select

from domain import (
    AnalysisResult,
    Database,
    DomainModel,
    OrganizationRepository,
    Tender,
    TenderRepository,
    TenderStatus,
)
from domain.metrics.statements import table_of
from domain.testing import build
from tests.metrics.scraping import Scrape
from tests.support.calls import METHODS, TENANT_KINDS, fill, prepared
from tests.support.statements import recorded

pytestmark = pytest.mark.usefixtures("measured")

TENANT_METHODS = [(kind, name) for kind, name in METHODS if kind in TENANT_KINDS]


def test_a_scrape_equals_counts_taken_by_hand(domain_db: Database, scrape: Callable[[], Scrape]) -> None:
    with domain_db.get_session(organization_id=1) as session:
        tender = TenderRepository(session).create(title="Harbour bridge")
    for _ in range(2):
        with domain_db.get_session(organization_id=1) as session:
            TenderRepository(session).create(title="Quay wall")
    for _ in range(5):
        with domain_db.get_session(organization_id=1) as session:
            TenderRepository(session).get(tender.id)
    with domain_db.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        tenders.update_status(tender.id, TenderStatus.COMPLETE)
        assert tenders.count() == 3  # each was executed once
        tenders.find()
        session.exec(select(Tender.id)).all()
    with domain_db.get_session() as session:
        OrganizationRepository(session).get_by_slug("first")
    assert scrape().queries == {
        ("insert", "tenders"): 3,
        ("select", "tenders"): 5 + 3,
        ("update", "tenders"): 1,
        ("select", "organizations"): 1,
    }
    assert scrape().units == {("committed",): 3 + 5 + 1 + 1}


def test_the_buckets_of_a_histogram_add_up_to_its_count(domain_db: Database, scrape: Callable[[], Scrape]) -> None:
    for _ in range(20):
        with domain_db.get_session(organization_id=1) as session:
            TenderRepository(session).find()
    buckets = scrape().values("db_query_duration_seconds_bucket")
    assert buckets["+Inf", "select", "tenders"] == 20
    assert scrape().values("db_query_duration_seconds_sum")["select", "tenders"] > 0


def test_every_statement_of_every_method_is_counted_once(domain_db: Database, scrape: Callable[[], Scrape]) -> None:
    with recorded(domain_db.engine) as sent:
        with domain_db.get_session(organization_id=1) as session:
            fill(session, 2)
        for kind, name in TENANT_METHODS:
            with domain_db.get_session(organization_id=1) as session:
                found = prepared(session, kind, name)(kind(session))
                if isinstance(found, Iterator):
                    assert next(cast(Iterator[object], found))
                session.rollback()
    queries = scrape().queries
    assert sum(queries.values()) == len(sent) > len(TENANT_METHODS)
    for operation in ("insert", "delete"):
        written = sum(statement.startswith(operation.upper()) for statement in sent)
        assert written == sum(number for (named, _), number in queries.items() if named == operation)


def test_the_bulk_statements_of_the_driver_are_counted(domain_db: Database, scrape: Callable[[], Scrape]) -> None:
    with domain_db.get_session(organization_id=1) as session, recorded(domain_db.engine) as sent:
        TenderRepository(session).create_many([build(Tender, title="Quay wall") for _ in range(3)])
    with domain_db.migration_engine.begin() as connection:
        connection.execute(text("UPDATE tenders SET title = :title"), [{"title": "one"}, {"title": "two"}])
        connection.exec_driver_sql("SELECT 1")
    assert scrape().queries == {("insert", "tenders"): len(sent), ("update", "other"): 1, ("select", "other"): 1}


def test_a_statement_that_fails_is_counted(domain_db: Database, scrape: Callable[[], Scrape]) -> None:
    with domain_db.migration_engine.connect() as connection, pytest.raises(Exception, match="no_such"):
        connection.execute(text("SELECT * FROM no_such"))
    assert scrape().queries == {("select", "other"): 1}


other = aliased(Tender)


@pytest.mark.parametrize(
    ("statement", "table"),
    [
        (select(Tender), "tenders"),
        (select(Tender.id), "tenders"),
        (select(other.id), "tenders"),
        (select(func.count()).where(col(Tender.title) > "H"), "tenders"),
        (select(func.count()).select_from(select(Tender).subquery()), "tenders"),
        (select(func.count()).select_from(select(Tender.id).cte("found")), "tenders"),
        (union_all(select(col(Tender.id)), select(col(Tender.id))), "tenders"),
        (select(AnalysisResult.id).join(Tender), "analysis_results"),
        (select(exists(select(col(Tender.id)))), "tenders"),
        (select(1), "other"),
        (text("SELECT title FROM tenders"), "other"),
    ],
)
def test_the_table_is_the_first_that_the_statement_names(statement: object, table: str) -> None:
    assert table_of(statement) == table


def test_labels_are_few_and_name_no_organization(domain_db: Database, scrape: Callable[[], Scrape]) -> None:
    for number in range(20):
        with domain_db.get_session(organization_id=1, unguarded_sql=not domain_db.is_sqlite) as session:
            TenderRepository(session).create(title=f"Bridge {number}")
        with domain_db.migration_engine.begin() as connection:
            connection.execute(text(f'CREATE TABLE "invented_{number}" (id INTEGER)'))
            connection.execute(text(f'SELECT * FROM "invented_{number}"'))
            connection.execute(text(f"/* {number} */ SELECT 1"))
    found = scrape()
    labels = {name for sample in found.samples for name in sample.labels}
    assert labels == {"operation", "table", "le", "engine", "outcome"}
    assert {operation for operation, _ in found.queries} == {"insert", "select", "other"}
    assert {table for _, table in found.queries} == {"tenders", "other"}
    assert {table for _, table in found.queries} <= {*DomainModel.metadata.tables, "other"}
