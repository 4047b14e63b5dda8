"""``Database.ready``: what a readiness probe asks, and what ``health_check`` does not see."""

import pytest
from sqlalchemy import text

from domain import Database
from domain.migrations import head
from domain.testing import Cluster
from domain.testing.cluster import APPLICATION
from domain.version import REVISION
from tests.deployment.conftest import name_of
from tests.support.statements import recorded

SECRET = "hidden-word"


@pytest.fixture(params=["deployed", "domain_sqlite"])
def database(request: pytest.FixtureRequest) -> Database:
    """On each engine, with all tables that other tests have defined."""
    made: Database = request.getfixturevalue(request.param)
    made.create_all()
    return made


def execute(database: Database, statement: str) -> None:
    with database.migration_engine.begin() as connection:
        connection.execute(text(statement))


def test_the_revision_that_a_process_expects_is_the_newest() -> None:
    assert head() == REVISION


def test_a_migrated_database_is_ready(database: Database) -> None:
    ready = database.ready()
    assert (bool(ready), ready.reasons) == (True, ())


@pytest.mark.parametrize("revision", ["0000", "unknown"])
def test_an_older_or_unknown_revision_is_not_ready(revision: str, database: Database) -> None:
    execute(database, f"UPDATE domain_version SET version_num = '{revision}'")
    (reason,) = database.ready().reasons
    assert f"the schema is at {revision}, not at {REVISION}: run `domain db upgrade`" in reason
    assert database.health_check()


@pytest.mark.parametrize("gone", ["DELETE FROM domain_version", "DROP TABLE domain_version"])
def test_a_schema_without_a_revision_is_not_ready(gone: str, database: Database) -> None:
    execute(database, gone)
    ready = database.ready()
    assert not ready
    assert "the schema is at no revision" in ready.reasons[0]


def test_tables_that_migrations_can_not_take_on_are_not_sent_to_them() -> None:
    with Database("sqlite://") as database:
        database.create_all()
        (reason,) = database.ready().reasons
    assert reason.endswith("`create_all` made its tables, which migrations don't take on: begin with an empty database")


def test_a_newer_revision_is_ready_since_old_processes_go_on_while_a_deployment_rolls(database: Database) -> None:
    execute(database, "UPDATE domain_version SET version_num = '9999'")
    assert database.ready()


def test_a_missing_table_is_not_ready(database: Database) -> None:
    execute(database, "DROP TABLE tender_notices")
    (reason,) = database.ready().reasons
    assert "the table tender_notices is missing" in reason


@pytest.mark.parametrize("table", ["tenders", "domain_version"])
def test_a_login_without_rights_is_not_ready(table: str, deployed: Database) -> None:
    execute(deployed, f"REVOKE ALL ON {table} FROM {APPLICATION}")
    (reason,) = deployed.ready().reasons
    assert f"may not read {'or write tenders' if table == 'tenders' else 'the schema'}" in reason
    assert "domain db roles" in reason


def test_a_table_of_an_application_counts_as_well(deployed: Database) -> None:
    execute(deployed, "CREATE TABLE later (organization_id bigint)")
    execute(deployed, "ALTER TABLE later ENABLE ROW LEVEL SECURITY")
    (reason,) = deployed.ready().reasons
    assert "may not read or write later" in reason


def test_a_login_that_sees_every_organization_is_not_ready(deployed: Database, domain_cluster: Cluster) -> None:
    with Database(domain_cluster.url(name_of(deployed), "postgres")) as mighty:
        (reason,) = mighty.ready().reasons
    assert "row level security does not hold the login on" in reason
    execute(deployed, "ALTER TABLE users DISABLE ROW LEVEL SECURITY")
    (reason,) = deployed.ready().reasons
    assert "does not hold the login on users:" in reason


def test_a_database_that_can_not_be_reached_is_not_ready_and_shows_no_secret() -> None:
    with Database(f"postgresql://ann:{SECRET}@127.0.0.1:1/domain?sslpassword={SECRET}") as unreachable:
        ready = unreachable.ready()
    assert not ready
    assert SECRET not in repr(ready)


def test_a_process_with_no_connection_left_is_not_ready(deployed: Database) -> None:
    url = deployed.engine.url.render_as_string(hide_password=False)
    with (
        Database(url, pool_size=1, max_overflow=0, pool_timeout=0.01) as narrow,
        narrow.engine.connect(),
    ):
        (reason,) = narrow.ready().reasons
    assert "no connection" in reason


def test_an_unheld_login_in_production_is_told_in_words(
    deployed: Database, domain_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOMAIN_ENV", "production")
    with Database(domain_cluster.url(name_of(deployed), "postgres")) as mighty:
        (reason,) = mighty.ready().reasons
    assert "DOMAIN_ENV=production" in reason


def test_it_takes_two_statements(deployed: Database) -> None:
    with recorded(deployed.engine) as sent:
        assert deployed.ready()
    assert len(sent) == 2
