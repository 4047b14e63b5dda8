"""Kill a purge with SIGKILL at random moments, and start it again: nothing lost, nothing double.

Two equal databases: one is purged undisturbed, the other by processes that are killed, until one comes to its end.
After every kill, what is gone from each table must be what the record says went; no row that is to stay is missing.
In the end both hold the same rows, and their records add up to the same figures.

    python benchmarks/kill_purge.py [--kills 50] [--tenders 1500] [--engine sqlite] [--engine postgresql]
"""

import argparse
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import func, select, update

from domain import (
    AnalysisRepository,
    AnalysisResult,
    Database,
    Organization,
    OrganizationRepository,
    Tender,
    TenderNotice,
    TenderRepository,
    User,
    UserRepository,
    utcnow,
)
from domain.kit.records import PurgeRecord
from domain.retention import purge
from domain.testing import Cluster, build
from domain.testing.cluster import APPLICATION, OWNER, SYSTEM
from domain.testing.fixtures import prepare

MODELS = (Organization, User, Tender, TenderNotice, AnalysisResult)
BATCH = 25
MOST_BATCHES = 4  # before a kill
LINGER_SECONDS = 0.05  # at most, from a batch's DELETE to the kill
Open = Callable[[], Database]
Figures = Counter[tuple[int, str]]


