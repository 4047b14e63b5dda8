"""Through PgBouncer in transaction mode a server connection serves one organization after the other, unmixed."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from sqlalchemy import URL, text
from sqlmodel import select

from domain import Database, Tender, TenderRepository
from domain.kit.database.one_message import OneMessageConnection
from domain.testing import Cluster, build, make_organization
from domain.testing.cluster import APPLICATION
from tests.isolation.pgbouncer import SERVER_CONNECTIONS, find_pgbouncer, pgbouncer

THREADS = 20
TRANSACTIONS = 3000
ORGANIZATIONS = 4
NOBODYS = "SET LOCAL app.organization_id = ''; "
RAW = text("SELECT DISTINCT pg_backend_pid(), organization_id FROM tenders")


@pytest.fixture
def bounced(domain_cluster: Cluster, domain_postgresql: Database) -> Iterator[Database]:
    """The application's login through PgBouncer."""
    program = find_pgbouncer()
    if program is None:
        pytest.skip("NO PGBOUNCER HERE: isolation through it is NOT tested; Debian: apt-get install pgbouncer")
    server = domain_postgresql.engine.url.set(username=APPLICATION)
    with pgbouncer(program, server) as url, _database(url) as database:
        yield database


def _database(url: URL) -> Database:
    return Database(url.render_as_string(hide_password=False), pool_size=THREADS, max_overflow=0)


class Traffic:
    """Transactions of several organizations and of none, each of which looks at what it can see."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.organizations = [make_organization(database).id for _ in range(ORGANIZATIONS)]
        for organization_id in self.organizations:
            with database.get_session(organization_id=organization_id) as session:
                TenderRepository(session).add(build(Tender))
        self.backends: set[int] = set()

    def run(self, transactions: int) -> list[str]:
        """What was seen that should not have been."""
        each = transactions // THREADS
        with ThreadPoolExecutor(THREADS) as threads:
            found = list(threads.map(partial(self._of_thread, each), range(THREADS)))
        return [violation for violations in found for violation in violations]

    def _of_thread(self, transactions: int, thread: int) -> list[str]:
        found: list[str] = []
        for number in range(transactions):
            organization_id = self.organizations[(thread + number) % ORGANIZATIONS]
            if number % 5 == 4:
                found += self._unbound()
            else:
                found += self._bound(organization_id, number)
        return found

    def _bound(self, organization_id: int, number: int) -> list[str]:
        """Writes in some transactions; some are rolled back."""
        # Its raw statement is left to row level security, which alone answers it.
        with self.database.get_session(organization_id=organization_id, unguarded_sql=True) as session:
            if number % 3 == 0:
                session.add(build(Tender, title="Bridge"))
            owners = {tender.organization_id for tender in TenderRepository(session).find(limit=20)}
            owners.update(session.exec(select(Tender.organization_id).distinct()))
            rows = session.connection().execute(RAW).all()
            if number % 6 == 0:
                session.rollback()
        self.backends.update(backend for backend, _ in rows)
        owners.update(owner for _, owner in rows)
        return [] if owners == {organization_id} else [f"{organization_id} saw {owners}"]

    def _unbound(self) -> list[str]:
        with self.database.get_session(unguarded_sql=True) as session:
            rows = session.connection().execute(RAW).all()
        return [f"nobody saw {owner}" for _, owner in rows]


def test_twenty_threads_on_three_connections_see_their_own_organization_alone(
    bounced: Database, domain_postgresql: Database
) -> None:
    traffic = Traffic(bounced)
    assert traffic.run(TRANSACTIONS) == []
    assert 1 < len(traffic.backends) <= SERVER_CONNECTIONS
    # Without PgBouncer between: what each has written is its own, as many as it wrote.
    per_thread = [number for number in range(TRANSACTIONS // THREADS) if number % 5 != 4]
    kept = sum(number % 3 == 0 and number % 6 != 0 for number in per_thread) * THREADS
    counts: list[int] = []
    for organization_id in traffic.organizations:
        with domain_postgresql.get_session(organization_id=organization_id) as session:
            counts.append(TenderRepository(session).count())
    assert sum(counts) == kept + ORGANIZATIONS


def test_a_setting_of_the_whole_session_would_leak_through_it(
    bounced: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: the same traffic, with the setting made to outlive its transaction, and no other in its place."""

    prefix = OneMessageConnection.prefix

    def keep(self: OneMessageConnection, *, reads: bool = False) -> str:
        return prefix(self, reads=reads).replace(NOBODYS, "").replace("SET LOCAL ", "SET ")

    monkeypatch.setattr(OneMessageConnection, "prefix", keep)
    assert any(violation.startswith("nobody saw") for violation in Traffic(bounced).run(THREADS * 10))
