"""A layer that is broken shows: the attack finds it, where nothing else stands before it, and so does the doctor."""

import os
from collections.abc import Iterator

import pytest
from sqlalchemy import create_engine, text

from domain import Database, Tender, User
from domain.deployment import Severity, examine
from domain.kit.database.one_message import OneMessageConnection
from domain.kit.model import DomainModel
from domain.kit.model.tables import organization_column
from domain.testing import Cluster, attack
from domain.testing.attack import Leak
from domain.testing.cluster import OWNER, PASSWORD
from tests.attack.layers import Layer, attack_without, switched_off
from tests.support.databases import superuser_url

pytestmark = pytest.mark.slow

ROLE = f"domain_test_bypass_{os.getpid()}"
METHODS = {"get", "find", "count", "search", "update", "soft_delete", "put"}
OTHERS = {Layer.PREDICATES, Layer.GUARD}


def _alter(database: Database, statement: str) -> None:
    """Run the statement for every table under row level security, as the owner."""
    with database.migration_engine.begin() as connection:
        present = set(connection.scalars(text("SELECT relname FROM pg_class WHERE relrowsecurity")))
        for table in DomainModel.metadata.sorted_tables:
            if organization_column(table) is not None and table.name in present:
                connection.execute(text(statement.format(table=table.name)))


def _errors(database: Database) -> list[str]:
    return [finding.what for finding in examine(database) if finding.severity is Severity.ERROR]


def _seen(leaks: list[Leak]) -> set[str]:
    return {leak.what.split()[0] for leak in leaks if leak.attack != "structure"}


def test_without_a_mutation_nothing_is_red(domain_postgresql: Database) -> None:
    assert _errors(domain_postgresql) == []
    for lent in (False, True):
        report = attack_without(domain_postgresql, OTHERS, models=[Tender, User], methods=METHODS, as_organization=lent)
        assert report.leaks == []
        assert report.tried > 10


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
        "ALTER POLICY organization_isolation ON {table} USING (true)",
        "CREATE POLICY open ON {table} USING (true)",
    ],
)
def test_policies_that_hold_nothing_leak(domain_postgresql: Database, statement: str) -> None:
    _alter(domain_postgresql, statement)
    leaks = attack_without(domain_postgresql, OTHERS, models=[Tender, User], methods=METHODS).leaks
    assert {"shows", "loads", "changes"} <= _seen(leaks)
    assert _errors(domain_postgresql)


def test_a_policy_of_the_system_s_login_that_is_open_at_any_time_leaks(domain_postgresql: Database) -> None:
    _alter(domain_postgresql, "ALTER POLICY system_access ON {table} USING (true)")
    report = attack_without(domain_postgresql, OTHERS, models=[Tender, User], methods=METHODS, as_organization=True)
    assert {"shows", "loads", "changes"} <= _seen(report.leaks)
    assert any("in as_organization, too" in what for what in _errors(domain_postgresql))


def test_dropped_policies_are_named(domain_postgresql: Database) -> None:
    _alter(domain_postgresql, "DROP POLICY organization_isolation ON {table}")
    leaks = attack(domain_postgresql, models=[Tender, User], methods={"get"}).leaks
    assert [leak.method for leak in leaks if leak.attack == "structure"] == ["Tender", "User"]
    assert any("row level security of tenders" in what and "missing" in what for what in _errors(domain_postgresql))


@pytest.fixture
def bypassing(domain_cluster: Cluster, domain_postgresql: Database) -> Iterator[Database]:
    """The database, reached as a login with BYPASSRLS."""
    name = str(domain_postgresql.engine.url.database)
    engine = create_engine(superuser_url(domain_cluster, name))
    with engine.begin() as connection:
        connection.execute(text(f"CREATE ROLE {ROLE} LOGIN BYPASSRLS PASSWORD '{PASSWORD}'"))
        connection.execute(text(f"GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO {ROLE}"))
    try:
        owner = domain_cluster.url(name, OWNER)
        with Database(domain_cluster.url(name, ROLE), migration_database_url=owner) as database:
            yield database
    finally:
        with engine.begin() as connection:
            connection.execute(text(f"DROP OWNED BY {ROLE}"))
            connection.execute(text(f"DROP ROLE {ROLE}"))
        engine.dispose()


def test_a_login_with_bypassrls_leaks(bypassing: Database) -> None:
    leaks = attack_without(bypassing, OTHERS, models=[Tender, User], methods=METHODS).leaks
    assert {"shows", "loads", "changes"} <= _seen(leaks)
    assert any("BYPASSRLS" in what for what in _errors(bypassing))


def test_without_the_guard_what_is_written_by_hand_leaks(domain_sqlite: Database) -> None:
    with switched_off(domain_sqlite, {Layer.GUARD, Layer.POLICIES}):
        leaks = attack(domain_sqlite, models=[Tender]).leaks
    assert {"shows", "loads", "changes", "answers"} <= _seen(leaks)
    red = {(leak.method, leak.attack) for leak in leaks}
    for method in ("select", "select count", "select exists", "update", "give away", "insert for another"):
        assert any(name == f"Tender: session.execute {method}" for name, _ in red), method
    for method, kind in {
        "Tender: session.get": "foreign id",
        "Tender: session.merge": "foreign object",
        "Tender: text select": "raw SQL",
        "Tender: table select": "raw SQL",
        "Tender: session.connection": "raw SQL",
        "TenderRepository.count": "subquery",
    }.items():
        assert (method, kind) in red


def test_without_guard_and_policies_what_is_written_by_hand_leaks(domain_postgresql: Database) -> None:
    with switched_off(domain_postgresql, {Layer.GUARD}):
        leaks = attack_without(domain_postgresql, {Layer.POLICIES}, models=[User]).leaks
    assert {"shows", "loads", "changes"} <= _seen(leaks)


def test_a_setting_that_is_not_sent_again_after_a_savepoint_loses_the_organization(
    domain_postgresql: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = "Tender: bind, roll back to savepoint"
    assert attack(domain_postgresql, models=[Tender], methods={method}).leaks == []

    def forget(_connection: OneMessageConnection) -> None:
        """What was set inside the savepoint stays undone."""

    monkeypatch.setattr(OneMessageConnection, "set_local_again", forget)
    leaks = attack(domain_postgresql, models=[Tender], methods={method}).leaks
    assert [(leak.method, leak.what) for leak in leaks] == [(method, "answers 0, not 2")]
