"""SQLite itself holds a connection to its organization, whatever the statement: what goes past every session, too."""

import sqlite3
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.dialects.sqlite import insert
from sqlmodel import select

from domain import AuditRepository, Database, OrganizationRepository, Tender, TenderRepository, User, UserRepository
from domain.errors import ConstraintError, DuplicateError
from domain.kit.model import DomainModel
from domain.kit.model.tables import organization_column
from domain.kit.records import SystemAccess
from domain.kit.schema.scope import ORGANIZATION_SETTING, scope
from domain.kit.schema.scope_sqlite import quoted
from domain.organizations.model import SLUG_SETTING
from domain.testing import build, sqlite_database
from domain.users.model import EMAIL_SETTING

TITLES = {1: "one", 2: "two"}
HASH = "$argon2id$secret"


@pytest.fixture
def database(domain_sqlite: Database) -> Database:
    """A tender and a user for each of two organizations."""
    for number, title in TITLES.items():
        with domain_sqlite.get_session(organization_id=number) as session:
            TenderRepository(session).create(title=title)
            UserRepository(session).create(email=f"{title}@example.org", hashed_password=HASH, full_name=title)
    return domain_sqlite


@contextmanager
def held(database: Database, setting: str = ORGANIZATION_SETTING, value: int | str = 1) -> Generator[Connection]:
    """A connection of the application's, past every session; what is done stays."""
    with database.engine.begin() as connection:
        driver: Any = connection.connection.dbapi_connection
        driver.set_local(setting, value)
        yield connection


def stored(database: Database, statement: str) -> list[Any]:
    """What the file holds."""
    with database.migration_engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


READS = {
    "a column": "SELECT title FROM tenders",
    "a function": "SELECT lower(title) FROM tenders",
    "another case": "SELECT title FROM TENDERS",
    "quoted": 'SELECT title FROM "tenders"',
    "an alias": "SELECT t.title FROM tenders AS t",
    "a subquery": "SELECT (SELECT group_concat(title) FROM tenders)",
    "a CTE": "WITH t AS (SELECT * FROM tenders) SELECT title FROM t",
    "a join": "SELECT t.title FROM organizations o JOIN tenders t ON t.organization_id = o.id",
    "an outer join": "SELECT t.title FROM (SELECT 1) LEFT JOIN tenders t",
    "a window": "SELECT title FROM (SELECT title, count(*) OVER () FROM tenders)",
    "a union": "SELECT title FROM tenders UNION ALL SELECT title FROM tenders WHERE 0",
    "a condition": "SELECT 'one' WHERE NOT EXISTS (SELECT 1 FROM tenders WHERE title = 'two')",
}


@pytest.mark.parametrize("statement", READS.values(), ids=READS)
def test_whatever_reads_a_table_finds_the_rows_of_the_organization(database: Database, statement: str) -> None:
    with held(database) as connection:
        assert connection.scalars(text(statement)).all() == ["one"]
    with held(database, value=2) as connection:
        assert "one" not in connection.scalars(text(statement)).all()


def test_without_an_organization_there_is_nothing(database: Database) -> None:
    with database.engine.connect() as connection:
        for table in ("tenders", "users", "organizations", "audit_entries"):
            assert connection.scalar(text(f"SELECT count(*) FROM {table}")) == 0  # a constant
        with pytest.raises(ConstraintError, match="does not allow this session"):
            connection.execute(text("INSERT INTO main.users SELECT * FROM main.users"))


def test_a_row_of_another_organization_is_passed_over_by_an_update_and_a_delete(database: Database) -> None:
    with held(database) as connection:
        assert connection.execute(text("UPDATE main.tenders SET title = 'changed'")).rowcount == 1
        assert connection.execute(text("DELETE FROM main.users")).rowcount == 1
    assert stored(database, "SELECT title FROM tenders ORDER BY id") == [("changed",), ("two",)]
    assert stored(database, "SELECT organization_id FROM users") == [(2,)]


_TENDER = "INSERT INTO main.tenders (organization_id, title, categories, status) VALUES"
WRITES = {
    "a row of another": f"{_TENDER} (2, 'x', '[]', 'pending')",
    "a row of none": f"{_TENDER} (NULL, 'x', '[]', 'pending')",
    "from another's": "INSERT INTO main.tenders (organization_id, title, categories, status)"
    " SELECT organization_id, title, categories, status FROM main.tenders WHERE title = 'two'",
    "one given away": "UPDATE main.tenders SET organization_id = 2",
    "in place of another's, which stays": "INSERT OR REPLACE INTO main.tenders"
    " (organization_id, id, title, categories, status)"
    " SELECT 1, id, 'x', '[]', 'pending' FROM main.tenders WHERE title = 'two'",
    "an organization": "INSERT INTO main.organizations (name, slug) VALUES ('x', 'x')",
    "an entry of the trail": "INSERT INTO main.audit_entries (organization_id, entity, row_id, action)"
    " VALUES (2, 'tenders', 1, 'insert')",
}


