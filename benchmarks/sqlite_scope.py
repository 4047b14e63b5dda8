"""What it costs that SQLite itself holds the scope: sessions over views and triggers against the same without.

Both run in turns, in one process, on copies of one file; the figure is the median of the rounds' ratios. ``own`` is a
statement that an application writes, against a bare SQLAlchemy session with its conditions written out.

    python -m benchmarks.sqlite_scope [--rounds 40] [--limit 1.1] [--own-limit 1.5]
"""

import argparse
import gc
import random
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import func, update
from sqlalchemy.orm import Session
from sqlmodel import col, select

from domain import Database, Tender, TenderRepository, TenderStatus
from domain.testing import build, sqlite_database
from domain.testing.fixtures import prepare

TENDERS, CALLS = 2_000, 40
Operation = Callable[[Database, int], None]


def get(database: Database, tender_id: int) -> None:
    with database.get_session(organization_id=1) as session:
        assert TenderRepository(session).get(tender_id) is not None


def list_50(database: Database, _tender_id: int) -> None:
    with database.get_session(organization_id=1) as session:
        assert len(TenderRepository(session).list_by_organization(limit=50)) == 50


def create(database: Database, _tender_id: int) -> None:
    with database.get_session(organization_id=1) as session:
        TenderRepository(session).create(title="New")


def change(database: Database, tender_id: int) -> None:
    with database.get_session(organization_id=1) as session:
        assert TenderRepository(session).update_status(tender_id, TenderStatus.COMPLETE)


def change_all(database: Database, _tender_id: int) -> None:
    with database.get_session(organization_id=1) as session:
        session.exec(update(Tender).values(source="changed"))


OWN = select(func.count()).select_from(Tender).where(func.length(Tender.title) > 100)
BARE = OWN.where(col(Tender.organization_id) == 1, ~col(Tender.is_deleted))


def own(database: Database, _tender_id: int) -> None:
    if database.engine is database.migration_engine:
        with Session(database.engine) as bare:
            assert bare.execute(BARE).scalar() == 0
            bare.commit()
    else:
        with database.get_session(organization_id=1) as session:
            assert session.exec(OWN).one() == 0


def ratio(operation: Operation, databases: tuple[Database, Database], ids: list[int], rounds: int) -> float:
    """The median of scoped / open over the rounds, printed with its spread."""
    ratios: list[float] = []
    calls = 1 if operation is change_all else CALLS
    for number in range(rounds + 3):
        chosen = random.choices(ids, k=calls)
        taken: dict[Database, float] = {}
        gc.collect()
        for database in databases if number % 2 else databases[::-1]:
            started = time.perf_counter()
            for tender_id in chosen:
                operation(database, tender_id)
            taken[database] = time.perf_counter() - started
        if number >= 3:  # the first rounds warm caches
            ratios.append(taken[databases[0]] / taken[databases[1]])
    low, middle, high = statistics.quantiles(ratios, n=4)
    print(f"{operation.__name__:10} {middle:5.2f}  ({low:.2f} to {high:.2f})")
    return middle


def opening(database: Database) -> float:
    """Milliseconds for a new connection: the median of 50."""
    times: list[float] = []
    for _ in range(50):
        database.engine.dispose()
        started = time.perf_counter()
        with database.engine.connect():
            times.append(time.perf_counter() - started)
    return 1000 * statistics.median(times)


def main() -> int:
    parser = argparse.ArgumentParser(description="What SQLite's scope costs.")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--limit", type=float, default=1.1, help="of one row's operations and of list 50")
    parser.add_argument("--own-limit", type=float, default=1.5, help="of an application's own statement")
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder, ExitStack() as stack:
        template = Path(folder, "template.db")
        with Database(f"sqlite:///{template}") as database:
            prepare(database)
            with database.get_session(organization_id=1) as session:
                ids = [row.id for row in TenderRepository(session).create_many([build(Tender) for _ in range(TENDERS)])]
        scoped, bare = (stack.enter_context(sqlite_database(template)) for _ in range(2))
        bare.engine = bare.migration_engine
        worst = max(ratio(each, (scoped, bare), ids, arguments.rounds) for each in (get, list_50, create, change))
        of_own = ratio(own, (scoped, bare), ids, arguments.rounds)
        ratio(change_all, (scoped, bare), ids, arguments.rounds)
        held, without = opening(scoped), opening(bare)
        print(f"opening    {held - without:5.1f} ms more, of {held:.1f}")
    return 1 if worst > arguments.limit or of_own > arguments.own_limit else 0


if __name__ == "__main__":
    sys.exit(main())
