"""Read sessions over a real primary and a real standby that streams from it."""

import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import pytest
from sqlalchemy import event, make_url, text
from sqlmodel import func, select

from domain import (
    Database,
    OrganizationRepository,
    OutcomeUnknownError,
    TenantHandle,
    TenantSession,
    Tender,
    TenderRepository,
    UnavailableError,
)
from domain.errors import ReadOnlySessionError
from domain.testing import make_organization
from tests.faults.proxy import Cut, Proxy, is_commit, proxy
from tests.replicas.standby import Pair, pair, replicas_of

PAIRS = 1000
THREADS = 4
PAUSED = 300  # of those, while the standby replays nothing
WAIT_SECONDS = 20.0

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def servers() -> Iterator[Pair]:
    """Those of the tests that leave both running."""
    with pair() as started:
        yield started


@pytest.fixture
def database(servers: Pair) -> Iterator[Database]:
    """Writes to the primary, and reads from the standby."""
    with servers.database() as made:
        yield made


@pytest.fixture
def tenant(database: Database) -> TenantHandle:
    """An organization of the test's own."""
    return database.tenant(make_organization(database).id)


def create(session: TenantSession) -> Tender:
    return TenderRepository(session).create(title="Bridge")


def count(tenant: TenantHandle) -> int:
    with tenant.read_session() as session:
        return TenderRepository(session).count()


def until(is_so: Callable[[], object]) -> None:
    """Wait until it is so."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@contextmanager
def paused(servers: Pair) -> Generator[None]:
    """The standby receives, and replays nothing."""
    servers.standby.ask("SELECT pg_wal_replay_pause()")
    until(lambda: servers.standby.ask("SELECT pg_get_wal_replay_pause_state()") == "paused")
    try:
        yield
    finally:
        servers.standby.ask("SELECT pg_wal_replay_resume()")


@contextmanager
def reads_of_tenders(database: Database) -> Generator[list[str]]:
    """The statements over tenders that go to the standby meanwhile."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "FROM tenders" in statement:
            seen.append(statement)

    (engine,) = database.read_engines
    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


def caught_up(database: Database, organization_id: int) -> bool:
    connection = replicas_of(database).connect(organization_id)
    if connection is not None:
        connection.close()
    return connection is not None


def is_stale(database: Database, tender: Tender) -> bool:
    """If the standby, read without a look at how far it is, does not show the tender."""
    with TenantSession(database.read_engines[0], organization_id=tender.organization_id) as naive:
        return TenderRepository(naive).get(tender.id) is None


def stale_reads(database: Database, tenant: TenantHandle, pairs: int) -> tuple[int, int]:
    """Write, then read: how many reads by the handle, and of the standby as it is, do not show the row."""
    by_handle = by_standby = 0
    for _ in range(pairs):
        tender = tenant.run(create)
        by_standby += is_stale(database, tender)
        with tenant.read_session() as session:
            by_handle += TenderRepository(session).get(tender.id) is None
    return by_handle, by_standby


