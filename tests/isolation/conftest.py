"""Databases with few connections, so that every one of them is shared; and a login that sees every row."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine

from domain import Database
from domain.testing import Cluster, postgresql_database, sqlite_database
from domain.testing.cluster import APPLICATION, SYSTEM
from tests.support.databases import superuser_url

CONNECTIONS = 4


def few_connections(url: str, *, system_url: str | None = None, connections: int = CONNECTIONS) -> Database:
    """The database through a pool that reuses each of its connections and never opens one more."""
    return Database(
        url, system_database_url=system_url, pool_size=connections, max_overflow=0, pool_pre_ping=False, pool_timeout=10
    )


@pytest.fixture(scope="module")
def postgresql_name(domain_cluster: Cluster) -> Iterator[str]:
    """A clone for the tests of a module, which leave rows behind."""
    with postgresql_database(domain_cluster) as database:
        name = database.engine.url.database
        assert name is not None
        yield name


@pytest.fixture(scope="module")
def shared_postgresql(domain_cluster: Cluster, postgresql_name: str) -> Iterator[Database]:
    """That clone through few connections."""
    url, system = (domain_cluster.url(postgresql_name, role) for role in (APPLICATION, SYSTEM))
    with few_connections(url, system_url=system) as database:
        yield database


@pytest.fixture(scope="module")
def shared_sqlite(domain_sqlite_template: Path) -> Iterator[Database]:
    """A SQLite file through few connections."""
    with (
        sqlite_database(domain_sqlite_template) as whole,
        few_connections(whole.engine.url.render_as_string()) as database,
    ):
        yield database


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared(request: pytest.FixtureRequest) -> Database:
    """Either of them, with organizations 1 and 2."""
    database: Database = request.getfixturevalue(f"shared_{request.param}")
    return database


@pytest.fixture(scope="module")
def witness(shared: Database, request: pytest.FixtureRequest) -> Iterator[Engine]:
    """The same rows by a login that no policy holds and through none of our code."""
    if shared.is_sqlite:
        engine = create_engine(shared.engine.url)
    else:
        cluster: Cluster = request.getfixturevalue("domain_cluster")
        engine = create_engine(superuser_url(cluster, request.getfixturevalue("postgresql_name")))
    yield engine
    engine.dispose()
