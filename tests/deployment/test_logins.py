"""What works with one login, with two and with three; and what says what to set."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from sqlalchemy import Engine, text

from domain import (
    ConfigurationError,
    ConstraintError,
    Database,
    DomainError,
    OrganizationRepository,
    TenantSession,
    TenderRepository,
    UserRepository,
)
from domain.deployment import Logins, Severity, create_roles, examine
from domain.migrations import check, downgrade, upgrade
from domain.testing import Cluster
from domain.testing.cluster import APPLICATION, OWNER, SYSTEM
from tests.deployment.conftest import name_of

Superuser = Callable[[str], AbstractContextManager[Engine]]


@pytest.fixture
def empty(domain_cluster: Cluster) -> Iterator[str]:
    """The name of a database without tables."""
    name = domain_cluster.create()
    yield name
    domain_cluster.drop(name)


def two_organizations(database: Database) -> tuple[int, int]:
    """Each with a tender."""
    ids: list[int] = []
    for slug in ("first", "second"):
        with database.get_session() as session:
            ids.append(OrganizationRepository(session).create(name=slug, slug=slug).id)
        with database.get_session(organization_id=ids[-1]) as session:
            TenderRepository(session).create(title=f"of the {slug}")
            UserRepository(session).create(email=f"{slug}@example.org", full_name=slug, hashed_password="x")
    return ids[0], ids[1]


def test_one_login_serves_everything_inside_an_organization(empty: str, domain_cluster: Cluster) -> None:
    with Database(domain_cluster.url(empty, OWNER)) as database:
        upgrade(database.migration_engine)
        assert check(database.migration_engine) == []
        first, second = two_organizations(database)
        with database.get_session(organization_id=first) as session:
            assert [tender.title for tender in TenderRepository(session).find()] == ["of the first"]
        login = database.find_login("second@example.org")
        assert login is not None
        assert login.organization_id == second
        with database.get_session() as session:
            assert OrganizationRepository(session).get_by_slug("second") is not None
        downgrade(database.migration_engine, "base")


def test_with_one_login_row_level_security_holds_the_owner_of_the_tables(empty: str, domain_cluster: Cluster) -> None:
    with Database(domain_cluster.url(empty, OWNER)) as database:
        upgrade(database.migration_engine)
        database.create_all()  # what other tests have defined
        first, _ = two_organizations(database)
        with database.engine.connect() as connection:
            assert connection.scalar(
                text("SELECT relowner = current_user::regrole FROM pg_class WHERE relname = 'tenders'")
            )
            assert connection.scalar(text("SELECT count(*) FROM tenders")) == 0
        with database.get_session(organization_id=first, unguarded_sql=True) as session:
            assert session.connection().scalar(text("SELECT string_agg(title, ',') FROM tenders")) == "of the first"
        assert {finding.severity for finding in examine(database)} == {Severity.WARNING}


def test_with_one_login_a_system_session_says_what_to_set(empty: str, domain_cluster: Cluster) -> None:
    with Database(domain_cluster.url(empty, OWNER)) as database:
        upgrade(database.migration_engine)
        with (
            pytest.raises(ConfigurationError, match="SYSTEM_DATABASE_URL"),
            database.system_session(actor="nightly", reason="new month"),
        ):
            pytest.fail("handed out")
    with pytest.raises(ConfigurationError, match=r"MIGRATION_DATABASE_URL.*SYSTEM_DATABASE_URL"):
        Logins(owner=OWNER, application=OWNER)


def test_two_logins_let_the_system_across_and_the_application_stays_held(
    empty: str, domain_cluster: Cluster, superuser: Superuser
) -> None:
    urls = [domain_cluster.url(empty, role) for role in (OWNER, SYSTEM)]
    with Database(urls[0], system_database_url=urls[1]) as database:
        upgrade(database.migration_engine)
        database.create_all()
        with superuser(empty) as engine:
            create_roles(engine, Logins(owner=OWNER, application=OWNER, system=SYSTEM))
        two_organizations(database)
        with database.system_session(actor="nightly", reason="new month") as system:
            assert len(OrganizationRepository(system).list_active()) == 2
        with database.engine.connect() as connection:
            assert connection.scalar(text("SELECT count(*) FROM tenders")) == 0
        assert {finding.severity for finding in examine(database)} == {Severity.WARNING}
        assert check(database.migration_engine) == []


def test_the_records_of_the_system_are_not_its_tables_owner_s_to_read_or_write_either(
    empty: str, domain_cluster: Cluster, superuser: Superuser
) -> None:
    urls = [domain_cluster.url(empty, role) for role in (OWNER, SYSTEM)]
    forged = "INSERT INTO {} (actor, reason{}) VALUES ('nobody', 'nothing'{})"
    writes = {
        "system_access": forged.format("system_access", "", ""),
        "purge_records": forged.format("purge_records", ", table_name, row_count, deleted_before", ", 't', 1, now()"),
    }
    with Database(urls[0], system_database_url=urls[1]) as database:
        upgrade(database.migration_engine)
        with superuser(empty) as engine:
            create_roles(engine, Logins(owner=OWNER, application=OWNER, system=SYSTEM))
        first, _ = two_organizations(database)
        with database.system_session(actor="nightly", reason="new month") as system:
            for insert in writes.values():
                system.connection().execute(text(insert))  # the system's own session may
            with system.as_organization(first) as session:
                session.unguarded_sql = True
                _assert_closed(session, writes)
        for organization_id in (None, first):
            with database.get_session(organization_id=organization_id, unguarded_sql=True) as session:
                _assert_closed(session, writes)
        with database.system_session(actor="auditor", reason="a look") as system:
            actors = system.connection().scalars(text("SELECT actor FROM system_access ORDER BY id")).all()
            assert actors == ["nightly", "nobody", "auditor"]


def _assert_closed(session: TenantSession, writes: dict[str, str]) -> None:
    for table, insert in writes.items():
        assert session.connection().scalar(text(f"SELECT count(*) FROM {table}")) == 0
        with pytest.raises(DomainError), session.begin_nested():
            session.connection().execute(text(insert))
        update = session.connection().execute(text(f"UPDATE {table} SET actor = 'somebody else'"))
        assert update.rowcount == 0


def test_three_logins_migrate_as_the_owner_and_the_application_owns_nothing(deployed: Database) -> None:
    assert check(deployed.migration_engine) == []
    with deployed.engine.connect() as connection:
        owns = "SELECT count(*) FROM pg_class WHERE relowner = current_user::regrole"
        assert (connection.scalar(text("SELECT current_user")), connection.scalar(text(owns))) == (APPLICATION, 0)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM system_access",
        "INSERT INTO system_access (actor, reason) VALUES ('a', 'b')",
        "TRUNCATE tenders",
        "DELETE FROM tenders",
        "DELETE FROM organizations",
        f"SET ROLE {SYSTEM}",
        f"SET ROLE {OWNER}",
        "CREATE TABLE public.mine (id int)",
        "CREATE TEMP TABLE tenders (id int)",
        "UPDATE domain_version SET version_num = 'x'",
        "SELECT nextval('tenders_id_seq')",
        "SELECT * FROM pg_stat_activity",
    ],
)
def test_the_application_may_not(statement: str, shared: Database) -> None:
    with shared.engine.connect() as connection, pytest.raises(ConfigurationError, match=r"lacks a right .*42501"):
        connection.exec_driver_sql(statement)


def test_a_read_that_fails_in_a_system_session_is_on_record_too(deployed: Database, admin: Engine) -> None:
    count = text("SELECT count(*) FROM system_access WHERE actor = 'curious'")
    seen: list[object] = []

    def look() -> None:
        with deployed.system_session(actor="curious", reason="look") as system:
            with admin.connect() as outside:
                seen.append(outside.scalar(count))  # committed before it was handed out
            system.connection().exec_driver_sql("SELECT 1 / 0 FROM tenders, organizations")
            system.connection().exec_driver_sql("SELECT 1 / 0")

    with pytest.raises(ConstraintError):
        look()
    with admin.connect() as outside:
        assert [*seen, outside.scalar(count)] == [1, 1]


def test_a_system_session_that_can_not_be_recorded_is_not_handed_out(deployed: Database, admin: Engine) -> None:
    with admin.begin() as connection:
        connection.execute(text(f"REVOKE INSERT ON system_access FROM {SYSTEM}"))
    with pytest.raises(ConfigurationError), deployed.system_session(actor="unseen", reason="look"):
        pytest.fail("handed out")


@pytest.mark.parametrize("role", ["postgres", "bypassing"])
def test_production_refuses_a_login_that_nothing_holds(
    role: str, shared: Database, superuser: Superuser, new_role: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOMAIN_ENV", "production")
    if role == "bypassing":
        role = new_role
        with superuser("postgres") as engine, engine.begin() as connection:
            connection.execute(text(f'CREATE ROLE "{role}" LOGIN BYPASSRLS'))
    url = shared.engine.url.set(username=role, password="hidden-word")
    with Database(url.render_as_string(hide_password=False)) as database:
        for _ in range(2):
            with (
                pytest.raises(ConfigurationError, match="domain db roles") as refused,
                database.get_session(organization_id=1) as session,
            ):
                TenderRepository(session).count()
            assert role in str(refused.value)
            assert "hidden-word" not in repr(refused.value)
    held = shared.engine.url.render_as_string(hide_password=False)
    with Database(held) as database:
        assert database.health_check()
    assert name_of(shared)