@pytest.mark.parametrize("statement", WRITES.values(), ids=WRITES)
def test_what_would_write_to_another_organization_is_refused(database: Database, statement: str) -> None:
    with (
        pytest.raises((ConstraintError, DuplicateError), match=r"does not allow|the same id"),
        held(database) as connection,
    ):
        connection.execute(text(statement))
    assert stored(database, "SELECT organization_id, title FROM tenders ORDER BY id") == [(1, "one"), (2, "two")]
    assert stored(database, "SELECT count(*) FROM audit_entries WHERE organization_id = 2") == [(3,)]


def test_an_upsert_does_not_take_over_the_row_of_another_organization(database: Database) -> None:
    mine = build(User, organization_id=1, email="two@example.org", hashed_password="x").model_dump(exclude={"id"})
    taken = insert(User).values(mine | {"hashed_password": "stolen"})
    taken = taken.on_conflict_do_update(
        index_elements=["email"], index_where=text("is_deleted = 0"), set_={"hashed_password": "stolen"}
    )
    with held(database) as connection:
        connection.execute(taken)
    assert stored(database, "SELECT hashed_password FROM users WHERE organization_id = 2") == [(HASH,)]


@pytest.mark.parametrize("organization_id", ["", 1])
def test_the_records_of_the_system_are_out_of_reach(database: Database, organization_id: int | str) -> None:
    with database.system_session(actor="test", reason="be on record") as system:
        assert [record.reason for record in system.exec(select(SystemAccess))] == ["be on record"]
    with held(database, value=organization_id) as connection:
        assert connection.scalars(text("SELECT reason FROM system_access")).all() == []
        assert connection.execute(text("UPDATE main.system_access SET reason = 'none'")).rowcount == 0
        assert connection.execute(text("DELETE FROM main.system_access")).rowcount == 0
    with pytest.raises(ConstraintError, match="does not allow"), held(database, value=organization_id) as connection:
        connection.execute(text("INSERT INTO main.system_access (actor, reason) VALUES ('forged', 'forged')"))
    assert stored(database, "SELECT reason FROM system_access") == [("be on record",)]


def test_the_trail_is_not_rewritten(database: Database) -> None:
    entries = stored(database, "SELECT * FROM audit_entries ORDER BY id")
    with held(database) as connection:
        assert connection.execute(text("UPDATE main.audit_entries SET actor = 'nobody'")).rowcount == 0
        assert connection.execute(text("DELETE FROM main.audit_entries")).rowcount == 0
    assert stored(database, "SELECT * FROM audit_entries ORDER BY id") == entries


@pytest.mark.parametrize(
    ("setting", "value", "opened"),
    [(EMAIL_SETTING, "two@example.org", "users"), (SLUG_SETTING, "second", "organizations")],
)
def test_a_look_up_opens_the_one_row_that_it_names_to_reading(
    database: Database, setting: str, value: str, opened: str
) -> None:
    with held(database, setting, value) as connection:
        counts = {
            table: connection.scalar(text(f"SELECT count(*) FROM {table}"))  # a constant
            for table in ("users", "tenders", "organizations")
        }
        changed = connection.execute(text(f"UPDATE main.{opened} SET version = 9")).rowcount  # as above
    assert counts == {"users": 0, "tenders": 0, "organizations": 0} | {opened: 1}
    assert changed == 0


def ended(connection: Connection) -> None:
    connection.commit()


def undone(connection: Connection) -> None:
    connection.rollback()


@pytest.mark.parametrize("end", [ended, undone])
def test_the_organization_ends_with_the_transaction(database: Database, end: Callable[[Connection], None]) -> None:
    count = text("SELECT count(*) FROM tenders")
    with database.engine.connect() as connection:
        driver: Any = connection.connection.dbapi_connection
        driver.set_local(ORGANIZATION_SETTING, 1)
        assert connection.scalar(count) == 1
        end(connection)
        assert connection.scalar(count) == 0


def test_a_table_that_is_made_while_a_connection_is_open_is_held_at_once(database: Database) -> None:
    made = "CREATE TABLE later (organization_id INTEGER NOT NULL, word TEXT)"
    with held(database) as connection:
        connection.execute(text("SELECT 1"))
        with database.migration_engine.begin() as owner:
            owner.execute(text(made))
            owner.execute(text("INSERT INTO later VALUES (1, 'mine'), (2, 'theirs')"))
        assert connection.scalars(text("SELECT word FROM later")).all() == ["mine"]
        connection.execute(text("UPDATE main.later SET word = 'changed'"))
    assert stored(database, "SELECT word FROM later") == [("changed",), ("theirs",)]


