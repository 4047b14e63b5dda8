"""Slow queries are logged with the statement, and never with a value."""

import logging
from collections.abc import Callable, Iterator

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import Text, func, literal_column, text
from sqlmodel import col, select

from domain import Database, Tender, TenderRepository, UserRepository
from domain.metrics import instrument
from domain.metrics.statements import without_values
from domain.testing import build
from tests.isolation.test_secrets import GateKey, GateKeyRepository, digest_of
from tests.metrics.scraping import Scrape

SECRET = digest_of("a token of theirs")


def _find_by_secret(database: Database) -> None:
    assert database.find_by_secret(GateKey, digest=SECRET) is not None


def _find_by_email(database: Database) -> None:
    with database.get_session() as session:
        UserRepository(session).get_by_email(f"{SECRET}@example.org")


def _create(database: Database) -> None:
    with database.get_session(organization_id=1, actor=SECRET) as session:
        TenderRepository(session).create_many([build(Tender, title=f"{SECRET} {number}") for number in range(3)])


def _select_in(database: Database) -> None:
    with database.get_session(organization_id=1) as session:
        session.exec(select(Tender).where(col(Tender.title).in_([SECRET]))).all()


def _write_in_text(database: Database) -> None:
    for written in (f"SELECT '{SECRET}'", f"SELECT 1 /* {SECRET} */", f"SELECT 1 -- {SECRET}"):
        with database.engine.connect() as connection:
            connection.execute(text(written))
            connection.exec_driver_sql(written)


def _write_in_a_statement(database: Database) -> None:
    with database.engine.connect() as connection:
        connection.execute(select(literal_column(f"'{SECRET}'", Text())))
        connection.execute(select(func.count()).prefix_with(f"/* {SECRET} */").select_from(Tender))


def _fail(database: Database) -> None:
    with database.engine.connect() as connection, pytest.raises(Exception, match="no_such"):
        connection.execute(text("SELECT no_such FROM tenders WHERE title = :title"), {"title": SECRET})


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.DEBUG):
        yield caplog


@pytest.mark.parametrize(
    "work",
    [_find_by_secret, _find_by_email, _create, _select_in, _write_in_text, _write_in_a_statement, _fail],
)
def test_neither_the_log_nor_a_scrape_has_a_value(
    domain_db: Database,
    registry: CollectorRegistry,
    work: Callable[[Database], None],
    log: pytest.LogCaptureFixture,
    scrape: Callable[[], Scrape],
) -> None:
    with domain_db.get_session(organization_id=1) as session:
        GateKeyRepository(session).create(label="theirs", digest=SECRET)
    instrument(domain_db, registry=registry, slow_query_seconds=0)
    work(domain_db)
    found = scrape()
    assert sum(found.queries.values()) > 0
    assert log.text.count("slow query") >= sum(found.queries.values())
    assert SECRET not in log.text
    assert SECRET not in found.text


def test_the_statement_and_its_engine_are_logged(
    domain_db: Database, registry: CollectorRegistry, log: pytest.LogCaptureFixture
) -> None:
    instrument(domain_db, registry=registry, slow_query_seconds=0)
    with domain_db.system_session(actor="tests", reason="look") as session:
        session.exec(select(Tender.id).where(col(Tender.id).in_([1, 2]))).all()
    engine = "application" if domain_db.is_sqlite else "system"
    line = log.messages[-1]
    assert f"s ({engine}): SELECT tenders.id FROM" in line
    assert line.endswith("tenders WHERE tenders.id IN (__[POSTCOMPILE_id_1])")


@pytest.mark.parametrize("seconds", [60, None])
def test_a_statement_below_the_threshold_is_not_logged(
    domain_db: Database, registry: CollectorRegistry, seconds: float | None, log: pytest.LogCaptureFixture
) -> None:
    instrument(domain_db, registry=registry, slow_query_seconds=seconds)
    with domain_db.get_session(organization_id=1) as session:
        TenderRepository(session).find()
    assert "slow query" not in log.text


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("SELECT title\n  FROM tenders", "SELECT title FROM tenders"),
        ("SELECT title FROM tenders WHERE id = 17", "SELECT title FROM tenders WHERE id = ..."),
        ("UPDATE tenders SET title = 'it''s', url = 'x'", "UPDATE tenders SET title = ..."),
        ("SELECT $$it$$", "SELECT ..."),
        ('SELECT "it"', "SELECT ..."),
        ("SELECT a -- it", "SELECT a ..."),
        ("SELECT a /* it */", "SELECT a ..."),
    ],
)
def test_a_text_ends_before_its_first_literal(written: str, shown: str) -> None:
    assert without_values(None, written) == shown
