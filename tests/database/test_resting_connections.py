"""A connection that was lost while it rested in the pool is replaced, and nobody notices."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from domain import Database, TenderRepository, UnavailableError
from domain.kit.database import postgresql
from domain.testing import Cluster, postgresql_database
from domain.testing.cluster import APPLICATION


@pytest.fixture
def name(domain_cluster: Cluster) -> Iterator[str]:
    with postgresql_database(domain_cluster) as database:
        assert database.engine.url.database is not None
        yield database.engine.url.database


def backend(database: Database) -> int:
    with database.engine.connect() as connection:
        return int(connection.scalar(text("SELECT pg_backend_pid()")) or 0)


def kill(pid: int, name: str, cluster: Cluster) -> None:
    """Waits until it is gone."""
    with (
        Database(cluster.url(name, APPLICATION)) as killer,
        killer.engine.connect() as connection,
    ):
        assert connection.scalar(text("SELECT pg_terminate_backend(:pid, 10000)"), {"pid": pid})


def test_a_backend_that_was_killed_is_replaced_before_its_connection_is_used(
    name: str, domain_cluster: Cluster
) -> None:
    with Database(domain_cluster.url(name, APPLICATION), pool_size=1, max_overflow=0) as database:
        pid = backend(database)
        kill(pid, name, domain_cluster)
        with database.get_session(organization_id=1) as session:
            assert TenderRepository(session).count() == 0
        assert backend(database) != pid


def test_without_the_ping_the_unit_fails(name: str, domain_cluster: Cluster) -> None:
    url = domain_cluster.url(name, APPLICATION)
    with Database(url, pool_size=1, max_overflow=0, pool_pre_ping=False) as database:
        kill(backend(database), name, domain_cluster)
        with pytest.raises(UnavailableError), database.get_session(organization_id=1) as session:
            TenderRepository(session).count()


def test_a_connection_that_rested_for_long_is_asked(
    name: str, domain_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line that was cut in between leaves no word."""

    def no_word(_connection: object) -> bool:
        return False

    monkeypatch.setattr(postgresql, "_has_word", no_word)
    with Database(domain_cluster.url(name, APPLICATION), pool_size=1, max_overflow=0) as database:
        kill(backend(database), name, domain_cluster)
        with monkeypatch.context() as later:
            later.setattr(postgresql, "RESTED_SECONDS", 0.0)
            with database.get_session(organization_id=1) as session:
                assert TenderRepository(session).count() == 0
        kill(backend(database), name, domain_cluster)
        with pytest.raises(UnavailableError), database.get_session(organization_id=1) as session:
            TenderRepository(session).count()
