"""SQLite behaves as PostgreSQL does under READ COMMITTED: reads hold no lock, the first write begins in earnest."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    Connection,
    Executable,
    NestedTransaction,
    delete,
    event,
    insert,
    select,
    text,
    union_all,
    update,
)
from sqlmodel import col

from domain import ConstraintError, Database, Tender, TenderRepository, UnavailableError
from domain.kit.database import sqlite
from domain.kit.records import SystemAccess
from domain.limits import TimeLimits

ROW = {"actor": "tests", "reason": "a row"}
VALUES = "(actor, reason) VALUES ('tests', 'a row')"
ID = col(SystemAccess.id)
CTE = select(ID).cte("seen")

READS: dict[str, Executable] = {
    "SELECT": text("SELECT 1"),
    "space": text("\n\t  select 1"),
    "PRAGMA": text("PRAGMA user_version"),
    "EXPLAIN": text("EXPLAIN QUERY PLAN DELETE FROM system_access"),
    "ORM": select(SystemAccess),
    "WITH": select(CTE),
    "comment": select(ID).prefix_with("/* newest */"),
    "UNION": union_all(select(ID), select(ID)),
}
WRITES: dict[str, Executable] = {
    "INSERT": insert(SystemAccess).values(ROW),
    "INSERT RETURNING": insert(SystemAccess).values(ROW).returning(ID),
    "UPDATE": update(SystemAccess).values(reason="x").where(ID == 0),
    "DELETE": delete(SystemAccess).where(ID == 0),
    "lower case": text(f"insert into system_access {VALUES}"),
    "space": text(f"\n  INSERT INTO system_access {VALUES}"),
    "line comment": text(f"-- a note\nINSERT INTO system_access {VALUES}"),
    "block comment": text(f"/* SELECT */ INSERT INTO system_access {VALUES}"),
    "WITH": text("WITH old AS (SELECT 0 AS id) DELETE FROM system_access WHERE id IN (SELECT id FROM old)"),
    "REPLACE": text(f"REPLACE INTO system_access {VALUES}"),
    "DDL": text("CREATE TABLE made (id INTEGER)"),
    "FOR UPDATE": select(ID).with_for_update(),  # SQLite locks no rows: all writers wait
}


def in_transaction(connection: Connection) -> bool:
    driver = connection.connection.dbapi_connection
    return bool(getattr(driver, "in_transaction"))  # noqa: B009  # sqlite3's, which SQLAlchemy's type doesn't know


def count(database: Database) -> int:
    with database.migration_engine.connect() as connection:
        return int(connection.scalar(text("SELECT count(*) FROM system_access")) or 0)


@pytest.mark.parametrize("statement", READS.values(), ids=READS)
def test_a_read_opens_no_transaction(domain_sqlite: Database, statement: Executable) -> None:
    with domain_sqlite.migration_engine.connect() as connection:
        connection.execute(statement).all()
        assert not in_transaction(connection)


@pytest.mark.parametrize("statement", WRITES.values(), ids=WRITES)
def test_the_first_write_opens_one_and_a_rollback_leaves_nothing_of_it(
    domain_sqlite: Database, statement: Executable
) -> None:
    with domain_sqlite.migration_engine.connect() as connection:
        connection.execute(text("SELECT 1"))
        connection.execute(statement)
        assert in_transaction(connection)
        connection.rollback()
        assert not in_transaction(connection)
        assert connection.scalar(text("SELECT count(*) FROM system_access")) == 0
        assert connection.scalar(text("SELECT count(*) FROM sqlite_master WHERE name = 'made'")) == 0


def test_many_rows_at_once_are_one_transaction(domain_sqlite: Database) -> None:
    with domain_sqlite.migration_engine.connect() as connection:
        connection.execute(text("INSERT INTO system_access (actor, reason) VALUES (:actor, :reason)"), [ROW] * 3)
        assert in_transaction(connection)
        connection.rollback()
    assert count(domain_sqlite) == 0
    with domain_sqlite.migration_engine.begin() as connection:
        connection.execute(insert(SystemAccess), [ROW] * 3)
    assert count(domain_sqlite) == 3


def test_a_savepoint_first_thing_undoes_its_part_alone(domain_sqlite: Database) -> None:
    with domain_sqlite.migration_engine.begin() as connection:
        with connection.begin_nested() as savepoint:
            connection.execute(insert(SystemAccess).values(ROW))
            savepoint.rollback()
        with connection.begin_nested():
            connection.execute(insert(SystemAccess).values(ROW))
    assert count(domain_sqlite) == 1


def test_autocommit_keeps_each_statement_and_the_pooled_connection_forgets_it(domain_sqlite: Database) -> None:
    with domain_sqlite.migration_engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(insert(SystemAccess).values(ROW))
        assert not in_transaction(connection)
        assert count(domain_sqlite) == 1
    for _ in range(2):
        with domain_sqlite.migration_engine.connect() as connection:
            connection.execute(insert(SystemAccess).values(ROW))
            assert in_transaction(connection)
    assert count(domain_sqlite) == 1


def test_every_connection_enforces_references_waits_and_writes_ahead(domain_sqlite: Database) -> None:
    connections = [domain_sqlite.migration_engine.connect() for _ in range(5)]
    try:
        for connection in connections:
            asked = ("foreign_keys", "busy_timeout", "journal_mode", "synchronous")
            answers = [connection.scalar(text(f"PRAGMA {name}")) for name in asked]
            assert answers == [1, sqlite.BUSY_TIMEOUT_MS, "wal", 1]
    finally:
        for connection in connections:
            connection.close()


def test_a_reader_is_not_held_up_and_sees_what_is_committed(domain_sqlite: Database) -> None:
    with domain_sqlite.get_session(organization_id=1) as reader:
        assert TenderRepository(reader).count() == 0
        with domain_sqlite.get_session(organization_id=1) as writer:
            TenderRepository(writer).create(title="Bridge")
            assert TenderRepository(writer).count() == 1
            assert TenderRepository(reader).count() == 0
        assert TenderRepository(reader).count() == 1


def test_who_has_read_may_write_after_another_has_written(domain_sqlite: Database) -> None:
    with domain_sqlite.get_session(organization_id=1) as first:
        assert TenderRepository(first).count() == 0
        with domain_sqlite.get_session(organization_id=1) as second:
            TenderRepository(second).create(title="second")
        TenderRepository(first).create(title="first")
    with domain_sqlite.get_session(organization_id=1) as session:
        assert {tender.title for tender in TenderRepository(session).find()} == {"first", "second"}


@pytest.fixture
def impatient(domain_sqlite: Database) -> Iterator[Database]:
    """The same file, with no patience for a lock."""
    limits = TimeLimits(lock_timeout_seconds=0.02)
    with Database(str(domain_sqlite.engine.url), time_limits=limits) as database:
        yield database


def test_waiting_for_another_writer_in_vain_is_told_and_may_be_tried_again(
    domain_sqlite: Database, impatient: Database
) -> None:
    def write() -> None:
        with impatient.get_session(organization_id=1) as session:
            assert TenderRepository(session).count() == 0
            TenderRepository(session).create(title="Bridge")

    with impatient:
        with domain_sqlite.get_session(organization_id=1) as busy:
            TenderRepository(busy).create(title="busy")
            with pytest.raises(UnavailableError, match="busy with another writer") as caught:
                write()
            assert caught.value.retryable
            assert caught.value.__cause__ is not None
            busy.rollback()
        write()
        assert "Connections in pool: 1" in impatient.engine.pool.status()


def write(database: Database) -> None:
    with database.migration_engine.begin() as connection:
        connection.execute(insert(SystemAccess).values(ROW))


def test_what_only_reads_in_a_savepoint_keeps_no_writer_out(domain_sqlite: Database, impatient: Database) -> None:
    with (
        impatient,
        domain_sqlite.migration_engine.begin() as connection,
        connection.begin_nested(),
        connection.begin_nested(),
    ):
        assert connection.scalar(text("SELECT count(*) FROM system_access")) == 0
        write(impatient)
        assert connection.scalar(text("SELECT count(*) FROM system_access")) == 1
        connection.execute(insert(SystemAccess).values(ROW))
        with pytest.raises(UnavailableError):
            write(impatient)
    assert count(domain_sqlite) == 2


def test_a_system_session_that_reads_as_an_organization_keeps_no_writer_out(
    domain_sqlite: Database, impatient: Database
) -> None:
    with impatient, domain_sqlite.system_session(actor="tests", reason="reading") as system:
        with system.as_organization(1) as session:
            assert TenderRepository(session).count() == 0
        with impatient.get_session(organization_id=1) as session:
            TenderRepository(session).create(title="beside it")
        with system.as_organization(1) as session:
            assert TenderRepository(session).count() == 1


@given(st.lists(st.sampled_from(["read", "write", "savepoint", "release", "undo"]), max_size=12))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_savepoints_undo_what_was_written_in_them_wherever_the_first_write_is(
    domain_sqlite: Database, steps: list[str]
) -> None:
    with domain_sqlite.migration_engine.connect() as connection:
        levels: list[tuple[NestedTransaction | None, int]] = [(None, count(domain_sqlite))]
        for step in steps:
            savepoint, rows = levels[-1]
            if step == "write":
                connection.execute(insert(SystemAccess).values(ROW))
                levels[-1] = (savepoint, rows + 1)
            elif step == "savepoint":
                levels.append((connection.begin_nested(), rows))
            elif step == "release" and savepoint is not None:
                savepoint.commit()
                levels.pop()
                levels[-1] = (levels[-1][0], rows)
            elif step == "undo" and savepoint is not None:
                savepoint.rollback()
                levels.pop()
            assert connection.scalar(text("SELECT count(*) FROM system_access")) == levels[-1][1]
        connection.commit()
    assert count(domain_sqlite) == levels[-1][1]


def test_rows_may_be_changed_while_they_are_streamed(domain_sqlite: Database) -> None:
    with domain_sqlite.get_session(organization_id=1) as session:
        TenderRepository(session).create_many([Tender(title=f"Bridge {number}") for number in range(7)])
    with domain_sqlite.get_session(organization_id=1) as session:
        for tender in TenderRepository(session).stream(batch_size=2):
            tender.description = "seen"
            session.flush()
    with domain_sqlite.get_session(organization_id=1) as session:
        assert [tender.description for tender in TenderRepository(session).find()] == ["seen"] * 7


def test_a_stream_that_another_writer_has_outrun_may_still_write(domain_sqlite: Database) -> None:
    with domain_sqlite.get_session(organization_id=1) as session:
        TenderRepository(session).create_many([Tender(title=f"Bridge {number}") for number in range(7)])
    with domain_sqlite.get_session(organization_id=1) as session:
        for tender in TenderRepository(session).stream(batch_size=2):
            with domain_sqlite.get_session(organization_id=1) as other:
                TenderRepository(other).create(title="other")
            tender.description = "seen"
            session.commit()
    with domain_sqlite.get_session(organization_id=1) as session:
        found = TenderRepository(session).find(Tender.title != "other")
        assert [tender.description for tender in found] == ["seen"] * 7


def test_a_commit_that_is_refused_leaves_nothing_and_a_clean_connection(domain_sqlite: Database) -> None:
    key = insert(Tender).values(organization_id=99, title="x", categories=[])
    engine = domain_sqlite.migration_engine  # the scope would refuse the row before
    with engine.connect() as connection:
        connection.execute(text("PRAGMA defer_foreign_keys=ON"))
        connection.execute(text("BEGIN IMMEDIATE"))
        connection.execute(text("PRAGMA defer_foreign_keys=ON"))
        connection.execute(key)
        with pytest.raises(ConstraintError, match="a reference points at no"):
            connection.commit()
    with engine.connect() as connection:
        assert not in_transaction(connection)
        assert connection.scalar(text("SELECT count(*) FROM tenders")) == 0


def test_a_connection_that_is_dropped_midway_is_clean_when_it_is_used_again(domain_sqlite: Database) -> None:
    checkouts: list[object] = []

    def note(connection: object, _record: object, _proxy: object) -> None:
        checkouts.append(connection)

    event.listen(domain_sqlite.migration_engine, "checkout", note)
    with domain_sqlite.migration_engine.connect() as connection:
        connection.execute(insert(SystemAccess).values(ROW))
    with domain_sqlite.migration_engine.connect() as connection:
        assert not in_transaction(connection)
        assert connection.scalar(text("SELECT count(*) FROM system_access")) == 0
    assert len(checkouts) == 2
    assert checkouts[0] is checkouts[1]


def test_another_process_may_read_the_file(domain_sqlite: Database) -> None:
    with domain_sqlite.get_session(organization_id=1) as session:
        TenderRepository(session).create(title="Bridge")
    file = Path(str(domain_sqlite.engine.url.database))
    with closing(sqlite3.connect(file)) as other:
        assert other.execute("SELECT title FROM tenders").fetchall() == [("Bridge",)]
