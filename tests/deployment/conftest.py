"""A deployment with three logins, and a superuser beside it."""

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import count

import pytest
from sqlalchemy import Engine, create_engine, text

from domain import Database
from domain.testing import Cluster, postgresql_database
from tests.support.databases import superuser_url

Administer = Callable[..., None]
_numbers = count(1)


@pytest.fixture(scope="session")
def superuser(domain_cluster: Cluster) -> Callable[[str], AbstractContextManager[Engine]]:
    """``with superuser("database") as engine``: nothing holds it, and no error of its is translated."""

    @contextmanager
    def connect(name: str) -> Generator[Engine]:
        engine = create_engine(superuser_url(domain_cluster, name), hide_parameters=True)
        yield engine
        engine.dispose()

    return connect


@pytest.fixture
def deployed(domain_cluster: Cluster) -> Iterator[Database]:
    """The recommended deployment, with organizations 1 and 2."""
    with postgresql_database(domain_cluster) as database:
        database.create_all()  # what other tests have defined since the template was made
        domain_cluster.grant(name_of(database))
        yield database


@pytest.fixture(scope="module")
def shared(domain_cluster: Cluster) -> Iterator[Database]:
    """The same for the tests of a module that leave nothing behind."""
    with postgresql_database(domain_cluster) as database:
        database.create_all()
        domain_cluster.grant(name_of(database))
        yield database


@pytest.fixture
def admin(deployed: Database, superuser: Callable[[str], AbstractContextManager[Engine]]) -> Iterator[Engine]:
    """A superuser in that database."""
    with superuser(name_of(deployed)) as engine:
        yield engine


@pytest.fixture
def administer(admin: Engine) -> Administer:
    """``administer("ALTER ...", ...)``: run and commit as the superuser."""

    def run(*statements: str) -> None:
        with admin.begin() as connection:
            for statement in statements:
                connection.execute(text(statement))

    return run


@pytest.fixture
def new_role(domain_cluster: Cluster, superuser: Callable[[str], AbstractContextManager[Engine]]) -> Iterator[str]:
    """The name of a role that is not there, and will not be; roles belong to the whole server."""
    name = f"Domain test {os.getpid()} {next(_numbers)}"
    yield name
    with superuser("postgres") as engine, engine.begin() as connection:
        connection.execute(text(f'DROP ROLE IF EXISTS "{name}"'))


def name_of(database: Database) -> str:
    return str(database.engine.url.database)
