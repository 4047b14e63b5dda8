"""Nothing that one unit leaves on a pooled connection reaches the next, whatever was run and by which way."""

from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
from psycopg2 import extensions, extras
from sqlalchemy import Connection, Engine, event, func, text
from sqlmodel import select

from domain import Database, Tender, TenderRepository
from domain.testing import Cluster, build
from domain.testing.cluster import APPLICATION, SYSTEM
from tests.isolation.conftest import few_connections

TITLES = {1: "of 1", 2: "of 2"}
STATE = text(
    """
    SELECT pg_backend_pid(), current_user, current_setting('role'), current_setting('TimeZone'),
        current_setting('row_security'), current_setting('default_transaction_read_only'),
        current_setting('default_transaction_isolation'), current_setting('search_path'),
        nullif(current_setting('app.actor', true), ''), nullif(current_setting('app.organization_id', true), ''),
        (SELECT count(*) FROM pg_cursors WHERE name = 'kept'), (SELECT count(*) FROM pg_prepared_statements),
        (SELECT count(*) FROM pg_listening_channels()), (SELECT count(*) FROM tenders),
        (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid())
    """
)
LEAVES = [
    "SET app.actor = 'boss'",
    "SET TIME ZONE 'Asia/Tokyo'",
    "SET row_security = off",
    "SET default_transaction_read_only = on",
    "SET default_transaction_isolation = 'serializable'",
    "SET search_path = pg_catalog",
    "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
    "SELECT set_config('app.organization_id', '1', false)",
    "DECLARE kept CURSOR WITH HOLD FOR SELECT title FROM tenders",
    "PREPARE kept AS SELECT title FROM tenders",
    "LISTEN kept",
    "SELECT pg_advisory_lock(7)",
    "DO $$ BEGIN PERFORM set_config('TimeZone', 'Asia/Tokyo', false); END $$",
]


@pytest.fixture(scope="module")
def alone(postgresql_name: str, domain_cluster: Cluster) -> Iterator[Database]:
    """One connection of each login, in turn for two organizations with a tender each."""
    url, system = (domain_cluster.url(postgresql_name, role) for role in (APPLICATION, SYSTEM))
    with few_connections(url, system_url=system, connections=1) as database:
        for organization_id, title in TITLES.items():
            with database.get_session(organization_id=organization_id) as session:
                TenderRepository(session).create(title=title)
        yield database


