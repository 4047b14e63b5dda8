"""On a managed PostgreSQL nobody is a superuser: an administrator may create roles and databases, and that is all."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest
from sqlalchemy import Engine, make_url, text

from domain import Database, DomainModel
from domain.deployment import Logins, Severity, create_roles, examine
from domain.kit.database.engines import make_engine
from domain.migrations import upgrade
from domain.testing import Cluster
from domain.testing.cluster import APPLICATION, OWNER, SYSTEM

Superuser = Callable[[str], AbstractContextManager[Engine]]
LOGINS = Logins(owner="managed_owner", application="managed_application", system="managed_system")
ADMIN, DATABASE = "managed_admin", "managed"
QUIET = {"log_min_error_statement": "panic", "log_error_verbosity": "terse"}


@pytest.fixture
def run(superuser: Superuser) -> Iterator[Callable[..., None]]:
    """What the provider does, who is a superuser; its customer's roles and database go at the end."""

    def run(*statements: str) -> None:
        with superuser("postgres") as engine:
            autocommit = engine.execution_options(isolation_level="AUTOCOMMIT")
            with autocommit.connect() as connection:
                for statement in statements:
                    connection.execute(text(statement))

    yield run
    run(f"REVOKE SET ON PARAMETER {', '.join(QUIET)} FROM {ADMIN}", f"DROP DATABASE {DATABASE} WITH (FORCE)")
    run(*(f"DROP ROLE IF EXISTS {name}" for name in (*LOGINS.granted, LOGINS.owner, ADMIN)))


@pytest.fixture
def connect(domain_cluster: Cluster, run: Callable[..., None]) -> Iterator[Callable[..., Engine]]:
    """``connect(login)``: to the customer's database, which is the administrator's."""
    run(f"CREATE ROLE {ADMIN} LOGIN CREATEROLE CREATEDB")
    engines: list[Engine] = []

    def connect(login: str, database: str = DATABASE) -> Engine:
        engines.append(make_engine(make_url(domain_cluster.url(database, login))))
        return engines[-1]

    with connect(ADMIN, "postgres").execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text(f"CREATE DATABASE {DATABASE} TEMPLATE template0 ENCODING 'UTF8'"))
    yield connect
    for engine in engines:
        engine.dispose()


@pytest.fixture
def customers(domain_cluster: Cluster, connect: Callable[..., Engine]) -> Iterator[Database]:
    """The recommended deployment in it: logins by the administrator, tables and rights by the owner."""
    create_roles(connect(ADMIN), LOGINS)
    owner = connect(LOGINS.owner)
    upgrade(owner)
    DomainModel.metadata.create_all(owner)  # what other tests have defined
    create_roles(owner, LOGINS)
    application, system, migration = (domain_cluster.url(DATABASE, login) for login in [*LOGINS.granted, LOGINS.owner])
    with Database(
        application, system_database_url=system, migration_database_url=migration, pool_size=1, max_overflow=1
    ) as made:
        yield made


def test_roles_and_doctor_need_no_superuser_nor_do_the_remedies(customers: Database) -> None:
    assert customers.ready()
    found = examine(customers)
    assert [finding.severity for finding in found] == [Severity.WARNING] * 3
    assert all("superuser" in finding.remedy and "where nobody is" in finding.remedy for finding in found)


def test_what_the_administrator_may_not_do_is_said_and_left(
    customers: Database, connect: Callable[..., Engine]
) -> None:
    done = create_roles(connect(ADMIN), LOGINS)
    left = [line for line in done if line.startswith("--")]
    assert [line for line in left if "managed_owner's to give: run it again without --admin-url" in line]
    assert [line.partition(":")[0] for line in left if "log_" in line] == [
        f"-- log_min_error_statement and log_error_verbosity of {login}" for login in LOGINS.granted
    ]


def test_who_was_granted_the_parameters_sets_them(
    customers: Database, connect: Callable[..., Engine], run: Callable[..., None]
) -> None:
    run(f"GRANT SET ON PARAMETER {', '.join(QUIET)} TO {ADMIN}")
    done = create_roles(connect(ADMIN), LOGINS)
    for login in LOGINS.granted:
        assert {f"ALTER ROLE {login} SET {name} = {value}" for name, value in QUIET.items()} < set(done)
    customers.close()
    assert not [finding for finding in examine(customers) if "the server logs" in finding.what]
    assert not [line for line in create_roles(connect(LOGINS.owner), LOGINS) if "log_" in line]


def test_parameters_of_the_server_do_as_well() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("TEST_DATABASE_URL", raising=False)
        with Cluster(settings=QUIET) as cluster, cluster.database(cluster.create()) as database:
            upgrade(database.migration_engine)
            logins = Logins(owner=OWNER, application=APPLICATION, system=SYSTEM)
            assert not [line for line in create_roles(database.migration_engine, logins) if "log_" in line]
            assert not [finding for finding in examine(database) if "the server logs" in finding.what]
