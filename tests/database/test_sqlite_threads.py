"""SQLite under threads: nothing is lost, nobody is told that the database is locked."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import TypeVar

from sqlalchemy import inspect

from domain import Database, OrganizationRepository, StaleVersionError, TenantSession, TenderRepository, TenderStatus
from domain.testing import make_organization

THREADS = 8
ResultT = TypeVar("ResultT")


def together(work: Callable[[int], ResultT]) -> list[ResultT]:
    """What each of the threads returned; they start at the same moment. Raises what any of them raised."""
    start = Barrier(THREADS)

    def run(number: int) -> ResultT:
        start.wait()
        return work(number)

    with ThreadPoolExecutor(THREADS) as threads:
        return [future.result() for future in [threads.submit(run, number) for number in range(THREADS)]]


def test_rows_of_eight_threads_all_arrive(domain_sqlite: Database) -> None:
    def insert(number: int) -> None:
        for turn in range(10):
            with domain_sqlite.get_session(organization_id=1) as session:
                TenderRepository(session).create(title=f"{number}-{turn}")

    together(insert)
    with domain_sqlite.get_session(organization_id=1) as session:
        titles = [tender.title for tender in TenderRepository(session).find(limit=200)]
    assert sorted(titles) == sorted(f"{number}-{turn}" for number in range(THREADS) for turn in range(10))


def test_reading_then_writing_adds_up_or_says_that_the_row_was_stale(domain_sqlite: Database) -> None:
    with domain_sqlite.get_session(organization_id=1) as session:
        tender_id = TenderRepository(session).create(title="counter", processing_time=0).id

    def add_one(_number: int) -> int:
        refused = 0
        for _ in range(5):
            while True:
                try:
                    with domain_sqlite.get_session(organization_id=1) as session:
                        tender = TenderRepository(session).require(tender_id)
                        tender.processing_time = (tender.processing_time or 0) + 1
                    break
                except StaleVersionError:
                    refused += 1
        return refused

    together(add_one)
    with domain_sqlite.get_session(organization_id=1) as session:
        tender = TenderRepository(session).require(tender_id)
        assert (tender.processing_time, tender.version) == (THREADS * 5, THREADS * 5 + 1)


def test_reading_then_writing_other_rows_always_succeeds(domain_sqlite: Database) -> None:
    def read_then_write(number: int) -> None:
        for _ in range(5):
            with domain_sqlite.get_session(organization_id=1) as session:
                tenders = TenderRepository(session)
                before = tenders.count()
                tenders.create(title=f"{number} after {before}")

    together(read_then_write)
    with domain_sqlite.get_session(organization_id=1) as session:
        assert TenderRepository(session).count() == THREADS * 5


def test_readers_beside_writers_see_whole_transactions(domain_sqlite: Database) -> None:
    def work(number: int) -> list[int]:
        seen: list[int] = []
        for _ in range(8):
            with domain_sqlite.get_session(organization_id=1) as session:
                tenders = TenderRepository(session)
                if number % 2:
                    tenders.create(title="left")
                    tenders.create(title="right")
                else:
                    seen.append(tenders.count())
        return seen

    counts = [count for seen in together(work) for count in seen]
    assert counts
    assert all(count % 2 == 0 for count in counts)


def test_a_thread_that_fails_leaves_nothing_and_holds_nobody_up(domain_sqlite: Database) -> None:
    class OutOfPaperError(Exception):
        pass

    def work(number: int) -> None:
        for _ in range(5):
            try:
                with domain_sqlite.get_session(organization_id=1) as session:
                    TenderRepository(session).create(title="odd" if number % 2 else "even")
                    if number % 2:
                        raise OutOfPaperError
            except OutOfPaperError:
                pass

    together(work)
    with domain_sqlite.get_session(organization_id=1) as session:
        titles = {tender.title for tender in TenderRepository(session).find(limit=200)}
        assert (titles, TenderRepository(session).count()) == ({"even"}, THREADS // 2 * 5)


def test_the_month_s_limit_is_never_exceeded(domain_sqlite: Database) -> None:
    organization = make_organization(domain_sqlite, monthly_analysis_limit=13)

    def meter(_number: int) -> int:
        granted = 0
        for _ in range(5):
            with domain_sqlite.get_session() as session:
                granted += OrganizationRepository(session).update_usage(organization.id, 1)
        return granted

    assert sum(together(meter)) == 13


def test_sessions_of_two_organizations_do_not_mix(domain_sqlite: Database) -> None:
    def work(number: int) -> bool:
        mine = number % 2 + 1
        for turn in range(5):
            with domain_sqlite.get_session(organization_id=mine) as session:
                TenderRepository(session).create(title=f"of {mine}", external_id=f"{number}-{turn}")
                titles = {tender.title for tender in TenderRepository(session).find(limit=200)}
                if titles != {f"of {mine}"}:
                    return False
        return True

    assert together(work) == [True] * THREADS


def test_a_session_may_move_between_threads(domain_sqlite: Database) -> None:
    def update(session: TenantSession) -> bool:
        return TenderRepository(session).update_status(tender.id, TenderStatus.COMPLETE)

    with ThreadPoolExecutor(1) as thread, domain_sqlite.get_session(organization_id=1) as session:
        tender = TenderRepository(session).create(title="Bridge")
        assert thread.submit(update, session).result()
    with domain_sqlite.get_session(organization_id=1) as session:
        assert TenderRepository(session).require(tender.id).status is TenderStatus.COMPLETE


def test_threads_may_open_a_new_file_at_the_same_time(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new.db'}"

    def open_it(_number: int) -> bool:
        with Database(url) as database:
            return database.health_check()

    assert together(open_it) == [True] * THREADS
    with Database(url) as database:
        database.create_all()
        assert "tenders" in inspect(database.engine).get_table_names()
