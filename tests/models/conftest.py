import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, make_url

from domain import Database
from domain.kit.database.engines import make_engine
from domain.kit.model.base import REGISTRY
from domain.testing import Cluster, postgresql_database, sqlite_database


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """One database for the tests of a module, which leave rows behind: cheaper than ``domain_db``."""
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("domain_sqlite_template")
        made = sqlite_database(template)
    else:
        cluster: Cluster = request.getfixturevalue("domain_cluster")
        made = postgresql_database(cluster)
    with made as database:
        yield database


@pytest.fixture(scope="module")
def schema(database: Database, request: pytest.FixtureRequest) -> Iterator[Engine]:
    """The same database by a login that no policy binds: what refuses is the schema."""
    if database.is_sqlite:
        yield database.migration_engine
        return
    cluster: Cluster = request.getfixturevalue("domain_cluster")
    superuser = os.environ.get("TEST_DATABASE_URL") or cluster.url("postgres", "postgres")
    engine = make_engine(make_url(superuser).set(database=database.engine.url.database))
    yield engine
    engine.dispose()


@pytest.fixture
def throwaway_models() -> Iterator[None]:
    """Table classes that the test defines are forgotten after it."""
    before, tables = set(REGISTRY.mappers), set(REGISTRY.metadata.tables.values())
    yield
    for table in set(REGISTRY.metadata.tables.values()) - tables:
        REGISTRY.metadata.remove(table)
    for mapper in set(REGISTRY.mappers) - before:
        # The public way forgets all or none.
        REGISTRY._dispose_manager_and_mapper(mapper.class_manager)  # pyright: ignore[reportPrivateUsage]
        REGISTRY._managers.pop(mapper.class_manager)  # pyright: ignore[reportPrivateUsage]
