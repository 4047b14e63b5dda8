"""``domain db roles``; what it gives is tested in tests/deployment."""

from collections.abc import Callable
from subprocess import CompletedProcess

import pytest

from domain import Database
from domain.testing import Cluster
from tests.cli.conftest import export

Run = Callable[..., CompletedProcess[str]]


@pytest.fixture
def database(domain_postgresql: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """The recommended deployment, in the environment."""
    export(domain_postgresql, monkeypatch)
    return domain_postgresql


def test_it_is_repeated_by_the_owner(run: Run, database: Database) -> None:
    done = run("db", "roles")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("domain_test_application, domain_test_system: ")


def test_sql_prints_statements_without_passwords_and_runs_none(
    run: Run, database: Database, domain_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://not_there:hidden@127.0.0.1/d")
    monkeypatch.setenv("ADMIN_DATABASE_URL", domain_cluster.url("postgres", "postgres"))
    for _ in range(2):
        done = run("db", "roles", "--sql")
        assert done.returncode == 0
        assert "CREATE ROLE not_there LOGIN NOSUPERUSER" in done.stdout
        assert "-- ALTER ROLE not_there PASSWORD '***';  in psql: \\password not_there" in done.stdout
        assert "hidden" not in done.stdout
        assert "domain-test" not in done.stdout + done.stderr


def test_without_the_right_to_create_roles_it_says_what_to_give(
    run: Run, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://not_there:hidden@127.0.0.1/d")
    done = run("db", "roles")
    assert done.returncode == 2
    assert "--admin-url" in done.stderr
    assert "hidden" not in done.stderr


def test_one_login_and_sqlite_are_configuration_errors(
    run: Run, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SYSTEM_DATABASE_URL", "MIGRATION_DATABASE_URL"):
        monkeypatch.delenv(name)
    done = run("db", "roles")
    assert done.returncode == 2
    assert "MIGRATION_DATABASE_URL" in done.stderr
    assert run("db", "roles", "--admin-url", "sqlite:///a.db").returncode == 2
