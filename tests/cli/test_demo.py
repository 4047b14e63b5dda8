"""``domain demo``."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from sqlalchemy import inspect

from domain import Database
from domain.migrations.trees import domain_tables

Run = Callable[..., CompletedProcess[str]]


def _rows(output: str) -> list[list[str]]:
    return [line.split() for line in output.splitlines()]


def test_the_demo_tells_the_whole_story(run_process: Run, tmp_path: Path) -> None:
    done = run_process("demo")
    assert (done.returncode, done.stderr) == (0, "")
    rows = _rows(done.stdout)
    assert ["notices", "received", "22", "20"] in rows
    assert ["tenders", "they", "make", "20", "20"] in rows
    assert ["20", "of", "100", "15", "of", "15"] in [row[-6:] for row in rows if "metered" in row]
    assert ["bids", "drafted", "3", "3"] in rows
    assert "TenantScopeError: this session is bound to organization" in done.stdout
    assert done.stdout.count("not found") == 2
    assert done.stdout.count("no row changed") == 2
    assert "\x1b" not in done.stdout  # it went to a pipe
    assert not list(tmp_path.iterdir())


def test_it_fits_80_columns(run: Run) -> None:
    lines = run("demo").stdout.splitlines()
    assert lines
    assert max(len(line) for line in lines) <= 80


def test_on_a_narrow_terminal_no_figure_is_cut(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    output = run("demo").stdout
    assert "78,500,000  EUR  2027-04-12  draft" in output
    assert max(len(line) for line in output.splitlines()) <= 60


def test_a_second_run_on_a_kept_file_changes_nothing_and_says_the_same(run: Run, tmp_path: Path) -> None:
    first = run("demo", "--database", "kept.db")
    assert first.returncode == 0
    content = _content(tmp_path / "kept.db")
    second = run("demo", "--database", "kept.db")
    assert second.returncode == 0
    assert second.stdout == first.stdout
    assert _content(tmp_path / "kept.db") == content
    assert any(rows for rows in content.values())


def test_an_exported_database_is_not_touched(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = tmp_path / "mine.db"
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{mine}")
    run("db", "upgrade")
    before = hashlib.sha256(mine.read_bytes()).hexdigest()
    assert run("demo").returncode == 0
    assert hashlib.sha256(mine.read_bytes()).hexdigest() == before


def test_with_one_postgresql_login_it_works_twice(run: Run, exported_postgresql: Database) -> None:
    first = run("demo", "--use-database-url")
    assert (first.returncode, first.stderr) == (0, "")
    assert ["tenders", "they", "make", "20", "20"] in _rows(first.stdout)
    second = run("demo", "--use-database-url")
    assert (second.returncode, second.stdout) == (0, first.stdout)


def test_both_databases_give_the_same_figures(run: Run, exported_postgresql: Database) -> None:
    embedded = run("demo").stdout
    server = run("demo", "--use-database-url").stdout

    def figures(output: str) -> list[str]:
        return output.partition("Neither sees")[0].splitlines()

    assert figures(embedded) == figures(server)


def test_using_the_exported_database_needs_one(run: Run) -> None:
    done = run("demo", "--use-database-url")
    assert done.returncode == 2
    assert "needs DATABASE_URL" in done.stderr


def test_an_exported_database_that_is_behind_is_not_migrated(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "sqlite:///behind.db")
    done = run("demo", "--use-database-url")
    assert done.returncode == 2
    assert "run `domain db upgrade`" in done.stderr
    with Database() as db:
        assert inspect(db.engine).get_table_names() == []


def test_a_file_and_the_exported_database_exclude_each_other(run: Run) -> None:
    assert run("demo", "--use-database-url", "--database", "kept.db").returncode == 2


def _content(file: Path) -> dict[str, list[tuple[object, ...]]]:
    with Database(f"sqlite:///{file}") as db, db.migration_engine.connect() as connection:
        tables = domain_tables()
        return {table.name: [tuple(row) for row in connection.execute(table.select())] for table in tables}
