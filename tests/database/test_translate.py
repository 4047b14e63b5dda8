"""Database errors come out as ours: class, facts as attributes, the cause kept, no value in the message."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from domain import (
    ArgumentError,
    ConfigurationError,
    ConstraintError,
    Database,
    DomainError,
    DuplicateError,
    OutcomeUnknownError,
    UnavailableError,
)

VALUE = "confidential"
INSERT = "INSERT INTO tenders (organization_id, title, status, categories, "


@pytest.fixture
def connection(schema: Engine) -> Iterator[Connection]:
    with schema.connect() as connection:
        yield connection
        connection.rollback()


def is_sqlite(connection: Connection) -> bool:
    return connection.dialect.name == "sqlite"


def refused(connection: Connection, statement: str, **parameters: object) -> DomainError:
    """The error of a statement, after a look at what every one of them must be."""
    with pytest.raises(DomainError) as caught:
        connection.execute(text(statement), parameters)
    error = caught.value
    assert type(error.__cause__).__module__ == ("sqlite3" if is_sqlite(connection) else "psycopg2.errors")
    assert VALUE not in f"{error} {error!r} {vars(error)} {error.__cause__} {error.__cause__!r}"
    connection.rollback()
    return error


def test_a_unique_value_of_a_live_row(connection: Connection) -> None:
    twice = f"{INSERT} external_id) VALUES (1, 'x', 'pending', '[]', :key), (1, 'x', 'pending', '[]', :key)"
    error = refused(connection, twice, key=VALUE)
    assert isinstance(error, DuplicateError)
    assert (error.entity, error.fields) == ("Tender", ("external_id",))
    assert error.constraint == "ux_tenders_organization_id_external_id"


def test_an_id_that_is_taken(connection: Connection) -> None:
    error = refused(connection, f"{INSERT} id) VALUES (1, 'x', 'pending', '[]', 7), (1, 'x', 'pending', '[]', 7)")
    assert isinstance(error, DuplicateError)
    assert error.entity == "Tender"
    assert error.fields == (("id",) if is_sqlite(connection) else ("organization_id", "id"))


@pytest.fixture
def others_table(schema: Engine) -> Iterator[str]:
    """A table that no model stands for."""
    with schema.begin() as connection:
        columns = "code TEXT CONSTRAINT uq_code UNIQUE, n INTEGER CONSTRAINT n_counts CHECK (n > 0)"
        connection.execute(text(f"CREATE TABLE theirs ({columns})"))
        connection.execute(text("CREATE UNIQUE INDEX ux_lower ON theirs (lower(code))"))
    yield "theirs"
    with schema.begin() as connection:
        connection.execute(text("DROP TABLE theirs"))


def test_a_unique_value_in_a_table_that_is_not_ours(connection: Connection, others_table: str) -> None:
    error = refused(connection, f"INSERT INTO {others_table} (code) VALUES (:code), (:code)", code=VALUE)
    assert isinstance(error, DuplicateError)
    # SQLite names the columns of a constraint, but the name of an index over an expression, which it checks first.
    expected = ("a table", "ux_lower") if is_sqlite(connection) else ("a table", "uq_code")
    assert (error.entity, error.constraint) == expected


def test_unique_columns_of_a_table_without_a_model_are_named(connection: Connection) -> None:
    connection.execute(text('CREATE TEMPORARY TABLE "their prices" (shop TEXT, code TEXT, n INTEGER PRIMARY KEY)'))
    connection.execute(text('CREATE UNIQUE INDEX ux_shop_code ON "their prices" (shop, code)'))
    twice = 'INSERT INTO "their prices" (shop, code, n) VALUES (:key, :key, 1), (:key, :key, 2)'
    error = refused(connection, twice, key=VALUE)
    assert isinstance(error, DuplicateError)
    if is_sqlite(connection):
        assert (error.entity, error.fields) == ("their prices", ("code", "shop"))
        assert str(error) == "their prices: another live row has the same code, shop"
    else:  # which tells the name of the index
        assert (error.entity, error.constraint) == ("a table", "ux_shop_code")


def test_a_unique_expression_that_is_not_ours(connection: Connection, others_table: str) -> None:
    values = {"one": VALUE, "two": VALUE.upper()}
    error = refused(connection, f"INSERT INTO {others_table} (code) VALUES (:one), (:two)", **values)
    assert isinstance(error, DuplicateError)
    assert error.constraint == "ux_lower"


def test_a_rule(connection: Connection) -> None:
    error = refused(connection, f"{INSERT} currency) VALUES (1, :title, 'pending', '[]', 'EUR')", title=VALUE)
    assert isinstance(error, ConstraintError)
    assert error.constraint == "ck_tenders_currency_needs_value"
    assert str(error) == "a value breaks the rule ck_tenders_currency_needs_value"
    assert (error.entity, error.fields) == ("Tender", ("currency", "estimated_value"))
    limit = refused(connection, f"{INSERT} processing_time) VALUES (1, :title, 'pending', '[]', -1)", title=VALUE)
    assert isinstance(limit, ConstraintError)
    assert (limit.entity, limit.fields) == ("Tender", ("processing_time",))


def test_a_rule_of_a_table_that_is_not_ours(connection: Connection, others_table: str) -> None:
    error = refused(connection, f"INSERT INTO {others_table} (code, n) VALUES (:code, -1)", code=VALUE)
    assert isinstance(error, ConstraintError)
    assert (error.constraint, error.entity, error.fields) == ("n_counts", None, ())


def test_a_reference(connection: Connection) -> None:
    error = refused(connection, f"{INSERT} source) VALUES (99, :title, 'pending', '[]', NULL)", title=VALUE)
    assert isinstance(error, ConstraintError)
    assert "a reference points at no" in str(error)
    if is_sqlite(connection):  # which tells nothing more
        assert (error.constraint, error.entity, error.fields) == (None, None, ())
    else:
        assert error.constraint == "fk_tenders_organization_id_organizations"
        assert (error.entity, error.fields) == ("Tender", ("organization_id",))


def test_a_missing_value(connection: Connection) -> None:
    error = refused(connection, f"{INSERT} source) VALUES (1, NULL, 'pending', '[]', :source)", source=VALUE)
    assert isinstance(error, ConstraintError)
    assert str(error) == "title must not be empty"
    assert (error.entity, error.fields) == ("Tender", ("title",))


def test_a_value_that_is_too_long(connection: Connection) -> None:
    error = refused(connection, f"{INSERT} source) VALUES (1, :title, 'pending', '[]', NULL)", title=VALUE * 100)
    assert isinstance(error, ConstraintError)


def test_a_number_that_is_out_of_range(connection: Connection) -> None:
    if not is_sqlite(connection):  # whose integers have 64 bits everywhere
        assert "22003" in str(refused(connection, f"{INSERT} version) VALUES (1, 'x', 'pending', '[]', {2**40})"))


@pytest.mark.parametrize("value", [f"{VALUE}\x00", f"{VALUE}\ud800", 2**63, -(2**63) - 1])
@pytest.mark.parametrize("many", [False, True])
def test_what_no_column_can_hold_is_not_sent(connection: Connection, value: str | int, many: bool) -> None:
    insert = text(f"{INSERT} source) VALUES (1, 'x', 'pending', '[]', :value)")
    with pytest.raises(ArgumentError, match=r"a text must not contain|an integer must fit into 64 bits") as caught:
        connection.execute(insert, [{"value": "one"}, {"value": value}] if many else {"value": value})
    assert VALUE not in str(caught.value)
    connection.rollback()
    assert connection.scalar(text("SELECT count(*) FROM tenders")) == 0


@pytest.mark.parametrize("statement", ["SELECT * FROM no_such_table", "SELECT no_such_column FROM tenders"])
def test_what_the_schema_lacks(connection: Connection, statement: str) -> None:
    with pytest.raises(ConfigurationError, match=r"missing or behind .*no_such_.* run `domain db upgrade`") as caught:
        connection.execute(text(statement))
    assert "LINE" not in str(caught.value)
    assert caught.value.__cause__ is not None


def test_a_schema_that_is_missing(domain_postgresql: Database) -> None:
    with domain_postgresql.engine.connect() as connection, pytest.raises(ConfigurationError, match="run `domain db up"):
        connection.execute(text("SELECT * FROM nowhere.tenders"))


def test_a_programmers_mistake_is_not_dressed_up(connection: Connection) -> None:
    with pytest.raises(DBAPIError) as caught:
        connection.execute(text("SELEKT 1"))
    assert not isinstance(caught.value, DomainError)
    connection.rollback()
    with pytest.raises(DBAPIError, match=r"can't adapt|not supported"):
        connection.execute(text("SELECT :thing"), {"thing": object()})


def test_a_commit_that_is_refused(schema: Engine, connection: Connection) -> None:
    if is_sqlite(connection):
        connection.execute(text("BEGIN IMMEDIATE"))
        connection.execute(text("PRAGMA defer_foreign_keys=ON"))
    else:
        key = "fk_tenders_organization_id_organizations"
        connection.execute(text(f"ALTER TABLE tenders ALTER CONSTRAINT {key} DEFERRABLE INITIALLY DEFERRED"))
    connection.execute(text(f"{INSERT} source) VALUES (99, :v, 'pending', '[]', NULL)"), {"v": VALUE})
    with pytest.raises(ConstraintError, match="a reference points at no") as caught:
        connection.commit()
    assert caught.value.__cause__ is not None
    connection.close()
    with schema.connect() as after:
        assert after.scalar(text("SELECT count(*) FROM tenders WHERE organization_id = 99")) == 0


class TestPostgreSQLAlone:
    """What SQLite has no like of."""

    @pytest.fixture
    def two(self, domain_postgresql: Database) -> Iterator[tuple[Connection, Connection]]:
        """Two connections of the tables' owner, and two organizations to quarrel over."""
        engine = domain_postgresql.migration_engine
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE quarrel (id INT PRIMARY KEY, n INT DEFAULT 0, word TEXT)"))
            connection.execute(text("INSERT INTO quarrel (id) VALUES (1), (2)"))
        with engine.connect() as one, engine.connect() as two:
            yield one, two

    def test_a_lock_that_is_not_had_in_time(self, two: tuple[Connection, Connection]) -> None:
        one, other = two
        one.execute(text("UPDATE quarrel SET n = 1 WHERE id = 1"))
        other.execute(text("SET LOCAL lock_timeout = '20ms'"))
        error = refused(other, "UPDATE quarrel SET n = 2, word = :word WHERE id = 1", word=VALUE)
        assert isinstance(error, UnavailableError)
        assert error.retryable
        assert "55P03" in str(error)

    def test_a_deadlock(self, two: tuple[Connection, Connection]) -> None:
        errors = deadlock(*two)
        (error,) = errors
        assert isinstance(error, UnavailableError)
        assert error.retryable
        assert "40P01" in str(error)

    def test_a_conflict_of_serializable_transactions(self, two: tuple[Connection, Connection]) -> None:
        one, other = two
        for connection in two:
            connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
            connection.execute(text("SELECT * FROM quarrel"))
        one.execute(text("UPDATE quarrel SET n = 1 WHERE id = 1"))
        one.commit()
        error = refused(other, "UPDATE quarrel SET n = 2 WHERE id = 1")
        assert isinstance(error, UnavailableError)
        assert error.retryable

    def test_a_statement_that_takes_too_long(self, two: tuple[Connection, Connection]) -> None:
        two[0].execute(text("SET LOCAL statement_timeout = '10ms'"))
        error = refused(two[0], "SELECT pg_sleep(5)")
        assert isinstance(error, UnavailableError)
        assert not error.retryable

    def test_writing_to_a_standby(self, two: tuple[Connection, Connection]) -> None:
        two[0].execute(text("SET TRANSACTION READ ONLY"))
        error = refused(two[0], "UPDATE quarrel SET n = 1")
        assert isinstance(error, UnavailableError)
        assert "the database is read-only" in str(error)
        assert not error.retryable

    def test_a_right_that_is_missing_is_told_from_a_row_of_another(self, domain_postgresql: Database) -> None:
        """One SQLSTATE, and messages in the server's language: neither tells them apart."""
        with domain_postgresql.engine.connect() as connection:
            for statement in ("TRUNCATE tenders", "SELECT * FROM system_access", "CREATE TABLE public.mine (id int)"):
                lacking = refused(connection, statement)
                assert isinstance(lacking, ConfigurationError)
                assert "permission denied" in str(lacking)
                assert "run `domain db roles`" in str(lacking)
            foreign = refused(connection, f"{INSERT} source) VALUES (2, 'x', 'pending', '[]', NULL)")
            assert isinstance(foreign, ConstraintError)
            assert "row level security" in str(foreign)

    def test_a_value_of_another_type(self, two: tuple[Connection, Connection]) -> None:
        error = refused(two[0], "UPDATE quarrel SET n = CAST(:word AS INT)", word=VALUE)
        assert isinstance(error, ConstraintError)
        assert "22P02" in str(error)

    def test_a_connection_that_is_lost_midway(self, domain_postgresql: Database) -> None:
        def work() -> None:
            with domain_postgresql.get_session(unguarded_sql=True) as session:
                pid = session.connection().exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
                terminate(domain_postgresql, pid)
                session.connection().exec_driver_sql("SELECT 1")

        with pytest.raises(UnavailableError, match="lost") as caught:
            work()
        assert caught.value.retryable
        assert caught.value.__cause__ is not None
        assert domain_postgresql.health_check()

    def test_a_connection_that_is_lost_at_the_commit(self, domain_postgresql: Database) -> None:
        def work() -> None:
            with domain_postgresql.get_session(unguarded_sql=True) as session:
                pid = session.connection().exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
                terminate(domain_postgresql, pid)

        with pytest.raises(OutcomeUnknownError) as caught:
            work()
        assert caught.value.__cause__ is not None

    def test_an_idle_connection_that_is_lost_is_replaced_unnoticed(self, domain_postgresql: Database) -> None:
        with domain_postgresql.engine.connect() as connection:
            pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        terminate(domain_postgresql, pid)
        assert domain_postgresql.health_check()


def terminate(database: Database, pid: Any) -> None:
    """End a connection of the application's login, as that login."""
    with Database(database.engine.url.render_as_string(hide_password=False)) as other, other.engine.connect() as killer:
        killer.exec_driver_sql("SELECT pg_terminate_backend(%s, 5000)", (pid,))


def deadlock(one: Connection, two: Connection) -> list[DomainError]:
    """Let each wait for what the other holds; what PostgreSQL tells the one that it picks."""

    def update(connection: Connection, row: int) -> DomainError | None:
        try:
            connection.exec_driver_sql("UPDATE quarrel SET n = n + 1 WHERE id = %s", (row,))
        except DomainError as error:
            connection.rollback()
            return error
        return None

    assert update(one, 1) is None
    assert update(two, 2) is None
    with ThreadPoolExecutor(2) as threads:
        waiting = [threads.submit(update, one, 2), threads.submit(update, two, 1)]
        ended = [future.result() for future in waiting]
    return [error for error in ended if error is not None]
