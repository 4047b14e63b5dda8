from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine

from domain.migrations import check, current, head, upgrade

ROOT = Path(__file__).parents[2]
ELSEWHERE = "postgresql://nobody@nowhere.invalid/none"

Catalog = Callable[[Engine], set[str]]
Python = Callable[..., str]
UrlOf = Callable[[Engine], str]


def test_the_alembic_command_upgrades_compares_and_downgrades(
    empty: Engine, python: Python, url_of: UrlOf, catalog: Catalog
) -> None:
    named = ("-x", f"database_url={url_of(empty)}")
    python("-m", "alembic", *named, "upgrade", "head", cwd=ROOT, MIGRATION_DATABASE_URL=ELSEWHERE)
    assert current(empty) == head()
    said = python("-m", "alembic", "current", cwd=ROOT, MIGRATION_DATABASE_URL=url_of(empty), DATABASE_URL=ELSEWHERE)
    assert said == f"{head()} (head)\n"
    said = python("-m", "alembic", "check", cwd=ROOT, DATABASE_URL=url_of(empty))
    assert said == "No new upgrade operations detected.\n"
    python("-m", "alembic", *named, "downgrade", "base", cwd=ROOT)
    assert catalog(empty) == set()


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_the_sql_of_an_upgrade_makes_the_same_schema(
    new_database: Callable[[], Engine], python: Python, catalog: Catalog
) -> None:
    scripted, migrated = new_database(), new_database()
    sql = python("-m", "alembic", "upgrade", "head", "--sql", cwd=ROOT, DATABASE_URL="postgresql://nobody@nowhere/none")
    connection = scripted.raw_connection()
    connection.cursor().execute(sql)
    connection.close()
    upgrade(migrated)
    assert catalog(scripted) == catalog(migrated) != set()
    assert check(scripted) == []


def test_sqlite_is_not_migrated_by_sql_and_the_command_says_why(tmp_path: Path, python: Python) -> None:
    url = f"sqlite:///{tmp_path}/no.db"
    said = python("-m", "alembic", "upgrade", "head", "--sql", cwd=ROOT, DATABASE_URL=url, fails=True)
    assert "FAILED: --sql is for PostgreSQL" in said
    assert "Traceback" not in said
    assert not (tmp_path / "no.db").exists()


def test_a_wrong_database_url_is_answered_in_a_line(python: Python) -> None:
    said = python("-m", "alembic", "-x", "database_url=mysql://x", "current", cwd=ROOT, fails=True)
    assert "FAILED: mysql:// is not supported" in said
    assert "Traceback" not in said
