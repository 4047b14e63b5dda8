"""``examine``: what is wrong is found, and what is right is not."""

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from sqlalchemy import Engine, make_url, text

from domain import Database
from domain.deployment import Finding, Severity, examine
from domain.deployment.check_system import check_system
from domain.deployment.doctor import examine_application
from domain.migrations import upgrade
from domain.testing import Cluster
from domain.testing.cluster import APPLICATION, OWNER, PASSWORD, SYSTEM
from domain.testing.fixtures import prepare
from tests.deployment.conftest import name_of
from tests.isolation.pgbouncer import find_pgbouncer, pgbouncer

Administer = Callable[..., None]
Provoked = Callable[..., list[Finding]]
TENDERS = "organization_id = nullif(current_setting('app.organization_id', true), '')::bigint"
INVALID = "UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{}'::regclass"

ERRORS = {
    "no row level security": (
        ["ALTER TABLE tenders DISABLE ROW LEVEL SECURITY"],
        "row level security of tenders is not its model's: it does not take effect",
    ),
    "no FORCE": (
        ["ALTER TABLE tenders NO FORCE ROW LEVEL SECURITY"],
        "row level security of tenders is not its model's: it does not take effect",
    ),
    "no policy": (
        ["DROP POLICY organization_isolation ON tenders"],
        "row level security of tenders is not its model's: it is missing",
    ),
    "no lookup": (
        ["DROP POLICY find_by_slug ON organizations"],
        "organizations is not its model's: find_by_slug is missing",
    ),
    "open policy": (
        ["ALTER POLICY organization_isolation ON tenders USING (true)"],
        "of tenders is not its model's: organization_isolation was altered",
    ),
    "open for writing": (
        ["ALTER POLICY organization_isolation ON tenders WITH CHECK (true)"],
        "of tenders is not its model's: organization_isolation was altered",
    ),
    "another setting": (
        ["ALTER POLICY organization_isolation ON users USING (organization_id = current_setting('a.b')::bigint)"],
        "of users is not its model's: organization_isolation was altered",
    ),
    "restrictive": (
        [
            "DROP POLICY organization_isolation ON tenders",
            f"CREATE POLICY organization_isolation ON tenders AS RESTRICTIVE USING ({TENDERS})",
        ],
        "of tenders is not its model's: organization_isolation was altered",
    ),
    "policy for some": (
        [f"ALTER POLICY organization_isolation ON tenders TO {SYSTEM}"],
        "row level security of tenders is not its model's: it is missing",
    ),
    "one more policy": (["CREATE POLICY support ON tenders USING (title = 'x')"], "support is none of its model's"),
    "policy for the application": (
        [f"CREATE POLICY handy ON tenders TO {APPLICATION} USING (true)"],
        "policy handy opens tenders",
    ),
    "unknown table": (
        ["CREATE TABLE loose (organization_id bigint, id bigint)"],
        "row level security of loose is not an organization's: it is missing",
    ),
    "view": (
        ["CREATE VIEW all_tenders AS SELECT * FROM tenders", f"GRANT SELECT ON all_tenders TO {APPLICATION}"],
        "the view public.all_tenders reads tenant tables",
    ),
    "view of a column": (
        ["CREATE VIEW titles AS SELECT title FROM tenders", f"GRANT SELECT (title) ON titles TO {APPLICATION}"],
        "the view public.titles reads tenant tables",
    ),
    "view of a view": (
        [
            "CREATE VIEW inner_one WITH (security_invoker = on) AS SELECT * FROM tenders",
            "CREATE SCHEMA reports",
            "CREATE VIEW reports.outer_one AS SELECT * FROM inner_one",
            "GRANT SELECT ON reports.outer_one TO PUBLIC",
        ],
        "the view reports.outer_one reads tenant tables",
    ),
    "materialized view": (
        ["CREATE MATERIALIZED VIEW totals AS SELECT * FROM tenders", "GRANT SELECT ON totals TO PUBLIC"],
        "the materialized view public.totals reads",
    ),
    "truncate": ([f"GRANT TRUNCATE ON tenders TO {APPLICATION}"], "may TRUNCATE tenders"),
    "truncate for all": (["GRANT TRUNCATE ON system_access TO PUBLIC"], "may TRUNCATE system_access"),
    "triggers": (["GRANT TRIGGER ON tenders TO PUBLIC"], "may put triggers on tenders"),
    "no rights": ([f"REVOKE UPDATE ON tenders FROM {APPLICATION}"], "may not read or write tenders"),
    "the record": ([f"GRANT SELECT (actor) ON system_access TO {APPLICATION}"], "the records of system sessions"),
    "partition": (
        [
            "CREATE TABLE parts (organization_id bigint) PARTITION BY LIST (organization_id)",
            "CREATE TABLE part_1 PARTITION OF parts DEFAULT",
            "ALTER TABLE parts ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
            f"CREATE POLICY organization_isolation ON parts USING ({TENDERS})",
            f"GRANT SELECT ON part_1 TO {APPLICATION}",
        ],
        "reaches the partitions part_1",
    ),
    "system without a policy": (["DROP POLICY system_access ON users"], "has no policy on users"),
    "system's policy open at any time": (
        ["ALTER POLICY system_access ON users USING (true)"],
        "a policy shows domain_test_system all of users in as_organization, too",
    ),
    "record open to all": (
        ["DROP POLICY of_the_system ON system_access", "CREATE POLICY of_the_system ON system_access USING (true)"],
        "the row level security of system_access is not its model's: of_the_system was altered",
    ),
    "system without rights": ([f"REVOKE DELETE ON users FROM {SYSTEM}"], "lacks rights on users"),
    "system without a record": ([f"REVOKE INSERT ON system_access FROM {SYSTEM}"], "can't record its use"),
    "no trigger": (
        ["DROP TRIGGER audit_update ON tenders"],
        "the audit trail of tenders is not its model's: it does not take effect",
    ),
    "no audit": (
        ["DROP FUNCTION audit_users() CASCADE"],
        "the audit trail of users is not its model's: it is missing",
    ),
    "disabled trigger": (
        ["ALTER TABLE tenders DISABLE TRIGGER audit_insert"],
        "the audit trail of tenders is not its model's",
    ),
    "audit by another function": (
        [
            "CREATE OR REPLACE FUNCTION audit_tenders() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER"
            " AS 'BEGIN RETURN NULL; END'"
        ],
        "the audit trail of tenders is not its model's",
    ),
    "audit function of another owner": (
        [f"ALTER FUNCTION audit_tenders() OWNER TO {SYSTEM}"],
        "the audit trail of tenders is not its model's",
    ),
    "an invalid unique index": ([INVALID.format("ux_users_email")], "the index ux_users_email of users is invalid"),
    "missing table": (["DROP TABLE tender_notices"], "the table tender_notices is missing"),
}
WARNINGS = {
    "an invalid index": (
        ["CREATE INDEX ix_odd ON tenders (title)", INVALID.format("ix_odd")],
        "the index ix_odd of tenders is invalid: making it failed",
    ),
    "view for nobody": (["CREATE VIEW v AS SELECT * FROM tenders"], "the view public.v reads tenant tables"),
    "function": (
        ["CREATE FUNCTION peek() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM tenders'"],
        "the function peek() runs with the rights of",
    ),
    "delete": ([f"GRANT DELETE ON tenders TO {APPLICATION}"], "may remove rows of tenders"),
    "create": ([f"GRANT CREATE ON SCHEMA public TO {APPLICATION}"], "may create tables and functions"),
    "activity": (["GRANT EXECUTE ON FUNCTION pg_stat_get_activity(integer) TO PUBLIC"], "pg_stat_activity"),
}