def test_a_column_that_is_added_while_a_connection_is_open_is_there(database: Database) -> None:
    with held(database) as connection:
        connection.execute(text("SELECT 1"))
        with database.migration_engine.begin() as owner:
            owner.execute(text("ALTER TABLE tenders ADD COLUMN added TEXT DEFAULT 'new'"))
        assert connection.scalars(text("SELECT added FROM tenders")).all() == ["new"]


def test_a_system_session_reaches_every_row_but_within_an_organization_its_own(database: Database) -> None:
    titles = text("SELECT title FROM tenders ORDER BY id")
    with database.system_session(actor="test", reason="look") as system:
        assert system.connection().scalars(titles).all() == ["one", "two"]
        with system.as_organization(2) as session:
            assert [tender.title for tender in session.exec(select(Tender)).all()] == ["two"]
            assert system.scalars(select(Tender.title)).all() == ["two"]
        assert system.connection().scalars(titles).all() == ["one", "two"]


def test_what_makes_an_organization_is_recorded_and_read_by_it_alone(domain_sqlite: Database) -> None:
    with domain_sqlite.get_session() as session:
        made = OrganizationRepository(session).create(name="Third", slug="third")
    with domain_sqlite.get_session(organization_id=made.id) as session:
        assert [entry.row_id for entry in AuditRepository(session).page(entity="organizations").items] == [made.id]
    with domain_sqlite.get_session(organization_id=1) as session:
        assert made.id not in [entry.row_id for entry in AuditRepository(session).page().items]


def test_the_file_holds_none_of_it(database: Database) -> None:
    with held(database) as connection:
        connection.execute(text("SELECT 1"))
    with closing(sqlite3.connect(str(database.engine.url.database))) as other:
        assert other.execute("SELECT count(*) FROM tenders").fetchone() == (2,)
    assert stored(database, "SELECT count(*) FROM sqlite_master WHERE name LIKE 'scope%'") == [(0,)]


SCOPED = sorted(name for name, table in DomainModel.metadata.tables.items() if scope(table) is not None)
ATTEMPTS = {
    "view": "SELECT * FROM {table} WHERE {theirs}",
    "insert": "INSERT INTO main.{table} ({written}) SELECT {written} FROM main.{table} WHERE {theirs}",
    "update": "UPDATE main.{table} SET {column} = {column} WHERE {theirs}",
    "delete": "DELETE FROM main.{table} WHERE {theirs}",
}


@pytest.fixture(scope="module")
def full(domain_sqlite_template: Path) -> Iterator[Database]:
    """A row of organization 2, or of the system, in every table that is held; none of its values is looked at."""
    with sqlite_database(domain_sqlite_template) as database:
        with database.migration_engine.connect() as owner:
            for pragma in ("foreign_keys = OFF", "ignore_check_constraints = ON"):
                owner.exec_driver_sql(f"PRAGMA {pragma}")
            for name in SCOPED:
                columns = [quoted(c.name) for c in DomainModel.metadata.tables[name].c if not c.nullable]
                row = f"({', '.join(columns)}) VALUES ({', '.join('2' for _ in columns)})"
                owner.exec_driver_sql(f"INSERT OR IGNORE INTO {quoted(name)} {row}")  # names are quoted
            owner.commit()
        yield database


def reached(database: Database, table: str, part: str, *without: str) -> int | str:
    """How many rows of others the attempt comes to in the table, or what stops it, with parts of the scope left out."""
    column = organization_column(DomainModel.metadata.tables[table])
    theirs = "true" if column is None else f"{column.name} = 2"
    names = {"table": quoted(table), "column": "id" if column is None else column.name, "theirs": theirs}
    columns = DomainModel.metadata.tables[table].c
    names["written"] = ", ".join(quoted(one.name) for one in columns if one.computed is None)
    with database.engine.connect() as connection:
        driver: Any = connection.connection.dbapi_connection
        driver.set_local(ORGANIZATION_SETTING, 1)
        for dropped in without:
            connection.execute(text(f"DROP {dropped}"))
        try:
            result = connection.execute(text(ATTEMPTS[part].format(**names)))
            return len(result.all()) if result.returns_rows else result.rowcount
        except (ConstraintError, DuplicateError) as refused:
            return str(refused)


@pytest.mark.parametrize("part", ATTEMPTS)
@pytest.mark.parametrize("table", SCOPED)
def test_each_part_of_a_table_s_scope_holds_what_nothing_else_would(full: Database, table: str, part: str) -> None:
    kept = f"VIEW temp.{quoted(table)}" if part == "view" else f"TRIGGER temp.{quoted(f'scope_{part}_{table}')}"
    held = reached(full, table, part)
    assert ("does not allow this session" in str(held)) if part == "insert" else held == 0
    assert reached(full, table, part, kept) not in (0, held)
    assert reached(full, table, part) == held
