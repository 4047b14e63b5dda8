"""What ``domain.metrics`` costs: a row by its id, from one Database with metrics and without.

The two take turns in short blocks, since two Databases alike differ by more than metrics cost; the figure is the
ratio of the medians over all calls.

    python benchmarks/metrics_cost.py [--blocks 300] [--limit 1.03]
"""

import argparse
import gc
import random
import statistics
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from prometheus_client import CollectorRegistry

from domain import Database, Tender, TenderRepository
from domain.metrics import instrument
from domain.testing import Cluster, build
from domain.testing.fixtures import prepare

TENDERS, CALLS, WARM_UP = 500, 20, 3


def fill(database: Database) -> list[int]:
    """Tenders of organization 1: their ids."""
    with database.get_session(organization_id=1) as session:
        return [row.id for row in TenderRepository(session).create_many([build(Tender) for _ in range(TENDERS)])]


def seconds(database: Database, tender_id: int) -> float:
    started = time.perf_counter()
    with database.tenant(1, actor="user:12").session() as session:
        assert TenderRepository(session).get(tender_id) is not None
    return time.perf_counter() - started


def block(database: Database, ids: list[int]) -> list[float]:
    """The times of a block's calls; the first ones warm caches."""
    gc.collect()
    gc.disable()
    taken = [seconds(database, random.choice(ids)) for _ in range(WARM_UP + CALLS)][WARM_UP:]
    gc.enable()
    return taken


def measured(database: Database, ids: list[int]) -> list[float]:
    metrics = instrument(database, registry=CollectorRegistry(), slow_query_seconds=None)
    taken = block(database, ids)
    metrics.uninstrument()
    return taken


def ratio(database: Database, blocks: int) -> float:
    """The median over pairs of blocks, one with metrics and one without, of the ratio of their medians; printed."""
    ids = fill(database)
    block(database, ids)
    on: list[float] = []
    off: list[float] = []
    for number in range(blocks):
        for takes, into in ((measured, on), (block, off))[:: -1 if number % 2 else 1]:
            into.append(statistics.median(takes(database, ids)))
    found = statistics.median(with_ / without for with_, without in zip(on, off, strict=True))
    times = ", ".join(f"{statistics.median(taken) * 1e6:.0f} µs" for taken in (on, off))
    print(f"{database.engine.dialect.name:10} {found:.3f}  (with, without: {times})")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description="What metrics cost.")
    parser.add_argument("--blocks", type=int, default=300)
    parser.add_argument("--limit", type=float, default=1.03, help="exit 1 where a ratio is above it")
    given = parser.parse_args()
    with TemporaryDirectory() as folder, Database(f"sqlite:///{Path(folder) / 'metrics.db'}") as database:
        prepare(database)
        found = [ratio(database, given.blocks)]
    with Cluster() as cluster, cluster.database(cluster.clone(prepare)) as database:
        found.append(ratio(database, given.blocks))
    return 1 if max(found) > given.limit else 0


if __name__ == "__main__":
    sys.exit(main())