def url_of(database: Database, login: str | None = None) -> str:
    url = database.engine.url
    return (url.set(username=login) if login else url).render_as_string(hide_password=False)


def examined(application: str, system: str, owner: str) -> list[Finding]:
    with Database(
        application, system_database_url=system, migration_database_url=owner, pool_size=1, max_overflow=1
    ) as database:
        return examine(database)


def findings(database: Database, severity: Severity) -> list[Finding]:
    return [finding for finding in examine(database) if finding.severity is severity]


def test_the_recommended_deployment_has_no_finding(deployed: Database) -> None:
    assert examine(deployed) == []


@pytest.fixture
def provoked(
    shared: Database, superuser: Callable[..., AbstractContextManager[Engine]]
) -> Callable[..., list[Finding]]:
    """What is found after some statements, through both logins; all of it is undone."""

    def provoke(*statements: str) -> list[Finding]:
        with superuser(name_of(shared)) as engine, engine.connect() as connection:
            for statement in statements:
                connection.execute(text(statement))
            connection.execute(text(f"SET LOCAL ROLE {APPLICATION}"))
            found = list(examine_application(connection))
            connection.execute(text(f"SET LOCAL ROLE {SYSTEM}"))
            return [*found, *check_system(connection, application=APPLICATION)]

    return provoke