def fill(database: Database, tenders: int) -> None:
    """Organization 1 with a third each of live, just deleted and long deleted tenders; 2 deleted long ago, all live."""
    for organization_id in (1, 2):
        with database.get_session(organization_id=organization_id) as session:
            rows = TenderRepository(session).create_many([build(Tender) for _ in range(tenders)])
            of = [build(AnalysisResult, tender_id=row.id) for row in rows]
            AnalysisRepository(session).create_many(of)
            UserRepository(session).create_many([build(User) for _ in range(20)])
        if organization_id == 1:
            with database.get_session(organization_id=1) as session:
                for row in rows[: tenders * 2 // 3]:
                    TenderRepository(session).soft_delete(row.id)
    with database.get_session(organization_id=2) as session:
        OrganizationRepository(session).soft_delete(2)
    old = utcnow() - timedelta(days=400)
    with database.migration_engine.begin() as connection:
        for model in MODELS:
            table = model.__table__
            connection.execute(update(table).where(table.c.is_deleted).values(deleted_at=old))
        keep = select(Tender.__table__.c.id).where(Tender.__table__.c.is_deleted, Tender.__table__.c.id % 2 == 0)
        kept = connection.scalars(keep).all()
        for table, key in ((Tender.__table__, "id"), (AnalysisResult.__table__, "tender_id")):
            connection.execute(update(table).where(table.c[key].in_(kept)).values(deleted_at=utcnow()))


def rows(database: Database) -> dict[str, Counter[int]]:
    """The ids in every table, beside the organization."""
    with database.migration_engine.connect() as connection:
        found: dict[str, Counter[int]] = {}
        for model in MODELS:
            table = model.__table__
            owner = table.c.id if model is Organization else table.c.organization_id
            counted = connection.execute(select(owner, func.count()).group_by(owner))
            found[table.name] = Counter({row[0]: row[1] for row in counted})
        return found


def recorded(database: Database) -> Figures:
    """How many rows went, by organization and table, as the record says."""
    table = PurgeRecord.__table__
    total: Figures = Counter()
    with database.migration_engine.connect() as connection:
        for owner, name, number in connection.execute(
            select(table.c.purged_organization_id, table.c.table_name, table.c.row_count).where(
                table.c.table_name.in_([model.__table__.name for model in MODELS])  # the trail grows while rows go
            )
        ):
            total[owner, name] += number
    return total


def ids(database: Database) -> dict[str, set[int]]:
    """The ids in every table."""
    with database.migration_engine.connect() as connection:
        return {m.__table__.name: set(connection.scalars(select(m.__table__.c.id))) for m in MODELS}


def gone(before: dict[str, Counter[int]], now: dict[str, Counter[int]]) -> Figures:
    """How many rows went, as the tables show."""
    return Counter(
        {
            (owner, name): number - now[name][owner]
            for name, owners in before.items()
            for owner, number in owners.items()
            if number != now[name][owner]
        }
    )


def run_and_kill(open_database: Open, *, batches: int | None) -> bool:
    """Purge in a process of its own, and kill it a moment after so many batches; None: let it end.

    Whether it was killed, or had ended before.
    """
    told, tells = os.pipe()
    process = os.fork()
    if process == 0:
        try:
            with open_database() as database:
                purge(database, actor="killed", batch_size=BATCH, progress=lambda _: os.write(tells, b".") and None)
        except BaseException as error:
            print(f"  the purge failed: {error!r}", file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    os.close(tells)
    while (batches is None or batches > 0) and os.read(told, 1):
        batches = None if batches is None else batches - 1
    if batches is not None:
        time.sleep(random.uniform(0, LINGER_SECONDS))
        os.kill(process, signal.SIGKILL)
    os.close(told)
    _, status = os.waitpid(process, 0)
    if os.WIFSIGNALED(status):
        return True
    assert os.WEXITSTATUS(status) == 0, "the purge failed"
    return False


def one_round(undisturbed: Open, disturbed: Open, tenders: int, kills: int) -> int:
    """Fill, purge and compare; how many kills there were."""
    with undisturbed() as database:
        fill(database, tenders)
        initial = ids(database)
        started = time.perf_counter()
        purge(database, actor="undisturbed", batch_size=BATCH)
        seconds = time.perf_counter() - started
        expected, figures = ids(database), recorded(database)
        assert sum(figures.values()) > tenders
    with disturbed() as database:
        fill(database, tenders)
        assert ids(database) == initial, "the two databases differ before the purge"
        before = rows(database)
    done = 0
    killed_at: list[int] = []
    while True:
        killed = run_and_kill(disturbed, batches=random.randint(0, MOST_BATCHES) if done < kills else None)
        with disturbed() as database:
            at = recorded(database)
            assert gone(before, rows(database)) == at, "what is gone is not what the record says"
            assert all(expected[name] <= found for name, found in ids(database).items()), "a row was lost"
        if not killed:
            break
        done += 1
        killed_at.append(sum(at.values()))
    with disturbed() as database:
        assert ids(database) == expected, "other rows are left than after an undisturbed run"
        assert recorded(database) == figures, "the record does not add up to an undisturbed run's"
    inside = len({number for number in killed_at if 0 < number < sum(figures.values())})
    print(f"  {sum(figures.values()):,} rows went, {seconds:.1f} s undisturbed; {done} kills, at {inside} amounts done")
    return done


@contextmanager
def databases(engine: str) -> Generator[Callable[[], tuple[Open, Open]]]:
    """Makes pairs of equal databases."""
    if engine == "sqlite":
        with TemporaryDirectory() as folder:
            numbers = iter(range(10**6))

            def make() -> Open:
                url = f"sqlite:///{Path(folder, f'{next(numbers)}.db')}"
                with Database(url) as database:
                    prepare(database)
                return lambda: Database(url)

            yield lambda: (make(), make())
        return
    with Cluster() as cluster:

        def clone() -> Open:
            name = cluster.clone(prepare)
            return lambda: Database(
                cluster.url(name, APPLICATION),
                system_database_url=cluster.url(name, SYSTEM),
                migration_database_url=cluster.url(name, OWNER),
            )

        yield lambda: (clone(), clone())


def main() -> int:
    parser = argparse.ArgumentParser(description="Kill a purge at random moments, and start it again.")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--tenders", type=int, default=1500, help="for each of two organizations")
    parser.add_argument("--engine", action="append", choices=["sqlite", "postgresql"])
    parser.add_argument("--seed", type=int, default=None)
    arguments = parser.parse_args()
    random.seed(arguments.seed)
    for engine in arguments.engine or ["sqlite", "postgresql"]:
        print(f"{engine}:", flush=True)
        with databases(engine) as make:
            done = 0
            while done < arguments.kills:
                done += one_round(*make(), arguments.tenders, arguments.kills - done)
        print(f"  {done} kills: nothing lost, nothing double", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
