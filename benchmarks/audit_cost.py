"""What the audit trail costs on PostgreSQL: repositories with the trail on against the same with its triggers gone.

Both run in turns, in one process, on one throwaway PostgreSQL; the figure is the median of the rounds' ratios.

    python benchmarks/audit_cost.py [--rounds 30] [--limit 1.45] [--bulk-limit 1.8]
"""

import argparse
import gc
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlalchemy import text

from domain import Database, DomainModel, Tender, TenderRepository, TenderStatus
from domain.kit.schema.audit_columns import audited
from domain.kit.schema.audit_postgresql import drop
from domain.testing import Cluster, build
from domain.testing.fixtures import prepare

CALLS, BULK = 40, 10_000


@dataclass(frozen=True)
class Operation:
    """``run`` is called ``calls`` times a round, with the ids of tenders that nothing else touches."""

    name: str
    run: Callable[[Database, int], None]
    calls: int
    rounds: int
    limit: float


def create(database: Database, number: int) -> None:
    with database.get_session(organization_id=1, actor="user:12", request_id="req-1") as session:
        TenderRepository(session).create(title="New", external_id=f"new-{number}", description="A bridge. " * 20)


def update_status(database: Database, tender_id: int) -> None:
    with database.get_session(organization_id=1, actor="user:12", request_id="req-1") as session:
        assert TenderRepository(session).update_status(tender_id, TenderStatus.PROCESSING)


def soft_delete(database: Database, tender_id: int) -> None:
    with database.get_session(organization_id=1, actor="user:12", request_id="req-1") as session:
        assert TenderRepository(session).soft_delete(tender_id)


def create_many(database: Database, number: int) -> None:
    rows = [
        build(Tender, title="New", external_id=f"many-{number}-{row}", description="A bridge. " * 20)
        for row in range(BULK)
    ]
    with database.get_session(organization_id=1, actor="user:12", request_id="req-1") as session:
        TenderRepository(session).create_many(rows)


def switch_off(database: Database) -> None:
    """Take every trigger of the trail away."""
    with database.migration_engine.begin() as connection:
        for table in DomainModel.metadata.sorted_tables:
            if audited(table):
                for statement in drop(table.name):
                    connection.execute(text(statement))


def seconds(operation: Operation, database: Database, numbers: list[int]) -> float:
    started = time.perf_counter()
    for number in numbers:
        operation.run(database, number)
    return time.perf_counter() - started


def tenders(database: Database, count: int) -> Iterator[int]:
    """The ids of new ones."""
    with database.get_session(organization_id=1) as session:
        yield from [row.id for row in TenderRepository(session).create_many([build(Tender) for _ in range(count)])]


def ratio(operation: Operation, contenders: tuple[Database, Database]) -> float:
    """The median of on / off over the rounds, printed with its spread."""
    rounds = operation.rounds + 3
    ids = [list(tenders(database, rounds * operation.calls)) for database in contenders]
    for database in contenders:
        with database.migration_engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
    ratios: list[float] = []
    times: list[float] = []
    for number in range(rounds):
        chosen = slice(number * operation.calls, (number + 1) * operation.calls)
        taken = [0.0, 0.0]
        gc.collect()
        gc.disable()
        for side in (0, 1) if number % 2 else (1, 0):
            taken[side] = seconds(operation, contenders[side], ids[side][chosen])
        gc.enable()
        if number >= 3:  # the first rounds warm caches
            ratios.append(taken[0] / taken[1])
            times.append(taken[0] / operation.calls)
    low, middle, high = statistics.quantiles(ratios, n=4)
    within = "" if middle <= operation.limit else f"  above {operation.limit}"
    milliseconds = statistics.median(times) * 1e3
    print(f"{operation.name:14} {middle:5.2f}  ({low:.2f} to {high:.2f})  {milliseconds:8.2f} ms{within}")
    return middle


def main() -> int:
    parser = argparse.ArgumentParser(description="What the audit trail costs.")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--limit", type=float, default=1.45, help="exit 1 where a single write's ratio is above it")
    parser.add_argument("--bulk-limit", type=float, default=1.8, help="the same for 10,000 inserts")
    given = parser.parse_args()
    operations = [
        *(
            Operation(run.__name__, run, CALLS, given.rounds, given.limit)
            for run in (create, update_status, soft_delete)
        ),
        Operation("create_many", create_many, 1, max(5, given.rounds // 4), given.bulk_limit),
    ]
    with Cluster() as cluster:
        with cluster.database(cluster.clone(prepare)) as on, cluster.database(cluster.clone(prepare)) as off:
            switch_off(off)
            above = [operation for operation in operations if ratio(operation, (on, off)) > operation.limit]
    return 1 if above else 0


if __name__ == "__main__":
    sys.exit(main())
