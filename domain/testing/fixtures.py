"""The pytest fixtures. Opt in with ``pytest_plugins = ["domain.testing"]`` in your conftest.py."""

import shutil
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from ..database import Database
from ..kit.session import TenantSession
from ..migrations import upgrade
from ..organizations.model import Organization
from ..organizations.repository import OrganizationRepository
from .building import build
from .cluster import Cluster

ENGINES = ("sqlite", "postgresql")


@pytest.fixture(scope="session")
def domain_cluster() -> Iterator[Cluster]:
    """The PostgreSQL server of the test run."""
    with Cluster() as cluster:
        yield cluster


@contextmanager
def postgresql_database(cluster: Cluster) -> Generator[Database]:
    """A fresh clone of a migrated database, with an application's own tables; dropped afterwards."""
    name = cluster.clone(prepare)
    try:
        with cluster.database(name) as database:
            yield database
    finally:
        cluster.drop(name)


@contextmanager
def sqlite_database(template: Path) -> Generator[Database]:
    """A fresh copy of a SQLite file."""
    with TemporaryDirectory() as folder:
        file = shutil.copy(template, folder)
        with Database(f"sqlite:///{file}") as database:
            yield database


def prepare(database: Database) -> None:
    """Our migrations, the tables that an application defined on our bases, and organizations 1 and 2."""
    upgrade(database.migration_engine)
    database.create_all()
    with TenantSession(database.migration_engine) as session:
        for word in ("first", "second"):
            session.add(Organization(name=f"The {word} organization", slug=word))
            session.flush()
        session.commit()


@pytest.fixture(scope="session")
def domain_sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared SQLite file, to copy."""
    file = tmp_path_factory.mktemp("domain") / "template.db"
    with Database(f"sqlite:///{file}") as database:
        prepare(database)
    return file


@pytest.fixture
def domain_postgresql(domain_cluster: Cluster) -> Iterator[Database]:
    """A fresh PostgreSQL database, reached as a login that is neither superuser nor BYPASSRLS."""
    with postgresql_database(domain_cluster) as database:
        yield database


@pytest.fixture
def domain_sqlite(domain_sqlite_template: Path) -> Iterator[Database]:
    """A fresh SQLite database."""
    with sqlite_database(domain_sqlite_template) as database:
        yield database


@pytest.fixture(params=ENGINES)
def domain_db(request: pytest.FixtureRequest) -> Database:
    """A fresh database with organizations 1 and 2, nothing in them; the test runs once on each engine."""
    database: Database = request.getfixturevalue(f"domain_{request.param}")
    return database


@pytest.fixture
def domain_organization(domain_db: Database) -> Organization:
    """Organization 1 of ``domain_db``."""
    with domain_db.get_session(organization_id=1) as session:
        return OrganizationRepository(session).require(1)


def make_organization(database: Database, **fields: object) -> Organization:
    """Create an organization in a session of its own; unnamed fields come from their examples."""
    with database.get_session() as session:
        return OrganizationRepository(session).add(build(Organization, **fields))
