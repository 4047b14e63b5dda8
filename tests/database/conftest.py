import os
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, make_url

from domain import Database
from domain.kit.database.engines import make_engine
from domain.testing import Cluster, postgresql_database, sqlite_database

Recording = Callable[[Engine], AbstractContextManager[list[str]]]


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
    """The same database by a login that no policy binds."""
    if database.is_sqlite:
        yield database.migration_engine
        return
    cluster: Cluster = request.getfixturevalue("domain_cluster")
    superuser = os.environ.get("TEST_DATABASE_URL") or cluster.url("postgres", "postgres")
    engine = make_engine(make_url(superuser).set(database=database.engine.url.database))
    yield engine
    engine.dispose()


@pytest.fixture
def recorded() -> Recording:
    """``with recorded(engine) as statements``: what is sent meanwhile."""

    @contextmanager
    def record(engine: Engine) -> Generator[list[str]]:
        statements: list[str] = []

        def note(_connection: object, _cursor: object, statement: str, *_others: object) -> None:
            statements.append(statement)

        event.listen(engine, "before_cursor_execute", note)
        try:
            yield statements
        finally:
            event.remove(engine, "before_cursor_execute", note)

    return record
