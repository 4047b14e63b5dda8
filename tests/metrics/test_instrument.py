"""``instrument``: once for a Database, and taken off again."""

import subprocess
import sys
from collections.abc import Callable

import pytest
from prometheus_client import CollectorRegistry

from domain import ArgumentError, Database, TenderRepository
from domain.metrics import Instrumentation, instrument
from tests.metrics.scraping import Scrape


def read(database: Database) -> None:
    with database.get_session(organization_id=1) as session:
        TenderRepository(session).count()


@pytest.mark.usefixtures("measured")
def test_a_database_is_instrumented_once(domain_db: Database, scrape: Callable[[], Scrape]) -> None:
    with pytest.raises(ArgumentError, match=r"instrumented already: call uninstrument\(\)"):
        instrument(domain_db, registry=CollectorRegistry())
    read(domain_db)
    assert scrape().queries == {("select", "tenders"): 1}


@pytest.mark.usefixtures("measured")
def test_two_databases_have_a_registry_each(registry: CollectorRegistry) -> None:
    with Database("sqlite://") as other:
        with pytest.raises(ArgumentError, match="give it one of its own"):
            instrument(other, registry=registry)
        assert other.observer is None
        instrument(other, registry=CollectorRegistry()).uninstrument()


def test_what_is_taken_off_measures_nothing(
    domain_db: Database, measured: Instrumentation, registry: CollectorRegistry, scrape: Callable[[], Scrape]
) -> None:
    read(domain_db)
    assert scrape().queries == {("select", "tenders"): 1}
    measured.uninstrument()
    read(domain_db)
    assert scrape().samples == []
    again = instrument(domain_db, registry=registry)
    read(domain_db)
    assert scrape().queries == {("select", "tenders"): 1}
    measured.uninstrument = again.uninstrument  # type: ignore[method-assign]  # for the fixture


@pytest.mark.usefixtures("measured")
def test_a_pool_that_was_replaced_is_measured(domain_db: Database, scrape: Callable[[], Scrape]) -> None:
    domain_db.engine.dispose()
    read(domain_db)
    with domain_db.engine.connect() as connection:
        connection.invalidate(ConnectionError("lost"))
    found = scrape()
    assert (found.queries, found.units) == ({("select", "tenders"): 1}, {("committed",): 1})
    assert found.values("db_connection_errors_total") == {("application", "ConnectionError"): 1}


def test_the_core_imports_no_client_of_prometheus() -> None:
    code = (
        "import sys, domain, domain.fastapi, domain.cli, domain.testing; assert 'prometheus_client' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
