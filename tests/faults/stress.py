"""Many units in several threads under every fault at once, and what became of them."""

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from sqlalchemy import create_engine, make_url, text

from domain import Database, TimeLimits
from domain.testing import Cluster
from domain.testing.fixtures import prepare

from .injecting import Faults
from .operator import Server, small_disk, superuser
from .proxy import proxy
from .units import Ledger, Units

DURABLE = {"synchronous_commit": "on", "full_page_writes": "on", "fsync": "on"}
LIMITS = TimeLimits(lock_timeout_seconds=5, statement_timeout_seconds=10, idle_in_transaction_timeout_seconds=10)

Operate = Callable[..., None]


@dataclass(frozen=True)
class Result:
    """What was told, what was there, and what was wrong about it."""

    ledger: Ledger
    faults: Faults
    unknown_stored: int
    wrong: list[str]
    seconds: float

    def __str__(self) -> str:
        ledger = self.ledger
        told = (
            f"{len(ledger.stored)} stored once, {len(ledger.failed)} known to have failed and not stored,"
            f" {len(ledger.unknown)} reported as unknown (stored: {self.unknown_stored})"
        )
        faults = ", ".join(f"{count} {name}" for name, count in (self.faults.done + self.faults.seen).items())
        return (
            f"{told}; {len(self.wrong)} wrong; {ledger.attempts} attempts in {self.seconds:.0f} s, the longest unit"
            f" {ledger.longest_seconds:.1f} s\n  faults: {faults}"
        )


def crashing(*, units: int, threads: int, seed: int, crashes: int) -> Result:
    """Run the units on a server of their own that crashes so often, on a disk that is full now and then."""
    with Cluster(settings=DURABLE) as cluster:
        name = cluster.clone(prepare)
        url = superuser(cluster, name)
        with small_disk(cluster, name) as disk, cluster.database(name) as database:
            operate = partial(Faults.operate, server=Server(url), disk=disk, times=crashes)
            return stress(cluster, database, units=units, threads=threads, seed=seed, operate=operate)


def stress(
    cluster: Cluster, database: Database, *, units: int, threads: int, seed: int, operate: Operate | None = None
) -> Result:
    """Run units 1 to ``units``; ``operate`` is called beside them."""
    _find_deadlocks_soon(cluster, database)
    numbers = range(1, units + 1)
    work = Units(database, seed=seed)
    faults = Faults(seed)
    started = time.monotonic()
    with proxy(database.engine.url) as line:
        url = database.engine.url.set(host="127.0.0.1", port=line.port)
        with (
            Database(url.render_as_string(hide_password=False), pool_size=threads, time_limits=LIMITS) as remote,
            faults.injected(remote, line, killer=database),
            ThreadPoolExecutor(threads + 1) as workers,
        ):
            operator = operate and workers.submit(operate, faults, done=lambda: len(work.ledger.told) / units)
            list(workers.map(partial(work.run, remote), numbers))
            if operator:
                operator.result()
    seconds = time.monotonic() - started
    stored = work.ledger.unknown & set(work.stored(database))
    return Result(work.ledger, faults, len(stored), work.wrong(database, numbers), seconds)


def _find_deadlocks_soon(cluster: Cluster, database: Database) -> None:
    """Have PostgreSQL look for them after 20 ms, not after a second."""
    superuser = make_url(os.environ.get("TEST_DATABASE_URL") or cluster.url("postgres", "postgres"))
    engine = create_engine(superuser.set(drivername="postgresql+psycopg2"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"ALTER DATABASE {database.engine.url.database} SET deadlock_timeout = '20ms'"))
    engine.dispose()
    database.engine.dispose()