def test_a_handle_reads_what_it_has_written_where_naive_reads_are_stale(
    servers: Pair, database: Database, tenant: TenantHandle
) -> None:
    with reads_of_tenders(database) as seen:
        with ThreadPoolExecutor(THREADS) as threads:
            each = [(PAIRS - PAUSED) // THREADS] * THREADS
            replaying = list(threads.map(partial(stale_reads, database, tenant), each))
        with paused(servers):
            pausing = stale_reads(database, tenant, PAUSED)
    by_handle, by_standby = (sum(stale) for stale in zip(pausing, *replaying, strict=True))
    print(f"{PAIRS} pairs: {by_handle} stale by handles, {by_standby} naive ones; {len(seen) - PAIRS} by the standby")
    assert by_handle == 0
    assert pausing[1] == PAUSED
    assert by_standby >= PAUSED


def test_another_handle_of_the_organization_sees_them_too(servers: Pair, database: Database) -> None:
    organization_id = make_organization(database).id
    with paused(servers):
        database.tenant(organization_id, actor="user:1").run(create)
        assert count(database.tenant(organization_id, actor="user:2")) == 1
        with database.get_session(organization_id=organization_id) as session:
            create(session)
        assert count(database.tenant(organization_id)) == 2


def test_a_standby_that_has_caught_up_is_read_from(database: Database, tenant: TenantHandle) -> None:
    tenant.run(create)
    until(lambda: caught_up(database, tenant.organization_id))
    with reads_of_tenders(database) as seen:
        assert count(tenant) == 1
    assert len(seen) == 1
    assert all("checked out connections: 0" in engine.pool.status().lower() for engine in database.read_engines)


def test_what_was_written_before_there_was_an_organization_is_seen(servers: Pair, database: Database) -> None:
    with paused(servers):
        organization_id = make_organization(database).id
        with database.tenant(organization_id).read_session() as session:
            assert OrganizationRepository(session).get_by_id(organization_id) is not None


def test_what_a_system_session_wrote_is_seen(servers: Pair, database: Database, tenant: TenantHandle) -> None:
    with paused(servers):
        system_session = database.system_session(actor="tests", reason="replicas")
        with system_session as system, system.as_organization(tenant.organization_id) as session:
            create(session)
        assert count(tenant) == 1


def test_what_no_process_of_ours_wrote_may_be_missing_for_as_long_as_the_bound(
    servers: Pair, tenant: TenantHandle
) -> None:
    with servers.database(max_read_lag_seconds=60) as patient, servers.database(max_read_lag_seconds=0.5) as strict:
        until(lambda: caught_up(patient, tenant.organization_id))
        tenant.run(create)
        until(lambda: count(patient.tenant(tenant.organization_id)) == 1)
        with paused(servers):
            tenant.run(create)
            assert count(patient.tenant(tenant.organization_id)) == 1
            until(lambda: count(strict.tenant(tenant.organization_id)) == 2)
            assert count(patient.tenant(tenant.organization_id)) == 1


def test_a_standby_at_rest_does_not_lag(servers: Pair, database: Database, tenant: TenantHandle) -> None:
    until(lambda: caught_up(database, tenant.organization_id))
    time.sleep(0.3)
    with servers.database(max_read_lag_seconds=0) as strict:
        assert caught_up(strict, tenant.organization_id)


def test_the_standby_holds_each_layer_of_the_scope(database: Database) -> None:
    mine, theirs = (database.tenant(make_organization(database).id) for _ in range(2))
    tender, other = mine.run(create), theirs.run(create)
    until(lambda: caught_up(database, mine.organization_id) and caught_up(database, theirs.organization_id))
    with reads_of_tenders(database) as seen, mine.read_session() as session:
        assert TenderRepository(session).get(tender.id) is not None
        assert TenderRepository(session).get(other.id) is None
        assert session.exec(select(Tender.id)).all() == [tender.id]
        assert session.exec(select(func.count()).select_from(Tender)).one() == 1
    assert len(seen) == 4
    tables = text("SELECT organization_id FROM tenders")
    with database.read_engines[0].connect() as connection:  # the database itself
        assert connection.scalars(tables).all() == []
        connection.execute(text(f"SET LOCAL app.organization_id = '{mine.organization_id}'"))
        assert connection.scalars(tables).all() == [mine.organization_id]
    with TenantSession(database.read_engines[0], organization_id=mine.organization_id, unguarded_sql=True) as raw:
        assert raw.connection().scalars(tables).all() == [mine.organization_id]


def test_what_writes_is_refused_on_the_standby_in_words(database: Database, tenant: TenantHandle) -> None:
    tender = tenant.run(create)
    until(lambda: caught_up(database, tenant.organization_id))
    with pytest.raises(ReadOnlySessionError, match=r"tenant\.session\(\)"), tenant.read_session() as session:
        TenderRepository(session).soft_delete(tender.id)
    with pytest.raises(ReadOnlySessionError), tenant.read_session() as session:
        TenderRepository(session).require(tender.id).title = "Changed"
    naive = TenantSession(database.read_engines[0], organization_id=tenant.organization_id)
    with naive, pytest.raises(UnavailableError, match="read-only"):
        create(naive)


@contextmanager
def behind_a_line(servers: Pair) -> Generator[tuple[Proxy, TenantHandle]]:
    """A line to the primary that can be cut, and a tenant over it whose standby has all, and gets no more."""
    with proxy(make_url(servers.primary.url(user="postgres", database=servers.name))) as line:
        url = make_url(servers.url(servers.primary)).set(query={}, host="127.0.0.1", port=line.port)
        reading = [servers.url(servers.standby)]
        with Database(url.render_as_string(hide_password=False), read_urls=reading) as database:
            tenant = database.tenant(make_organization(database).id)
            until(lambda: caught_up(database, tenant.organization_id))
            with paused(servers):
                yield line, tenant


def test_a_commit_whose_outcome_is_unknown_is_looked_for_on_the_primary(servers: Pair) -> None:
    with behind_a_line(servers) as (line, tenant):
        line.once(is_commit, Cut.AFTER)
        with pytest.raises(OutcomeUnknownError):
            tenant.run(create)
        assert count(tenant) == 1


def test_a_commit_whose_position_is_unknown_has_committed_and_is_read_from_the_primary(servers: Pair) -> None:
    with behind_a_line(servers) as (line, tenant):
        line.once(lambda message: b"pg_current_wal_insert_lsn" in message, Cut.BEFORE)
        tenant.run(create)
        assert count(tenant) == 1
        tenant.run(create)
        assert count(tenant) == 2


def test_reads_fall_back_while_a_standby_is_gone_and_return_to_it(
    servers: Pair, tenant: TenantHandle, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with proxy(make_url(servers.standby.url(user="postgres", database=servers.name))) as line:
        url = make_url(servers.url(servers.standby)).set(query={}, host="127.0.0.1", port=line.port)
        with Database(servers.url(servers.primary), read_urls=[url.render_as_string(hide_password=False)]) as database:
            again = database.tenant(tenant.organization_id)
            again.run(create)
            until(lambda: caught_up(database, tenant.organization_id))
            line.decide = lambda _message: Cut.BEFORE
            assert [count(again) for _ in range(20)] == [1] * 20
            warnings = [record.getMessage() for record in caplog.records if "standby" in record.getMessage()]
            assert len(warnings) == 1  # it is left alone for a while
            assert f"127.0.0.1:{line.port}" in warnings[0]
            assert "domain-test" not in warnings[0]
            line.decide = lambda _message: Cut.NEVER
            monkeypatch.setattr(replicas_of(database), "_rests_until", {})
            with reads_of_tenders(database) as seen:
                assert count(again) == 1
            assert len(seen) == 1


def test_a_server_that_is_no_standby_is_not_read_from(servers: Pair, tenant: TenantHandle) -> None:
    url = servers.url(servers.primary)
    with Database(url, read_urls=[url]) as database, reads_of_tenders(database) as seen:
        assert count(database.tenant(tenant.organization_id)) == 0
        assert not caught_up(database, tenant.organization_id)
        assert seen == []