@pytest.mark.parametrize("case", ERRORS)
def test_an_error_is_found_and_has_a_remedy(case: str, provoked: Provoked) -> None:
    statements, said = ERRORS[case]
    found = [finding for finding in provoked(*statements) if finding.severity is Severity.ERROR]
    assert any(said in finding.what for finding in found), found
    assert all(finding.remedy for finding in found)


@pytest.mark.parametrize("case", WARNINGS)
def test_a_warning_is_found_and_is_no_error(case: str, provoked: Provoked) -> None:
    statements, said = WARNINGS[case]
    (found,) = provoked(*statements)
    assert (found.severity, said in found.what) == (Severity.WARNING, True), found


@pytest.mark.parametrize(
    "case",
    [
        "no policy",
        "open policy",
        "open for writing",
        "no FORCE",
        "one more policy",
        "no trigger",
        "no audit",
        "disabled trigger",
        "audit by another function",
        "audit function of another owner",
    ],
)
def test_the_remedy_for_what_stands_beside_a_table_is_sql_that_helps(case: str, provoked: Provoked) -> None:
    statements, _ = ERRORS[case]
    found = provoked(*statements)
    assert found
    assert provoked(*statements, f"SET LOCAL ROLE {OWNER}", *(finding.remedy for finding in found)) == []


def test_what_is_safe_is_no_finding(provoked: Provoked) -> None:
    found = provoked(
        "CREATE VIEW safe WITH (security_invoker = yes) AS SELECT * FROM tenders",
        "CREATE VIEW other AS SELECT * FROM domain_version",
        "CREATE FUNCTION harmless() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE FUNCTION fired() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS 'BEGIN RETURN NEW; END'",
        f"GRANT SELECT ON safe, other TO {APPLICATION}",
        "CREATE TABLE prices (id bigint)",
        "GRANT SELECT, DELETE ON prices TO PUBLIC",
    )
    assert found == []


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (f"ALTER ROLE {APPLICATION} SUPERUSER", "is a superuser"),
        (f"ALTER ROLE {APPLICATION} BYPASSRLS", "has BYPASSRLS"),
        (f"ALTER ROLE {APPLICATION} CREATEROLE", "may create roles"),
        (f"ALTER ROLE {APPLICATION} REPLICATION", "has REPLICATION"),
        (f"GRANT {SYSTEM} TO {APPLICATION} WITH INHERIT FALSE", f"is a member of {SYSTEM}"),
        (f"GRANT {OWNER} TO {APPLICATION}", f"is a member of {OWNER}"),
    ],
)
def test_a_login_that_is_more_than_it_should_be_is_an_error(statement: str, said: str, provoked: Provoked) -> None:
    found = provoked(statement)
    assert any(said in finding.what for finding in found if finding.severity is Severity.ERROR), found


