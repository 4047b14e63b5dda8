"""One of two servers goes under load: without the standby reads go on; without the primary it is promoted."""

import threading
import time
from collections.abc import Iterator

import pytest
from sqlmodel import col

from domain import Database, OutcomeUnknownError, TenantHandle, Tender, TenderRepository, UnavailableError
from tests.replicas.standby import Pair, pair, replicas_of

THREADS = 6
LOAD_SECONDS = 1.0
WAIT_SECONDS = 30.0

pytestmark = pytest.mark.slow


@pytest.fixture
def servers() -> Iterator[Pair]:
    with pair() as started:
        yield started


class Load:
    """Threads that write rows, each with a key of its own, and note what they are told."""

    def __init__(self, database: Database, tenant: TenantHandle, *, threads: int = THREADS) -> None:
        self.database = database
        self.tenant = tenant
        self.acknowledged: dict[str, float] = {}
        """The keys, with a position in the log by which their commits had been written."""
        self.unavailable = 0
        self.unknown = 0
        self.stale: list[str] = []
        self.longest_seconds = 0.0
        self.surprises: list[BaseException] = []
        self._ends = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(number,)) for number in range(threads)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        for thread in self._threads:
            thread.join(WAIT_SECONDS)
            assert not thread.is_alive()

    def _write(self, thread: int) -> None:
        number = 0
        while not self._ends.is_set():
            number += 1
            key = f"{thread}-{number}"
            try:
                with self.tenant.session() as session:
                    TenderRepository(session).create(title="Bridge", external_id=key)
                self.acknowledged[key] = replicas_of(self.database).position(self.tenant.organization_id)
                self._read(key)
            except OutcomeUnknownError:
                self.unknown += 1
            except UnavailableError as error:
                self.unavailable += error.retryable
                time.sleep(0.02)
            except BaseException as error:
                self.surprises.append(error)
                raise

    def _read(self, key: str) -> None:
        """What was written a moment ago, from wherever reads go."""
        began = time.monotonic()
        with self.tenant.read_session() as session:
            if not TenderRepository(session).find(col(Tender.external_id) == key):
                self.stale.append(key)
        self.longest_seconds = max(self.longest_seconds, time.monotonic() - began)

    def until_more(self, number: int) -> None:
        """Wait for so many acknowledged writes more."""
        wanted, deadline = len(self.acknowledged) + number, time.monotonic() + WAIT_SECONDS
        while len(self.acknowledged) < wanted:
            assert time.monotonic() < deadline, self.surprises
            time.sleep(0.01)


def test_a_standby_that_goes_under_load_costs_no_write_and_no_read_but_those_it_was_answering(servers: Pair) -> None:
    with servers.database() as database:
        tenant = database.tenant(1)
        with Load(database, tenant, threads=16) as load:
            load.until_more(300)
            servers.standby.stop()
            load.until_more(300)
        there = stored(tenant)
    print(f"{len(load.acknowledged)} written and read, the longest read in {load.longest_seconds:.2f} s")
    assert (load.surprises, load.stale, load.unknown) == ([], [], 0)
    assert load.unavailable <= 16  # one a thread, which may be tried again
    assert load.acknowledged.keys() == there
    assert load.longest_seconds < WAIT_SECONDS


def stored(tenant: TenantHandle) -> set[str | None]:
    """The keys of all that is stored."""
    with tenant.read_session() as session:
        return {tender.external_id for tender in TenderRepository(session).stream()}


def test_writes_resume_and_every_acknowledged_commit_that_had_reached_the_standby_is_there(servers: Pair) -> None:
    both = servers.primary, servers.standby
    writing, reading = servers.url(*both, attributes="read-write"), servers.url(*both, attributes="prefer-standby")
    with Database(writing, read_urls=[reading]) as database:
        tenant = database.tenant(1)
        with Load(database, tenant) as load:
            load.until_more(100)
            time.sleep(LOAD_SECONDS)
            servers.primary.stop()
            received = servers.standby.ask("SELECT pg_wal_lsn_diff(pg_last_wal_receive_lsn(), '0/0')::bigint")
            before = dict(load.acknowledged)
            servers.standby.ask("SELECT pg_promote()")
            load.until_more(100)
        assert isinstance(received, int)
        reached = {key for key, position in before.items() if position <= received}
        after = load.acknowledged.keys() - before.keys()
        there = stored(tenant)
    with Database(writing, read_urls=[reading], max_read_lag_seconds=3600) as later:
        assert replicas_of(later).connect(1) is None  # what was promoted is no standby
    print(
        f"{len(before)} acknowledged before, of which {len(reached)} had reached the standby; {len(after)} after it;"
        f" {load.unavailable} unavailable, {load.unknown} of unknown outcome"
    )
    assert load.surprises == []
    assert load.unavailable > 0
    assert len(reached) >= 100
    assert reached <= there
    assert after <= there