def state(engine: Engine) -> tuple[object, ...]:
    """What the next one finds."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        return tuple(connection.execute(STATE).one())


def by_a_session(database: Database, statement: str) -> None:
    with database.get_session(organization_id=1, actor="boss", unguarded_sql=True) as session:
        assert TenderRepository(session).count() == 1
        session.connection().execute(text(statement))


def by_the_engine(database: Database, statement: str) -> None:
    with database.engine.begin() as connection:
        connection.execute(text(statement))


def by_the_driver(database: Database, statement: str) -> None:
    with database.engine.begin() as connection:
        connection.connection.cursor().execute(statement)


def by_a_string(database: Database, statement: str) -> None:
    with database.engine.begin() as connection:
        connection.exec_driver_sql(statement)


@pytest.mark.parametrize("way", [by_a_session, by_the_engine, by_the_driver, by_a_string])
@pytest.mark.parametrize("statement", LEAVES)
def test_a_statement_leaves_nothing(alone: Database, statement: str, way: Callable[[Database, str], None]) -> None:
    before = state(alone.engine)
    way(alone, statement)
    assert state(alone.engine) == before
    with alone.get_session(organization_id=2) as session:
        TenderRepository(session).create(title="of 2")
        assert [tender.title for tender in TenderRepository(session).find()] == ["of 2", "of 2"]
        session.rollback()


@pytest.mark.parametrize("statement", LEAVES)
def test_a_system_session_leaves_nothing(alone: Database, statement: str) -> None:
    assert alone.system_engine is not None
    before = state(alone.system_engine)
    with alone.system_session(actor="boss", reason="test") as system:
        system.connection().execute(text(statement))
    assert state(alone.system_engine) == before


@pytest.mark.parametrize(
    "expression",
    [
        func.set_config("app.actor", "boss", False),
        func.set_config("app.organization_id", "1", False),
        func.pg_advisory_lock(7),
    ],
    ids=["actor", "organization", "lock"],
)
def test_an_expression_in_a_guarded_session_leaves_nothing(alone: Database, expression: Any) -> None:
    before = state(alone.engine)
    with alone.get_session(organization_id=1) as session:
        session.exec(select(Tender.id).where(Tender.id > 0, expression.is_not(None))).all()  # pyright: ignore
    assert state(alone.engine) == before
    with alone.get_session(organization_id=1) as session:
        TenderRepository(session).find(expression.is_not(None))
    assert state(alone.engine) == before


def test_a_notification_reaches_nobody_else(alone: Database) -> None:
    with alone.engine.begin() as connection:
        connection.execute(text("LISTEN kept"))
        connection.execute(text("NOTIFY kept, 'of organization 1'"))
    with alone.engine.connect() as connection:
        connection.execute(text("SELECT 1"))
        driver: Any = connection.connection.driver_connection
        assert driver.notifies == []


def test_what_an_applications_listener_has_set_up_is_set_up_again(
    domain_cluster: Cluster, postgresql_name: str
) -> None:
    """It hears of new connections only: a reset one would lack what it did."""
    with few_connections(domain_cluster.url(postgresql_name, APPLICATION), connections=1) as database:

        @event.listens_for(database.engine, "connect")
        def _set_up(connection: Any, _record: object) -> None:
            with connection.cursor() as cursor:
                cursor.execute("SET application_name = 'set up'")
            connection.commit()

        def name() -> object:
            with database.engine.connect() as connection:
                return connection.scalar(text("SELECT current_setting('application_name')"))

        for statement in ("SET application_name = 'changed'", "SET TIME ZONE 'Asia/Tokyo'"):
            by_the_engine(database, statement)
            assert name() == "set up"


def test_the_backend_stays_where_nothing_but_models_was_used(alone: Database) -> None:
    """And where text was: it is reset, not replaced."""

    def backend(connection: Connection) -> object:
        return connection.scalar(text("SELECT pg_backend_pid()"))

    seen = set[object]()
    for _ in range(3):
        with alone.engine.connect() as connection:
            seen.add(backend(connection))
        with alone.get_session(organization_id=1) as session:
            assert TenderRepository(session).count() == 1
    assert len(seen) == 1


# -- the driver's own ways: inside the transaction, with the organization ----------------------------------------


def rows(cursor: Any) -> list[str]:
    cursor.execute("SELECT title FROM tenders")
    return [row[0] for row in cursor.fetchall()]


def called(cursor: Any) -> list[str]:
    cursor.callproc("current_setting", ["app.organization_id"])
    return [TITLES[int(cursor.fetchone()[0])]]


def copied(cursor: Any) -> list[str]:
    file = StringIO()
    cursor.copy_to(file, "tenders", columns=["title"])
    return file.getvalue().splitlines()


def copied_by_an_expression(cursor: Any) -> list[str]:
    file = StringIO()
    cursor.copy_expert("COPY (SELECT title FROM tenders) TO STDOUT", file)
    return file.getvalue().splitlines()


def bytes_(cursor: Any) -> list[str]:
    cursor.execute(b"SELECT title FROM tenders")
    return [row[0] for row in cursor.fetchall()]


def values_of_pages(cursor: Any) -> list[str]:
    pages: Any = extras
    found = pages.execute_values(cursor, "SELECT title FROM tenders WHERE true IN (%s)", [(True,)], fetch=True)
    return [row[0] for row in found]


@pytest.mark.parametrize("read", [rows, called, copied, copied_by_an_expression, bytes_, values_of_pages])
@pytest.mark.parametrize("factory", [None, extensions.cursor, extras.DictCursor, extras.NamedTupleCursor])
def test_a_cursor_of_any_kind_reads_its_organizations_rows_in_the_transaction(
    alone: Database, factory: Any, read: Callable[[Any], list[str]]
) -> None:
    with alone.get_session(organization_id=2, unguarded_sql=True) as session:
        driver: Any = session.connection().connection.driver_connection
        with driver.cursor(cursor_factory=factory) as cursor:
            assert read(cursor) == ["of 2"]
        assert driver.get_transaction_status() == extensions.TRANSACTION_STATUS_INTRANS


@pytest.mark.parametrize("factory", [extensions.cursor, extras.DictCursor])
def test_a_named_cursor_of_any_kind_reads_its_organizations_rows(alone: Database, factory: Any) -> None:
    with alone.get_session(organization_id=2, unguarded_sql=True) as session:
        driver: Any = session.connection().connection.driver_connection
        with driver.cursor("named", cursor_factory=factory) as cursor:
            assert rows(cursor) == ["of 2"]


def test_a_mapping_cursor_still_maps(alone: Database) -> None:
    with alone.get_session(organization_id=2, unguarded_sql=True) as session:
        driver: Any = session.connection().connection.driver_connection
        with driver.cursor(cursor_factory=extras.RealDictCursor) as cursor:
            cursor.execute("SELECT title FROM tenders WHERE title = %s", ["of 2"])
            assert [dict(row) for row in cursor.fetchall()] == [{"title": "of 2"}]


def test_what_is_copied_into_a_table_goes_with_a_rollback(domain_postgresql: Database) -> None:
    owner = domain_postgresql.migration_engine
    with owner.begin() as connection:
        connection.execute(text("CREATE TABLE plain (words text)"))
    with owner.connect() as connection:
        driver: Any = connection.connection.driver_connection
        with driver.cursor() as cursor:
            cursor.copy_from(StringIO("one\ntwo\n"), "plain")
            cursor.copy_expert("COPY plain FROM STDIN", StringIO("three\n"))
        assert connection.scalar(text("SELECT count(*) FROM plain")) == 3
        connection.rollback()
        assert connection.scalar(text("SELECT count(*) FROM plain")) == 0


def test_every_method_of_the_drivers_cursor_that_sends_something_is_known() -> None:
    """One more of them would have to send the settings as well."""
    sending = {"execute", "executemany", "callproc", "copy_from", "copy_to", "copy_expert"}
    after_one_of_those = {"fetchone", "fetchmany", "fetchall", "scroll", "nextset", "close"}
    local = {"cast", "mogrify", "setinputsizes", "setoutputsize"}
    found = {name for name, value in vars(extensions.cursor).items() if callable(value) and not name.startswith("_")}
    assert found == sending | after_one_of_those | local


# -- SQLite -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("statement", ["PRAGMA foreign_keys=OFF", "PRAGMA query_only=ON", "CREATE TEMP TABLE kept (x)"])
def test_a_pragma_leaves_nothing_on_sqlite(domain_sqlite: Database, statement: str) -> None:
    asked = ("PRAGMA foreign_keys", "PRAGMA query_only", "SELECT count(*) FROM sqlite_temp_master")

    def found() -> list[object]:
        with domain_sqlite.engine.connect() as connection:
            return [connection.scalar(text(question)) for question in asked]

    before = found()
    with domain_sqlite.engine.connect() as connection:
        connection.execute(text(statement))
        connection.commit()
    assert found() == before
    with domain_sqlite.get_session(organization_id=1) as session:
        TenderRepository(session).add(build(Tender))
