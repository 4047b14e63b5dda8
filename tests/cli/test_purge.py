"""``domain purge``."""

from collections.abc import Callable
from subprocess import CompletedProcess

import pytest
from sqlalchemy import text

from domain import Database, Tender, TenderRepository

Run = Callable[..., CompletedProcess[str]]


@pytest.fixture
def filled(exported: Database) -> Database:
    """Three tenders of the first organization, two of them deleted just now."""
    with exported.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        rows = tenders.create_many([Tender(title=f"Bridge {number}") for number in range(3)])
        for row in rows[:2]:
            tenders.soft_delete(row.id)
    return exported


def stored(database: Database) -> int:
    with database.migration_engine.connect() as connection:
        return int(connection.scalar(text("SELECT count(*) FROM tenders")) or 0)


def test_it_counts_first_and_removes_only_when_told_to(run: Run, filled: Database) -> None:
    assert "0 rows would go" in run("purge").stdout
    done = run("purge", "--older-than", 0)
    assert (done.returncode, done.stderr) == (0, "")
    assert ["first", "1", "tenders", "2"] in [line.split() for line in done.stdout.splitlines()]
    assert "2 rows would go; nothing was removed" in done.stdout
    assert stored(filled) == 3
    done = run("purge", "--older-than", 0, "--execute", "--batch-size", 1)
    assert (done.returncode, done.stderr) == (0, "")
    assert "2 rows removed" in done.stdout
    assert stored(filled) == 1


def test_one_organization_alone_and_one_that_there_is_not(run: Run, filled: Database) -> None:
    assert "0 rows removed" in run("purge", "--older-than", 0, "--execute", "--organization", "second").stdout
    done = run("purge", "--organization", "nobody")
    assert done.returncode == 2
    assert "no organization 'nobody'" in done.stderr


def test_a_legal_hold_is_named(run: Run, filled: Database) -> None:
    with filled.migration_engine.begin() as connection:
        connection.execute(text("UPDATE organizations SET legal_hold = true WHERE slug = 'first'"))
    done = run("purge", "--older-than", 0, "--execute")
    assert "under a legal hold, and left alone: first" in done.stdout
    assert stored(filled) == 3


def test_without_a_system_login_it_says_what_to_set(run: Run, exported_postgresql: Database) -> None:
    done = run("purge")
    assert done.returncode == 2
    assert "set SYSTEM_DATABASE_URL" in done.stderr
