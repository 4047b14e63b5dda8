"""A registry of a test's own, and what a scrape of it says."""

from collections.abc import Callable, Iterator

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from domain import Database
from domain.metrics import Instrumentation, instrument
from tests.metrics.scraping import Scrape


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def measured(domain_db: Database, registry: CollectorRegistry) -> Iterator[Instrumentation]:
    """``domain_db`` under measurement."""
    for (
        engine
    ) in domain_db.engines.values():  # what SQLAlchemy asks a server at the first connect is no test's business
        engine.connect().close()
    made = instrument(domain_db, registry=registry)
    yield made
    made.uninstrument()


@pytest.fixture
def scrape(registry: CollectorRegistry) -> Callable[[], Scrape]:
    """Read the registry as Prometheus does."""
    return lambda: Scrape(generate_latest(registry).decode())
