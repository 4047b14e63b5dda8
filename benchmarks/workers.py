"""Workers that are killed at random while they share one organization's tenders: each done once, none lost.

Some tenders are poisoned: they kill whoever works on them, and end as an error after the default number of attempts.

Each worker is a process: it claims a few tenders in one transaction, works on them, and in a second transaction for
each stores the analysis and ends the status. SIGKILL hits a random one every few moments, whatever it is doing, and a
new one takes its place. On a throwaway PostgreSQL.

    python benchmarks/workers.py [--tenders 10000] [--workers 8] [--lease 2.0] [--pause 0.25] [--poisoned 5]
        [--seed 1]
"""

import argparse
import multiprocessing
import os
import random
import signal
import sys
import time
from collections import Counter
from datetime import timedelta
from multiprocessing.process import BaseProcess

from sqlmodel import col, func, select

from domain import AnalysisRepository, AnalysisResult, Database, Tender, TenderRepository, TenderStatus
from domain.tenders.claims import MAX_ATTEMPTS
from domain.testing import Cluster, build
from domain.testing.fixtures import prepare

ORGANIZATION = 1
POISON = "poison"  # as a tender's source
ENDED = (TenderStatus.COMPLETE, TenderStatus.ERROR)


def work(url: str, seed: int, lease: timedelta) -> None:
    """Claim, work, store, until nothing is left to do."""
    chance = random.Random(seed)
    with Database(url, pool_size=1, max_overflow=0) as database:
        while True:
            with database.get_session(organization_id=ORGANIZATION) as session:
                mine = TenderRepository(session).claim(limit=chance.randint(1, 10), lease=lease)
            for tender in mine:
                if tender.source == POISON:
                    os.kill(os.getpid(), signal.SIGKILL)
                time.sleep(chance.random() * 0.004)  # a model thinks
                store(database, tender)
            if not mine:
                with database.get_session(organization_id=ORGANIZATION) as session:
                    if not TenderRepository(session).exists(col(Tender.status).not_in(ENDED)):
                        return
                time.sleep(lease.total_seconds() / 4)  # somebody else's leases have yet to end or to lapse


def store(database: Database, tender: Tender) -> None:
    """The result, if the tender is still this worker's: all of it or nothing."""
    with database.get_session(organization_id=ORGANIZATION) as session:
        done = TenderRepository(session).update_status(
            tender.id,
            TenderStatus.COMPLETE,
            processing_time=0.001,
            expected=TenderStatus.PROCESSING,
            expected_version=tender.version,
        )
        if done:
            AnalysisRepository(session).create(tender_id=tender.id, is_relevant=True, confidence=0.9)


def fill(database: Database, number: int, poisoned: set[int]) -> set[int]:
    ids: set[int] = set()
    with database.get_session(organization_id=ORGANIZATION) as session:
        for start in range(0, number, 1000):
            numbers = range(start, min(start + 1000, number))
            rows = [build(Tender, external_id=f"{n}", source=POISON if n in poisoned else None) for n in numbers]
            ids |= {row.id for row in TenderRepository(session).create_many(rows)}
            session.expunge_all()
    return ids


def ended(database: Database) -> int:
    with database.get_session(organization_id=ORGANIZATION) as session:
        return TenderRepository(session).count(col(Tender.status).in_(ENDED))


def run(database: Database, url: str, arguments: argparse.Namespace) -> tuple[int, int]:
    """Keep so many workers alive until all is done, and kill; how many were killed, and how many failed."""
    chance = random.Random(arguments.seed)
    context = multiprocessing.get_context("forkserver")  # or most would be killed while they import
    context.set_forkserver_preload(["domain", "domain.testing"])
    lease = timedelta(seconds=arguments.lease)
    started = killed = failed = 0
    workers: list[BaseProcess] = []
    while True:
        for worker in [worker for worker in workers if not worker.is_alive()]:
            workers.remove(worker)
            failed += worker.exitcode not in {0, -signal.SIGKILL}
        if ended(database) == arguments.tenders and not workers:
            return killed, failed
        while len(workers) < arguments.workers and ended(database) < arguments.tenders:
            started += 1
            worker = context.Process(target=work, args=(url, arguments.seed * 1000 + started, lease))
            worker.start()
            workers.append(worker)
        time.sleep(chance.random() * 2 * arguments.pause)
        if workers and ended(database) < arguments.tenders * 0.98:  # the rest has to come to an end
            victim = chance.choice(workers)
            if victim.pid is not None and victim.is_alive():
                os.kill(victim.pid, signal.SIGKILL)
                victim.join()
                killed += 1


def faults(database: Database, ids: set[int]) -> list[str]:
    """What is lost or double; also how often tenders had to be handed out."""
    analyses = AnalysisResult.__table__
    with database.migration_engine.connect() as connection:
        everything = {row.id: row for row in connection.execute(select(*Tender.__table__.c))}
        counts = select(analyses.c.tender_id, func.count()).group_by(analyses.c.tender_id)
        per_tender = {row.tender_id: row[1] for row in connection.execute(counts)}
    poisoned = {key: row for key, row in everything.items() if row.source == POISON}
    stored = {key: row for key, row in everything.items() if key not in poisoned}
    ids -= poisoned.keys()
    given_up = Counter(row.error_message for row in poisoned.values())
    print("poisoned:", ", ".join(f"{number} x {message!r}" for message, number in given_up.items()))
    # A new tender has version 1, each claim and the one completion add 1.
    claims = Counter(row.version - 2 for row in stored.values())
    print("handed out:", ", ".join(f"{number} x {times}" for times, number in sorted(claims.items())))
    problems = {
        "tenders lost": len(ids - stored.keys()),
        "tenders not complete": sum(row.status != TenderStatus.COMPLETE for row in stored.values()),
        "tenders without an analysis": len(ids - per_tender.keys()),
        "tenders with several analyses": sum(number != 1 for number in per_tender.values()),
        "leases that were not ended": sum(row.leased_until is not None for row in stored.values()),
        "completed without a claim": claims[0] + claims[-1],
        "attempts that are not the claims": sum(row.attempts != row.version - 2 for row in stored.values()),
        "poisoned tenders that are no error": sum(row.status != TenderStatus.ERROR for row in poisoned.values()),
        "poisoned tenders after another number of attempts": sum(
            row.attempts != MAX_ATTEMPTS for row in poisoned.values()
        ),
    }
    return [f"{what}: {number}" for what, number in problems.items() if number]


def main() -> int:
    parser = argparse.ArgumentParser(description="Workers that are killed at random.")
    parser.add_argument("--tenders", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--lease", type=float, default=2.0, help="seconds")
    parser.add_argument("--pause", type=float, default=0.25, help="seconds between kills, on average")
    parser.add_argument("--poisoned", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with Cluster() as cluster:
        name = cluster.clone(prepare)
        with cluster.database(name) as database:
            poisoned = random.Random(arguments.seed).sample(range(arguments.tenders), arguments.poisoned)
            ids = fill(database, arguments.tenders, set(poisoned))
            began = time.perf_counter()
            killed, failed = run(database, database.engine.url.render_as_string(hide_password=False), arguments)
            seconds = time.perf_counter() - began
            print(
                f"{arguments.tenders} tenders, {arguments.workers} workers, {killed} killed:"
                f" {seconds:.1f} s, {arguments.tenders / seconds:.0f}/s"
            )
            found = [*faults(database, ids), *([f"workers that failed: {failed}"] if failed else [])]
    print("\n".join(found) or "each done once, none lost")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
