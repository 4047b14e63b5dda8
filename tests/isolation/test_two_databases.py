"""Two databases, or two schemas of one, in a process: what was seen in one says nothing of the other."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from domain import ConfigurationError, Database, TenderRepository
from domain.errors import OrganizationDeletedError
from domain.testing import Cluster, postgresql_database, sqlite_database
from domain.testing.cluster import OWNER
from domain.testing.fixtures import prepare

Pair = tuple[Database, Database]


@contextmanager
def _two_files(template: Path) -> Generator[Pair]:
    with sqlite_database(template) as one, sqlite_database(template) as other:
        yield one, other


@contextmanager
def _two_postgresql_databases(cluster: Cluster) -> Generator[Pair]:
    with postgresql_database(cluster) as one, postgresql_database(cluster) as other:
        yield one, other


@contextmanager
def _two_schemas(cluster: Cluster) -> Generator[Pair]:
    with postgresql_database(cluster) as one:
        url = make_url(cluster.url(str(one.engine.url.database), OWNER))
        with Database(url.render_as_string(hide_password=False)) as owner, owner.engine.begin() as connection:
            connection.execute(text("CREATE SCHEMA other"))
        elsewhere = url.update_query_dict({"options": "-csearch_path=other"})
        with Database(elsewhere.render_as_string(hide_password=False)) as other:
            prepare(other)
            yield one, other


@pytest.fixture(params=["files", "databases", "schemas"])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    if request.param == "files":
        made = _two_files(request.getfixturevalue("domain_sqlite_template"))
    else:
        make = {"databases": _two_postgresql_databases, "schemas": _two_schemas}[request.param]
        made = make(request.getfixturevalue("domain_cluster"))
    with made as databases:
        yield databases


def _work(database: Database) -> int:
    with database.get_session(organization_id=1) as session:
        return TenderRepository(session).create(title="Bridge").id


def _delete_elsewhere(database: Database) -> None:
    """As another process does: this one is not told."""
    with database.migration_engine.begin() as connection:
        if not database.is_sqlite:
            connection.execute(text("SET LOCAL app.organization_id = '1'"))
        changed = connection.execute(text("UPDATE organizations SET is_deleted = true WHERE id = 1")).rowcount
    assert changed == 1


def test_an_organization_seen_live_in_one_is_looked_at_in_the_other(pair: Pair) -> None:
    one, other = pair
    _delete_elsewhere(other)
    assert _work(one)
    with pytest.raises(OrganizationDeletedError):
        _work(other)
    assert _work(one)


def test_two_schemas_in_one_engine_are_refused(domain_db: Database) -> None:
    domain_db.engine.update_execution_options(schema_translate_map={None: "other"})
    with pytest.raises(ConfigurationError, match="name it in the login's search_path"):
        _work(domain_db)
