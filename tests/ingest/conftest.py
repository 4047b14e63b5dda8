"""The fixtures of the tests that import into a database. Each test has an organization of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from domain import Database
from domain.testing import Cluster, make_organization, postgresql_database, sqlite_database
from tests.ingest.importer import Importer


@pytest.fixture(scope="session")
def import_postgresql(domain_cluster: Cluster) -> Iterator[Database]:
    """A PostgreSQL database that many tests share."""
    with postgresql_database(domain_cluster) as database:
        yield database


@pytest.fixture(scope="session")
def import_sqlite(domain_sqlite_template: Path) -> Iterator[Database]:
    """A SQLite database that many tests share."""
    with sqlite_database(domain_sqlite_template) as database:
        yield database


@pytest.fixture(params=["sqlite", "postgresql"])
def importer(request: pytest.FixtureRequest, tmp_path: Path) -> Importer:
    """Imports for a fresh organization; the test runs on both engines."""
    database: Database = request.getfixturevalue(f"import_{request.param}")
    return Importer(database, tmp_path, organization_id=make_organization(database).id)


@pytest.fixture
def other(importer: Importer, tmp_path: Path) -> Importer:
    """The same for a second organization."""
    return Importer(importer.db, tmp_path / "other", organization_id=make_organization(importer.db).id)


@pytest.fixture
def importer_alone(domain_db: Database, tmp_path: Path) -> Importer:
    """Imports into a database that no other test sees."""
    return Importer(domain_db, tmp_path, organization_id=1)
