"""What a revision does outside its transaction, and where it fails: FORCE is on in whatever is committed."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from domain import DomainError
from domain.migrations import check, current, head, upgrade
from tests.migrations.conftest import next_revision, upgrade_by
from tests.migrations.test_policies import titles, two_tenders

Catalog = Callable[[Engine], set[str]]
UrlOf = Callable[[Engine], str]

OPEN = "SELECT count(*) FROM pg_class WHERE relrowsecurity AND NOT relforcerowsecurity"
NONE_OPEN = f'assert op.get_bind().scalar(sa.text("{OPEN}")) == 0'
OUTSIDE = "with op.get_context().autocommit_block():"
INDEX = "op.create_index('ix_new', 'tenders', ['title'], postgresql_concurrently=True)"
EXCLAIM = "op.execute(\"UPDATE tenders SET title = title || '!'\")"
FAIL = "op.execute('SELECT nothing FROM nowhere')"
DIE = "op.execute('SELECT pg_terminate_backend(pg_backend_pid())')"


def outside(*steps: str) -> str:
    return "\n        ".join([OUTSIDE, *steps])


def test_an_index_is_made_outside_the_transaction_and_rows_are_changed_before_and_after_it(
    empty: Engine, project: Path, url_of: UrlOf, catalog: Catalog
) -> None:
    upgrade(empty)
    two_tenders(url_of(empty))
    before, is_postgresql = catalog(empty), empty.dialect.name == "postgresql"
    outside_it = outside(*[NONE_OPEN] * is_postgresql, INDEX)
    upgrade_by(next_revision(project, EXCLAIM, outside_it, EXCLAIM), empty)
    assert current(empty) == "9999"
    made = catalog(empty) - before
    assert made
    assert all("ix_new" in line for line in made)
    if is_postgresql:
        assert titles(empty) == "a!!,b!!"
        assert set(forced(empty)) == {True}
    else:
        with empty.connect() as connection:
            assert connection.scalars(text("SELECT title FROM tenders ORDER BY title")).all() == ["a!!", "b!!"]


def forced(engine: Engine) -> list[bool]:
    with engine.connect() as connection:
        return list(connection.scalars(text("SELECT relforcerowsecurity FROM pg_class WHERE relrowsecurity")))


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
@pytest.mark.parametrize("end", [FAIL, DIE], ids=["fails", "is killed"])
@pytest.mark.parametrize(
    "steps",
    [
        [EXCLAIM, "{}", outside(INDEX)],
        [EXCLAIM, outside("{}")],
        [EXCLAIM, outside(INDEX, "{}")],
        [outside(INDEX), EXCLAIM, "{}"],
        [outside(INDEX), outside("{}")],
        ["op.get_bind().commit()"],
    ],
    ids=["before", "at its start", "at its end", "after", "in a second", "by a commit"],
)
def test_wherever_a_revision_ends_no_table_is_left_open(
    steps: list[str], end: str, empty: Engine, project: Path, url_of: UrlOf
) -> None:
    upgrade(empty)
    two_tenders(url_of(empty))
    before = forced(empty)
    with pytest.raises((SQLAlchemyError, DomainError, TypeError)):
        upgrade_by(next_revision(project, *(step.format(end) for step in steps)), empty)
    assert forced(empty) == before != []
    assert all("ix_new" in line for line in check(empty))  # what was committed outside stays
    upgrade_by(next_revision(project, EXCLAIM), empty)  # no lock is left
    assert (titles(empty) or "").count("!") >= 2


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
@pytest.mark.parametrize("words", ["COMMIT", "UPDATE tenders SET title = 'x'; COMMIT;", "commit work", "COMMIT -- it"])
def test_a_commit_as_text_is_refused(words: str, empty: Engine, project: Path, url_of: UrlOf) -> None:
    upgrade(empty)
    two_tenders(url_of(empty))
    with pytest.raises(DomainError, match="autocommit_block"):
        upgrade_by(next_revision(project, f'op.execute("{words}")', FAIL), empty)
    assert titles(empty) == "a,b"
    assert set(forced(empty)) == {True}


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_a_revision_that_commits_in_other_words_and_fails_leaves_no_table_open(empty: Engine, project: Path) -> None:
    upgrade(empty)
    with pytest.raises((DomainError, TypeError, SQLAlchemyError)):
        upgrade_by(next_revision(project, "op.execute('END')", FAIL), empty)
    assert set(forced(empty)) == {True}


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_a_stamp_leaves_no_table_open(empty: Engine, project: Path) -> None:
    upgrade(empty)
    config = next_revision(project, "pass")
    config.attributes["engine"] = empty
    command.stamp(config, head(), purge=True)
    assert set(forced(empty)) == {True}


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_policies_are_not_replaced_outside_the_transaction(empty: Engine, project: Path) -> None:
    upgrade(empty)
    with pytest.raises(DomainError, match="move it out of autocommit_block"):
        upgrade_by(next_revision(project, outside("op.invoke(ReplaceOp('row level security', 'tenders'))")), empty)
    assert check(empty) == []


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_the_printed_sql_holds_the_owner_outside_a_transaction(
    empty: Engine, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    upgrade(empty)
    config = next_revision(project, outside(INDEX), EXCLAIM)
    config.attributes["engine"] = empty
    command.upgrade(config, f"{head()}:9999", sql=True)
    printed = capsys.readouterr().out.split("COMMIT;")
    for part in printed[:-1]:
        assert part.rindex("NO FORCE ROW") < part.rindex("%s FORCE ROW")
    concurrent, after = printed[1].split("BEGIN;")
    assert "CONCURRENTLY" in concurrent
    assert after.index("NO FORCE ROW") < after.index("UPDATE tenders")


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_two_deployers_of_an_index_made_outside_the_transaction_both_succeed(
    empty: Engine, project: Path, alembic: Callable[..., str]
) -> None:
    upgrade(empty)
    next_revision(project, "import time", outside("time.sleep(1)", INDEX, "time.sleep(1)"))
    with ThreadPoolExecutor() as deployers:
        running = [deployers.submit(alembic, project, (empty, "upgrade", "head")) for _ in range(2)]
        assert [deployer.result() for deployer in running] == ["", ""]
    assert current(empty) == "9999"
