"""``domain doctor``."""

import json
from collections.abc import Callable
from subprocess import CompletedProcess

import pytest
from sqlalchemy import text

from domain import Database
from tests.cli.conftest import export

Run = Callable[..., CompletedProcess[str]]


def test_the_recommended_deployment_is_clean(
    run: Run, domain_postgresql: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    domain_postgresql.create_all()
    export(domain_postgresql, monkeypatch)
    done = run("doctor")
    assert (done.returncode, done.stderr) == (0, "")
    assert "pg_dump --enable-row-security has every row by the login domain_test_owner" in done.stdout


def test_an_error_is_exit_1_with_what_to_do(
    run: Run, domain_postgresql: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(domain_postgresql, monkeypatch)
    with domain_postgresql.migration_engine.begin() as connection:
        connection.execute(text("ALTER TABLE tenders NO FORCE ROW LEVEL SECURITY"))
        connection.execute(text("UPDATE domain_version SET version_num = '0000'"))
    done = run("doctor")
    assert done.returncode == 1
    assert "error: the row level security of tenders is not its model's" in done.stdout
    assert "ALTER TABLE tenders ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY" in done.stdout
    assert "error: the schema is at 0000" in done.stdout
    assert str(domain_postgresql.engine.url.password) not in done.stdout


def test_without_a_system_login_there_is_a_warning_and_exit_0(run: Run, exported_postgresql: Database) -> None:
    done = run("doctor")
    assert done.returncode == 0
    assert "warning: there is no login for work across organizations" in done.stdout


def test_a_revision_that_can_not_be_read_is_an_error(run: Run, exported_postgresql: Database) -> None:
    with exported_postgresql.migration_engine.begin() as connection:
        connection.execute(text("REVOKE ALL ON domain_version FROM PUBLIC, domain_test_application"))
    done = run("doctor")
    assert done.returncode == 1
    assert "may not read the schema's revision" in done.stdout


def test_sqlite_is_a_warning_and_an_old_schema_an_error(run: Run) -> None:
    assert run("doctor").returncode == 1
    run("db", "upgrade")
    done = run("doctor")
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "0 errors, 1 warning"


def test_a_server_that_does_not_answer_is_exit_3(run: Run) -> None:
    done = run("doctor", "--database-url", "postgresql://me:hidden@127.0.0.1:1/shop")
    assert done.returncode == 3
    assert "hidden" not in done.stderr


def test_json_is_one_document_with_the_same_exit_code(
    run: Run, domain_postgresql: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(domain_postgresql, monkeypatch)
    with domain_postgresql.migration_engine.begin() as connection:
        connection.execute(text("ALTER TABLE tenders NO FORCE ROW LEVEL SECURITY"))
    done = run("doctor", "--json")
    found = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (1, "")
    assert found.keys() == {"errors", "warnings", "findings", "dumping_login"}
    (error,) = [finding for finding in found["findings"] if finding["severity"] == "error"]
    assert error.keys() == {"severity", "what", "remedy"}
    assert "the row level security of tenders is not its model's" in error["what"]
    assert (found["errors"], found["warnings"]) == (1, len(found["findings"]) - 1)


def test_json_on_a_database_without_error_is_exit_0(run: Run) -> None:
    run("db", "upgrade")
    done = run("doctor", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["errors"] == 0


def test_json_on_a_server_that_does_not_answer_is_no_document(run: Run) -> None:
    done = run("doctor", "--json", "--database-url", "postgresql://me:hidden@127.0.0.1:1/shop")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr
