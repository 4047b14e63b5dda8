"""``domain db``."""

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from sqlalchemy import text

from domain import Database
from domain.migrations import current, head

Run = Callable[..., CompletedProcess[str]]


def test_upgrade_brings_an_empty_file_to_the_newest_revision(run: Run, tmp_path: Path) -> None:
    done = run("db", "upgrade", "--database-url", "sqlite:///new.db")
    assert done.returncode == 0
    assert done.stdout == f"sqlite:///new.db went from no revision to {head()}\n"
    with Database(f"sqlite:///{tmp_path / 'new.db'}") as db:
        assert current(db.engine) == head()


def test_upgrade_of_what_is_up_to_date_does_nothing(run: Run) -> None:
    run("db", "upgrade")
    done = run("db", "upgrade")
    assert done.returncode == 0
    assert done.stdout.endswith(f"was at {head()} already\n")


def test_an_unknown_revision_is_a_usage_error(run: Run) -> None:
    done = run("db", "upgrade", "nonsense")
    assert done.returncode == 2
    assert "nonsense" in done.stderr.splitlines()[-1]


def test_the_default_is_the_file_in_this_folder_and_it_says_so(run_process: Run, tmp_path: Path) -> None:
    done = run_process("db", "upgrade")
    assert done.returncode == 0
    assert str(tmp_path / "domain.db") in done.stderr
    assert (tmp_path / "domain.db").exists()


def test_current_is_exit_1_where_the_schema_is_behind(run: Run) -> None:
    done = run("db", "current", "--database-url", "sqlite:///new.db")
    assert done.returncode == 1
    assert "run `domain db upgrade`" in done.stdout


def test_current_and_check_are_exit_0_on_a_migrated_database(run: Run, exported: Database) -> None:
    at = run("db", "current")
    assert (at.returncode, at.stderr) == (0, "")
    assert f"is at {head()}, the newest" in at.stdout
    same = run("db", "check")
    assert (same.returncode, same.stderr) == (0, "")


@pytest.mark.parametrize("command", ["upgrade", "current", "check"])
def test_the_database_is_named_without_login_and_password(
    command: str, run: Run, exported_postgresql: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = exported_postgresql.engine.url
    hidden = url.set(password=None).update_query_dict({"password": "hid1", "sslpassword": "hid2"})
    monkeypatch.setenv("DATABASE_URL", hidden.render_as_string(hide_password=False))
    printed = run("db", command)
    assert f"postgresql://{url.host}:{url.port}/{url.database} " in printed.stdout
    for secret in ("hid1", "hid2", str(url.username)):
        assert secret not in printed.stdout + printed.stderr


def test_check_lists_differences_with_exit_1(run: Run, exported: Database) -> None:
    with exported.migration_engine.begin() as connection:
        connection.execute(text("ALTER TABLE tenders ADD COLUMN added_by_hand INTEGER"))
    done = run("db", "check")
    assert done.returncode == 1
    assert "1 difference:" in done.stdout
    assert "added_by_hand" in done.stdout
