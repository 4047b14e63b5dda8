"""Databases that several tests share, since making one takes longer than most tests."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL, Engine, make_url

from domain import Database
from domain.kit.database.engines import make_engine
from domain.testing import Cluster, postgresql_database, sqlite_database


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """One database for the tests of a module, which leave rows behind."""
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
    engine = make_engine(superuser_url(cluster, str(database.engine.url.database)))
    yield engine
    engine.dispose()


def superuser_url(cluster: Cluster, name: str) -> URL:
    """A database by the login that made the others."""
    return make_url(os.environ.get("TEST_DATABASE_URL") or cluster.url(name, "postgres")).set(database=name)
