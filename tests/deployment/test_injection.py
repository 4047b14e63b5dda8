"""SQL injected into one organization's session: what it can't reach, and what docs/2 says that it can."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from io import StringIO
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from domain import Database, DomainError, DomainModel, Tender, User
from domain.kit.model.tables import is_tenant_table
from domain.testing import build
from domain.testing.cluster import APPLICATION, OWNER, SYSTEM
from tests.deployment.conftest import name_of

SECRET = "zx7731"
LOOK = "SELECT organization_id, title, description FROM tenders"
ATTACKS: dict[str, list[str]] = {
    "plain reading": [LOOK, f"{LOOK} WHERE organization_id = 2", f"SELECT * FROM ({LOOK} OFFSET 0) t", "TABLE users"],
    "joins": [
        "SELECT t.title FROM organizations o LEFT JOIN tenders t ON true",
        "WITH t AS MATERIALIZED (SELECT * FROM tenders) SELECT * FROM t UNION ALL SELECT * FROM ONLY tenders",
        "SELECT string_agg(title, ',') FROM tenders TABLESAMPLE SYSTEM (100)",
        "SELECT count(*) || 'rows' FROM tenders HAVING count(*) > 1",
    ],
    "roles": [
        *(f"SET ROLE {role}" for role in (SYSTEM, OWNER, "postgres", "pg_read_all_data", "NONE")),
        *(f"SET SESSION AUTHORIZATION {role}" for role in (SYSTEM, OWNER, "postgres", "DEFAULT")),
        f"SELECT set_config('role', '{SYSTEM}', true)",
        f"SELECT set_config('session_authorization', '{OWNER}', false)",
        f"ALTER ROLE {APPLICATION} BYPASSRLS",
        f"GRANT {SYSTEM} TO {APPLICATION}",
        "CREATE ROLE mine SUPERUSER",
        "RESET ROLE",
        LOOK,
    ],
    "settings": [
        "RESET ALL",
        LOOK,
        "DISCARD ALL",
        "SET row_security = off",
        LOOK,
        "SELECT set_config('row_security', 'off', true)",
        LOOK,
        "SELECT set_config('is_superuser', 'on', true)",
        "SET session_replication_role = replica",
        "ALTER SYSTEM SET row_security = off",
        f"ALTER ROLE {APPLICATION} SET app.organization_id = '2'",
        "SELECT set_config('app.organization_id', '', true)",
        LOOK,
        "SELECT set_config('app.organization_id', '1 or true', true)",
        LOOK,
    ],
    "policies": [
        "ALTER TABLE tenders DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE tenders NO FORCE ROW LEVEL SECURITY",
        "DROP POLICY organization_isolation ON tenders",
        "ALTER POLICY organization_isolation ON tenders USING (true)",
        "CREATE POLICY mine ON tenders USING (true)",
        f"ALTER TABLE tenders OWNER TO {APPLICATION}",
        f"REASSIGN OWNED BY {OWNER} TO {APPLICATION}",
        "GRANT ALL ON tenders TO PUBLIC",
        LOOK,
    ],
    "own objects": [
        "CREATE VIEW mine AS SELECT * FROM tenders",
        "CREATE TABLE mine AS SELECT * FROM tenders",
        "CREATE TEMP TABLE tenders (LIKE public.tenders)",
        "CREATE TEMP VIEW mine AS SELECT * FROM tenders",
        "CREATE SCHEMA mine",
        "CREATE FUNCTION mine() RETURNS SETOF tenders LANGUAGE sql SECURITY DEFINER AS 'SELECT * FROM tenders'",
        "CREATE FUNCTION pg_temp.mine(text) RETURNS bool LANGUAGE plpgsql COST 0.0001 AS 'BEGIN RAISE NOTICE $1; END'",
        "CREATE RULE mine AS ON SELECT TO tenders DO INSTEAD SELECT 1",
        "CREATE TRIGGER mine BEFORE UPDATE ON tenders EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "CREATE EXTENSION dblink",
        "CREATE EXTENSION postgres_fdw",
        "CREATE EXTENSION file_fdw",
        "SELECT * FROM dblink('dbname=postgres', 'SELECT 1') AS t(a int)",
    ],
    "functions": [
        "SELECT query_to_xml('SELECT * FROM tenders', true, true, '')",
        "SELECT table_to_xml('tenders', true, true, ''), database_to_xml(true, true, '')",
        "SELECT * FROM ts_stat('SELECT to_tsvector(title) FROM tenders')",
        "DO $$ DECLARE t text; BEGIN SELECT string_agg(title, ' ') INTO t FROM tenders; RAISE EXCEPTION '%', t; END $$",
        "SELECT last_value FROM tenders_id_seq",
        "SELECT lastval(), currval('tenders_id_seq'), nextval('tenders_id_seq')",
    ],
    "files": [
        "COPY tenders TO '/tmp/stolen'",
        "COPY tenders TO PROGRAM 'cat'",
        "COPY tenders (title) FROM PROGRAM 'echo'",
        "SELECT lo_import('/etc/passwd')",
        "SELECT pg_read_file('postgresql.conf'), pg_ls_dir('.'), pg_read_binary_file('PG_VERSION')",
        "SELECT lo_export(1, '/tmp/stolen')",
        "SELECT pg_create_physical_replication_slot('mine')",
    ],
    "statistics": [
        "SELECT * FROM pg_stats WHERE schemaname = 'public'",
        "SELECT * FROM pg_statistic",
        "SELECT * FROM pg_stats_ext",
        "SELECT * FROM pg_stat_activity",
        "SELECT pg_stat_get_backend_activity(n) FROM generate_series(1, 20) n",
        "SELECT * FROM pg_authid",
        "SELECT * FROM pg_largeobject",
        "EXPLAIN (ANALYZE, VERBOSE) SELECT * FROM tenders WHERE title LIKE 'z%'",
    ],
    "errors": [
        "SELECT CAST(title AS int) FROM tenders",
        "SELECT 1 FROM tenders WHERE CAST(title AS int) = 1",
        "SELECT 1 / (length(title) - length(title)) FROM tenders WHERE organization_id = 2",
        "SELECT CAST(description AS json) FROM tenders ORDER BY CAST(title AS date)",
    ],
    "writing": [
        "UPDATE tenders SET title = 'taken' WHERE organization_id = 2",
        "UPDATE tenders SET organization_id = 2",
        "UPDATE tenders SET organization_id = 1 WHERE organization_id = 2 RETURNING *",
        "UPDATE organizations SET name = 'taken' WHERE id = 2 RETURNING *",
        "INSERT INTO tenders (organization_id, status, title, categories) VALUES (2, 'pending', 'planted', '[]')",
        "INSERT INTO tenders (organization_id, id, status, title, categories) VALUES (2, 2, 'pending', 'x', '[]')"
        " ON CONFLICT (organization_id, id) DO UPDATE SET title = excluded.title RETURNING tenders.*",
        "MERGE INTO tenders t USING (VALUES (2)) v (o) ON t.organization_id = v.o WHEN MATCHED THEN UPDATE"
        " SET title = 'taken'",
        "DELETE FROM tenders",
        "TRUNCATE tenders CASCADE",
        "DROP TABLE tenders CASCADE",
        "LOCK TABLE tenders IN ACCESS EXCLUSIVE MODE; DELETE FROM users",
        "SELECT * FROM tenders WHERE organization_id = 2 FOR UPDATE",
        "INSERT INTO system_access (actor, reason) VALUES ('me', 'mine')",
        "SELECT * FROM system_access",
    ],
    "cursors": [
        "DECLARE kept CURSOR WITH HOLD FOR SELECT * FROM tenders",
        "FETCH ALL FROM kept",
        "PREPARE p AS TABLE users",
    ],
}


@pytest.fixture(scope="module")
def database(shared: Database, superuser: Callable[[str], AbstractContextManager[Engine]]) -> Database:
    """The recommended deployment: organization 2 has what organization 1 is after, and statistics know it."""
    for organization_id, word in ((1, "own"), (2, SECRET)):
        with shared.get_session(organization_id=organization_id) as session:
            for number in range(3):
                session.add(build(Tender, organization_id=organization_id, external_id=f"{word}-{number}", title=word))
            user = build(User, organization_id=organization_id, email=f"{word}@example.org", full_name=word)
            user.hashed_password = word
            session.add(user)
    with superuser(name_of(shared)) as engine, engine.begin() as connection:
        connection.execute(text("UPDATE tenders SET description = title WHERE organization_id = 2"))
        connection.execute(text("ANALYZE"))
        assert connection.scalar(text(f"SELECT count(*) FROM pg_stats WHERE most_common_vals::text ~ '{SECRET}'"))
        connection.execute(text(f"INSERT INTO system_access (actor, reason) VALUES ('{SECRET}', '{SECRET}')"))
    return shared


@pytest.fixture
def fingerprint(database: Database, superuser: Callable[[str], AbstractContextManager[Engine]]) -> Iterator[None]:
    """Whatever the test does, organization 2 and the catalog stay as they were."""
    tables = [table.name for table in DomainModel.metadata.sorted_tables if is_tenant_table(table)]
    rows = " UNION ALL ".join(f"SELECT md5(t::text) FROM {name} t WHERE organization_id = 2" for name in tables)
    catalog = (
        "SELECT relname || relrowsecurity || relforcerowsecurity || coalesce(relacl::text, '') FROM pg_class"
        " WHERE relnamespace = 'public'::regnamespace UNION ALL SELECT p::text FROM pg_policies p"
    )

    def read() -> set[str]:
        with superuser(name_of(database)) as engine, engine.connect() as connection:
            return {str(value) for query in (rows, catalog) for value in connection.scalars(text(query))}

    before = read()
    assert before
    yield
    assert read() == before


def run(connection: Any, statement: str) -> str:
    """What injected SQL gets to see: rows, or the error with its whole chain."""
    try:
        result = connection.exec_driver_sql(statement.replace("%", "%%"))
        return repr(result.fetchall()) if result.returns_rows else ""
    except (SQLAlchemyError, DomainError) as error:
        seen: list[str] = []
        chain: BaseException | None = error
        while chain is not None:
            seen += [repr(chain), str(chain), str(getattr(chain, "pgerror", ""))]
            chain = chain.__cause__
        return "\n".join(seen)


@pytest.mark.parametrize("attack", ATTACKS)
def test_injected_sql_sees_and_changes_nothing_of_another_organization(
    attack: str, database: Database, fingerprint: None
) -> None:
    with database.get_session(organization_id=1, unguarded_sql=True) as session:
        for statement in ATTACKS[attack]:  # each in a transaction of its own, bound again
            assert SECRET not in run(session.connection(), statement), statement
            session.rollback()
        for statement in ATTACKS[attack]:  # and all in one
            with session.begin_nested() as savepoint:
                assert SECRET not in run(session.connection(), statement), statement
                savepoint.rollback()
        session.rollback()


@pytest.mark.parametrize("attack", ATTACKS)
def test_sql_on_a_connection_of_no_organization_sees_nothing_at_all(
    attack: str, database: Database, fingerprint: None
) -> None:
    with database.engine.connect() as connection:
        for statement in ATTACKS[attack]:
            seen = run(connection, statement)
            assert SECRET not in seen, statement
            assert "'own'" not in seen, statement
            connection.rollback()


def test_the_systems_login_would_see_it(database: Database) -> None:
    assert database.system_engine is not None
    with database.system_engine.connect() as connection:
        assert SECRET in run(connection, LOOK)


def test_copy_to_the_client_sends_own_rows_only(database: Database) -> None:
    with database.get_session(organization_id=1, unguarded_sql=True) as session:
        session.connection().exec_driver_sql("SELECT 1")
        driver: Any = session.connection().connection.driver_connection
        out = StringIO()
        with driver.cursor() as cursor:
            cursor.copy_expert("COPY (SELECT title FROM tenders) TO STDOUT", out)
            cursor.copy_expert("COPY tenders TO STDOUT", out)
    assert "own" in out.getvalue()
    assert SECRET not in out.getvalue()


def test_what_injected_sql_sets_for_the_connection_gives_the_next_session_nothing_of_another(
    database: Database,
) -> None:
    with database.get_session(organization_id=1, unguarded_sql=True) as session:
        pid = run(session.connection(), "SELECT pg_backend_pid()")
        run(session.connection(), "SELECT set_config('app.organization_id', '2', false)")
    with database.get_session(organization_id=1, unguarded_sql=True) as session:
        assert run(session.connection(), "SELECT pg_backend_pid()") == pid
        assert SECRET not in run(session.connection(), LOOK)
        run(session.connection(), "RESET ALL")


# What docs/2-sessions-and-tenancy.md says that injected SQL can do.


def test_set_config_of_another_id_reaches_that_organization(database: Database) -> None:
    with database.get_session(organization_id=1, unguarded_sql=True) as session:
        run(session.connection(), "SELECT set_config('app.organization_id', '2', true)")
        assert SECRET in run(session.connection(), LOOK)
        session.rollback()


def test_set_config_of_an_email_reaches_that_user(database: Database) -> None:
    with database.get_session(organization_id=1, unguarded_sql=True) as session:
        run(session.connection(), f"SELECT set_config('app.login_email', '{SECRET}@example.org', true)")
        assert SECRET in run(session.connection(), "SELECT hashed_password FROM users")
        session.rollback()


def test_the_planners_estimates_know_values_of_every_organization(
    database: Database, superuser: Callable[[str], AbstractContextManager[Engine]]
) -> None:
    where = f"organization_id = 2 AND title = '{SECRET}'"
    more = "INSERT INTO tenders (organization_id, status, title, categories, description)"
    with superuser(name_of(database)) as engine, engine.connect() as connection:
        connection.execute(text(f"{more} SELECT 2, 'pending', '{SECRET}', '[]', '' FROM generate_series(1, 5000)"))
        connection.execute(text("ANALYZE tenders"))
        connection.execute(text(f"SET LOCAL ROLE {APPLICATION}"))
        connection.execute(text("SET LOCAL app.organization_id = '1'"))
        estimates: list[Any] = [
            connection.scalar(text(f"EXPLAIN (FORMAT JSON) SELECT FROM tenders WHERE title = '{value}'"))
            for value in (SECRET, "nothing like it")
        ]
        assert connection.scalar(text(f"SELECT count(*) FROM tenders WHERE {where}")) == 0
    known, unknown = (estimate[0]["Plan"]["Plan Rows"] for estimate in estimates)
    assert known > unknown


def test_that_a_slug_is_taken_is_disclosed_and_whose_it_is_is_not(database: Database) -> None:
    with database.get_session(organization_id=1, unguarded_sql=True) as session:
        taken = run(session.connection(), "UPDATE organizations SET slug = 'second' WHERE id = 1")
        session.rollback()
    assert "ux_organizations_slug" in taken
    assert "The second organization" not in taken