def test_a_default_for_the_setting_is_an_error(deployed: Database, administer: Administer) -> None:
    administer(f"ALTER DATABASE {name_of(deployed)} SET app.organization_id = '2'")
    (found, *_) = findings(deployed, Severity.ERROR)
    assert "app.organization_id has a value before" in found.what


def test_a_mightier_system_login_than_needed_is_a_warning(provoked: Provoked) -> None:
    (found,) = provoked(f"ALTER ROLE {SYSTEM} BYPASSRLS")
    assert "superuser or has BYPASSRLS" in found.what
    assert found.severity is Severity.WARNING


def test_pools_that_take_too_many_connections_are_a_warning(deployed: Database, administer: Administer) -> None:
    url = deployed.engine.url.render_as_string(hide_password=False)
    with Database(url, pool_size=500, max_overflow=20) as greedy:
        assert any("may open 520 connections" in finding.what for finding in findings(greedy, Severity.WARNING))
    administer(f"ALTER DATABASE {name_of(deployed)} CONNECTION LIMIT 10")
    assert any("the database should give" in finding.what for finding in findings(deployed, Severity.WARNING))


def test_the_systems_pool_counts_as_well(deployed: Database) -> None:
    with Database(url_of(deployed), pool_size=40, max_overflow=20) as alone:
        assert not [finding for finding in examine(alone) if "connections" in finding.what]
    with Database(url_of(deployed), system_database_url=url_of(deployed, SYSTEM), pool_size=60, max_overflow=0) as both:
        assert any("may open 120 connections" in finding.what for finding in findings(both, Severity.WARNING))


@pytest.mark.parametrize("setting", ["SYSTEM_DATABASE_URL", "MIGRATION_DATABASE_URL"])
def test_two_databases_used_as_one_are_an_error(setting: str, deployed: Database, domain_cluster: Cluster) -> None:
    name = domain_cluster.clone(prepare)
    try:
        urls = {"SYSTEM_DATABASE_URL": url_of(deployed, SYSTEM), "MIGRATION_DATABASE_URL": url_of(deployed, OWNER)}
        urls[setting] = make_url(urls[setting]).set(database=name).render_as_string(hide_password=False)
        (found,) = examined(url_of(deployed), *urls.values())
        assert f"two databases are used as one: {setting} names postgresql://" in found.what
        assert name in found.what
        assert PASSWORD not in found.what + found.remedy
    finally:
        domain_cluster.drop(name)


def test_a_copy_of_the_file_is_another_database(domain_sqlite: Database, tmp_path: Path) -> None:
    copy = shutil.copy(str(domain_sqlite.engine.url.database), tmp_path)
    with Database(url_of(domain_sqlite), migration_database_url=f"sqlite:///{copy}") as database:
        assert ["MIGRATION_DATABASE_URL" in finding.what for finding in findings(database, Severity.ERROR)] == [True]


def test_one_database_by_two_names_is_one(domain_sqlite: Database, deployed: Database) -> None:
    file = Path(str(domain_sqlite.engine.url.database))
    roundabout = f"sqlite:///{file.parent}/../{file.parent.name}/{file.name}"
    with Database(url_of(domain_sqlite), migration_database_url=roundabout) as one:
        assert findings(one, Severity.ERROR) == []
    urls = (make_url(url_of(deployed, login)).set(host="localhost") for login in (SYSTEM, OWNER))
    assert examined(url_of(deployed), *(url.render_as_string(hide_password=False) for url in urls)) == []


