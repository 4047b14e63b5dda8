"""``python -m benchmarks.stale_writes``: threads that write the same rows, and whether every write is accounted for.

Each write adds one to a counter in the row: by a saved object, by ``update`` with the version that was read, or by a
statement. It is applied or refused with ConflictError; in the end the counters and versions have to add up.
"""

import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import NamedTuple

from sqlalchemy import update
from sqlmodel import col

from domain import ConflictError, Database, TenantSession, Tender, TenderPatch, TenderRepository, TenderStatus
from domain.testing import Cluster, postgresql_database

Write = Callable[[TenantSession, int], None]


class Outcome(NamedTuple):
    """What the threads were told (by kind of write), and what the rows hold."""

    applied: Counter[str]
    refused: Counter[str]
    counted: int
    versions: int


def _count_of(tender: Tender) -> int:
    return int(tender.description or 0)


def save(session: TenantSession, tender_id: int) -> None:
    """Read the object, change it, and let the commit save it."""
    tender = TenderRepository(session).require(tender_id)
    tender.description = str(_count_of(tender) + 1)


def patch(session: TenantSession, tender_id: int) -> None:
    """As an API does: with the version that its client saw."""
    tenders = TenderRepository(session)
    tender = tenders.require(tender_id)
    changes = TenderPatch.model_validate({"description": str(_count_of(tender) + 1)})
    tenders.update(tender_id, changes, expected_version=tender.version)


def state(session: TenantSession, tender_id: int) -> None:
    """A statement by hand, which counts in another column."""
    seconds = col(Tender.processing_time)
    statement = update(Tender).where(col(Tender.id) == tender_id).values(processing_time=seconds + 1)
    session.exec(statement, execution_options={"synchronize_session": False})


def mark(session: TenantSession, tender_id: int) -> None:
    """A repository's statement, which counts nothing but the version."""
    assert TenderRepository(session).update_status(tender_id, TenderStatus.PROCESSING)


WRITES: tuple[Write, ...] = (save, patch, state, mark)


def write_at_once(database: Database, *, rows: int, threads: int, writes: int) -> Outcome:
    """``writes`` in all, by so many threads, on so many rows of organization 1."""
    with database.get_session(organization_id=1) as session:
        made = [Tender(title="Bridge", description="0", processing_time=0.0) for _ in range(rows)]
        ids = [tender.id for tender in TenderRepository(session).create_many(made)]
    before = rows  # versions begin at 1

    def run(seed: int) -> tuple[Counter[str], Counter[str]]:
        chosen = Random(seed)  # no secret
        applied, refused = Counter[str](), Counter[str]()
        for _ in range(writes // threads):
            write = chosen.choice(WRITES)
            try:
                with database.get_session(organization_id=1) as session:
                    write(session, chosen.choice(ids))
            except ConflictError:
                refused[write.__name__] += 1
            else:
                applied[write.__name__] += 1
        return applied, refused

    applied, refused = Counter[str](), Counter[str]()
    with ThreadPoolExecutor(threads) as pool:
        for done, turned_down in pool.map(run, range(threads)):
            applied += done
            refused += turned_down
    with database.get_session(organization_id=1) as session:
        stored = [TenderRepository(session).require(tender_id) for tender_id in ids]
    counted = sum(_count_of(tender) + int(tender.processing_time or 0) for tender in stored)
    return Outcome(applied, refused, counted, sum(tender.version for tender in stored) - before)


def faults(outcome: Outcome, *, writes: int) -> list[str]:
    """What does not add up."""
    applied = outcome.applied.total()
    found = {
        "writes accounted for": (applied + outcome.refused.total(), writes),
        "counted in the rows": (outcome.counted, applied - outcome.applied["mark"]),
        "versions": (outcome.versions, applied),
    }
    return [f"{name}: {got}, not {wanted}" for name, (got, wanted) in found.items() if got != wanted]


def main() -> int:
    """0 where it adds up: 16 threads, 100 rows, 10,000 writes."""
    with Cluster() as cluster, postgresql_database(cluster) as database:
        started = time.perf_counter()
        outcome = write_at_once(database, rows=100, threads=16, writes=10_000)
        seconds = time.perf_counter() - started
    print(f"{outcome.applied.total()} applied {dict(outcome.applied)}")
    print(f"{outcome.refused.total()} refused {dict(outcome.refused)}")
    print(f"{outcome.counted} counted in the rows, {outcome.versions} versions; {10_000 / seconds:.0f} writes/s")
    found = faults(outcome, writes=10_000)
    print("\n".join(found) or "every write was applied or refused, and the rows add up")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
