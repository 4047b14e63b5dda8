"""What ``domain.metrics`` costs: a row by its id, on an instrumented Database and on another one beside it.

Each call of the one stands beside a call of the other, in an order that changes; the figure is the ratio of medians.

    python benchmarks/metrics_cost.py [--calls 6000] [--limit 1.03]
"""

import argparse
import gc
import random
import statistics
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from prometheus_client import CollectorRegistry

from domain import Database, Tender, TenderRepository
from domain.metrics import instrument
from domain.testing import Cluster, build
from domain.testing.fixtures import prepare

TENDERS, WARM_UP, QUIET = 500, 300, 500


def fill(database: Database) -> list[int]:
    """Tenders of organization 1: their ids."""
    with database.get_session(organization_id=1) as session:
        return [row.id for row in TenderRepository(session).create_many([build(Tender) for _ in range(TENDERS)])]


def seconds(database: Database, tender_id: int) -> float:
    started = time.perf_counter()
    with database.tenant(1, actor="user:12").session() as session:
        assert TenderRepository(session).get(tender_id) is not None
    return time.perf_counter() - started


def ratio(name: str, databases: list[Database], calls: int) -> float:
    """The median with metrics over the median without, printed; the first of the databases is neither's."""
    filled, without, measured = databases
    ids = fill(filled)
    instrument(measured, registry=CollectorRegistry())
    taken: dict[Database, list[float]] = {without: [], measured: []}
    gc.disable()
    for number in range(calls + WARM_UP):
        tender_id = random.choice(ids)
        for database in random.sample([without, measured], 2):
            took = seconds(database, tender_id)
            if number >= WARM_UP:
                taken[database].append(took)
        if number % QUIET == 0:
            gc.collect()
    gc.enable()
    medians = [statistics.median(taken[database]) for database in (measured, without)]
    found = medians[0] / medians[1]
    print(f"{name:10} {found:.3f}  {medians[0] * 1e6:.0f} µs with metrics, {medians[1] * 1e6:.0f} µs without")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description="What metrics cost.")
    parser.add_argument("--calls", type=int, default=6000)
    parser.add_argument("--limit", type=float, default=1.03, help="exit 1 where a ratio is above it")
    given = parser.parse_args()
    found: list[float] = []
    with TemporaryDirectory() as folder, ExitStack() as stack:
        url = f"sqlite:///{Path(folder) / 'metrics.db'}"
        databases = [stack.enter_context(Database(url)) for _ in range(3)]
        prepare(databases[0])
        found.append(ratio("SQLite", databases, given.calls))
    with Cluster() as cluster, ExitStack() as stack:
        name = cluster.clone(prepare)
        databases = [stack.enter_context(cluster.database(name)) for _ in range(3)]
        found.append(ratio("PostgreSQL", databases, given.calls))
    return 1 if max(found) > given.limit else 0


if __name__ == "__main__":
    sys.exit(main())