def test_one_database_through_pgbouncer_is_one(deployed: Database, domain_cluster: Cluster) -> None:
    program = find_pgbouncer()
    if program is None:
        pytest.skip("NO PGBOUNCER HERE: a comparison through it is NOT tested; Debian: apt-get install pgbouncer")
    other = domain_cluster.clone(prepare)
    try:
        with pgbouncer(program, deployed.engine.url) as url:
            application = url.render_as_string(hide_password=False)
            assert examined(application, url_of(deployed, SYSTEM), url_of(deployed, OWNER)) == []
            elsewhere = make_url(url_of(deployed, SYSTEM)).set(database=other).render_as_string(hide_password=False)
            (found,) = examined(application, elsewhere, url_of(deployed, OWNER))
            assert "two databases are used as one" in found.what
    finally:
        domain_cluster.drop(other)


def test_sqlite_beside_a_server_is_another_database(domain_sqlite: Database, deployed: Database) -> None:
    with Database(url_of(domain_sqlite), system_database_url=url_of(deployed, SYSTEM)) as database:
        (found,) = findings(database, Severity.ERROR)
    assert "SYSTEM_DATABASE_URL names postgresql://" in found.what


def test_an_owner_who_can_not_log_in_is_an_error(deployed: Database) -> None:
    owner = url_of(deployed, "nobody_of_that_name")
    with Database(url_of(deployed), migration_database_url=owner, pool_size=1) as database:
        (found,) = findings(database, Severity.ERROR)
    assert "the owner's login can't be used" in found.what


def test_what_the_server_would_log_is_a_warning(deployed: Database, administer: Administer) -> None:
    name = name_of(deployed)
    administer(
        f"ALTER ROLE {APPLICATION} IN DATABASE {name} SET log_min_error_statement = error",
        f"ALTER ROLE {SYSTEM} IN DATABASE {name} SET log_min_duration_statement = '250ms'",
    )
    application, system = findings(deployed, Severity.WARNING)
    assert f"statements of {APPLICATION} with the values in them: log_min_error_statement = error" in application.what
    assert f"statements of {SYSTEM} with the values in them: log_min_duration_statement = 250" in system.what
    assert f"ALTER ROLE {SYSTEM} SET log_min_duration_statement = -1" in system.remedy


def test_encodings_that_can_not_hold_every_name_are_errors(
    deployed: Database, domain_cluster: Cluster, administer: Administer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    deployed.engine.dispose()
    assert any("client's encoding is LATIN1" in finding.what for finding in findings(deployed, Severity.ERROR))
    monkeypatch.delenv("PGCLIENTENCODING")
    name = f"{deployed.engine.url.database}_ascii"
    engine = deployed.migration_engine.url
    with Database(domain_cluster.url("postgres", "postgres")) as server:
        create = f"CREATE DATABASE {name} OWNER {OWNER} TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'"
        with server.engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
            connection.execute(text(create))
    try:
        with Database(engine.set(database=name).render_as_string(hide_password=False)) as ascii_only:
            upgrade(ascii_only.engine)
            assert any("encoding is SQL_ASCII" in finding.what for finding in findings(ascii_only, Severity.ERROR))
    finally:
        domain_cluster.drop(name)


def test_a_system_login_that_can_not_log_in_is_an_error(deployed: Database) -> None:
    url = deployed.engine.url
    wrong = url.set(username="nobody_of_that_name", password="hidden")
    with Database(
        url.render_as_string(hide_password=False), system_database_url=wrong.render_as_string(hide_password=False)
    ) as database:
        (found,) = findings(database, Severity.ERROR)
    assert "the system's login can't be used" in found.what
    assert "hidden" not in found.what + found.remedy


def test_one_login_for_two_purposes_is_an_error(deployed: Database) -> None:
    url = deployed.engine.url.render_as_string(hide_password=False)
    with Database(url, system_database_url=url) as database:
        assert any("share the login" in finding.what for finding in findings(database, Severity.ERROR))


def test_sqlite_is_a_warning(domain_sqlite: Database) -> None:
    (found,) = examine(domain_sqlite)
    assert found.severity is Severity.WARNING
    assert "postgresql://" in found.remedy
