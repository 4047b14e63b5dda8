"""Connections: what the pools hold, how long one waits for them, and which were lost or not had."""

import threading
from collections.abc import Callable
from contextlib import ExitStack

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import text

from domain import Database, TenantSession, TenderRepository, UnavailableError
from domain.metrics import Instrumentation, instrument
from tests.metrics.scraping import Scrape

ERRORS = "db_connection_errors_total"


def narrowed(database: Database, registry: CollectorRegistry, *, pool_timeout: float) -> Database:
    """The same database with a pool of one connection, and one more in a rush."""
    url = database.engine.url.render_as_string(hide_password=False)
    narrow = Database(url, pool_size=1, max_overflow=1, pool_timeout=pool_timeout)
    instrument(narrow, registry=registry)
    return narrow


@pytest.fixture
def narrow(domain_db: Database, registry: CollectorRegistry) -> Database:
    """One that does not wait for long."""
    return narrowed(domain_db, registry, pool_timeout=0.02)


def test_a_scrape_reads_the_pools_as_they_are(narrow: Database, scrape: Callable[[], Scrape]) -> None:
    def seen() -> list[float]:
        found = scrape()
        names = ("db_pool_size", "db_pool_checked_out", "db_pool_overflow")
        return [found.values(name).get(("application",), 0) for name in names]

    with narrow:
        assert seen() == [1, 0, 0]
        with narrow.engine.connect():
            assert seen() == [1, 1, 0]
            with narrow.engine.connect():
                assert seen() == [1, 2, 1]
        assert seen() == [1, 0, 0]


def test_every_engine_has_its_pool(
    domain_db: Database, measured: Instrumentation, scrape: Callable[[], Scrape]
) -> None:
    logins = {"application", "migration"} if domain_db.is_sqlite else {"application", "system", "migration"}
    assert {engine for (engine,) in scrape().values("db_pool_size")} == logins == set(domain_db.engines)


def test_a_connection_that_lies_ready_or_may_be_opened_is_no_wait(
    narrow: Database, scrape: Callable[[], Scrape]
) -> None:
    with narrow:
        for _ in range(3):
            with narrow.engine.connect(), narrow.engine.connect():
                pass
    assert scrape().values("db_pool_wait_seconds_count") == {}


def test_the_time_of_a_wait_is_counted(
    domain_db: Database, registry: CollectorRegistry, scrape: Callable[[], Scrape]
) -> None:
    with narrowed(domain_db, registry, pool_timeout=60) as narrow, narrow.engine.connect():
        threading.Timer(0.2, narrow.engine.connect().close).start()
        narrow.engine.connect().close()
    assert scrape().values("db_pool_wait_seconds_count") == {("application",): 1}
    assert scrape().values("db_pool_wait_seconds_sum")["application",] > 0.1


def test_a_connection_that_is_not_had_in_time_is_an_error(narrow: Database, scrape: Callable[[], Scrape]) -> None:
    with narrow, ExitStack() as held:
        for _ in range(2):
            held.enter_context(narrow.engine.connect())
        with pytest.raises(UnavailableError), narrow.get_session(organization_id=1) as session:
            TenderRepository(session).count()
        assert scrape().values(ERRORS) == {("application", "TimeoutError"): 1}
        assert scrape().units == {("unavailable",): 1}


@pytest.mark.parametrize("url", ["postgresql://ann:hidden@127.0.0.1:1/domain", "sqlite:////no/such/folder/domain.db"])
def test_a_database_that_is_not_reached_is_an_error(
    url: str, registry: CollectorRegistry, scrape: Callable[[], Scrape]
) -> None:
    with Database(url) as unreachable:
        instrument(unreachable, registry=registry)
        assert not unreachable.health_check()
    assert scrape().values(ERRORS) == {("application", "OperationalError"): 1}
    assert "hidden" not in scrape().text


def end_backends(database: Database) -> None:
    """End every server process of the application's login."""
    with database.migration_engine.connect() as connection:
        login = {"login": database.engine.url.username}
        pids = connection.scalars(text("SELECT pid FROM pg_stat_activity WHERE usename = :login"), login).all()
    with database.engine.connect() as other:
        own = other.scalar(text("SELECT pg_backend_pid()"))
        for pid in {*pids} - {own}:
            other.scalar(text("SELECT pg_terminate_backend(:pid, 30000)"), {"pid": pid})


def test_a_connection_that_is_lost_in_use_is_an_error(
    domain_postgresql: Database, registry: CollectorRegistry, scrape: Callable[[], Scrape]
) -> None:
    def unit(session: TenantSession) -> int:
        TenderRepository(session).create(title="lost")
        end_backends(domain_postgresql)
        return TenderRepository(session).count()

    instrument(domain_postgresql, registry=registry)
    with pytest.raises(UnavailableError):
        domain_postgresql.run(unit, organization_id=1, attempts=1)
    found = scrape().values(ERRORS)
    assert list(found.values()) == [1]
    assert found.keys() <= {("application", "AdminShutdown"), ("application", "OperationalError")}  # as the news comes


def test_a_connection_that_was_lost_at_rest_is_an_error_of_no_unit(
    domain_postgresql: Database, registry: CollectorRegistry, scrape: Callable[[], Scrape]
) -> None:
    instrument(domain_postgresql, registry=registry)
    with ExitStack() as held:
        for _ in range(2):
            held.enter_context(domain_postgresql.engine.connect()).execute(text("SELECT 1"))
    end_backends(domain_postgresql)
    with domain_postgresql.engine.connect() as first, domain_postgresql.engine.connect() as second:
        assert [first.scalar(text("SELECT 1")), second.scalar(text("SELECT 1"))] == [1, 1]
    assert scrape().values(ERRORS) == {("application", "DisconnectionError"): 1}
