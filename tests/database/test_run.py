"""``run`` repeats a unit of work whole where nothing of it was stored."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from domain import (
    ArgumentError,
    Database,
    NotFoundError,
    OutcomeUnknownError,
    TenantSession,
    Tender,
    TenderRepository,
    UnavailableError,
)
from domain.kit.database import units
from domain.limits import TimeLimits

BUSY = UnavailableError("busy", retryable=True)


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units, "FIRST_PAUSE_SECONDS", 0.0)


def count(database: Database, title: str) -> int:
    return database.run(lambda session: TenderRepository(session).count(Tender.title == title), organization_id=1)


class Unit:
    """Stores a tender; its first ``failures`` attempts raise ``error`` after that."""

    def __init__(self, title: str, *, error: BaseException = BUSY, failures: int = 0) -> None:
        self.title = title
        self.error = error
        self.failures = failures
        self.sessions: list[TenantSession] = []

    def __call__(self, session: TenantSession) -> Tender:
        self.sessions.append(session)
        tender = TenderRepository(session).create(title=self.title)
        if len(self.sessions) <= self.failures:
            raise self.error
        return tender


def test_a_unit_is_committed_and_what_it_returns_stays_readable(database: Database) -> None:
    unit = Unit("returned")
    tender = database.run(unit, organization_id=1, actor="worker")
    assert (tender.title, tender.organization_id, tender.version) == ("returned", 1, 1)
    assert tender.model_dump()["created_at"] == tender.created_at
    assert unit.sessions[0].actor == "worker"
    assert not unit.sessions[0].in_transaction()
    assert count(database, "returned") == 1


def test_a_changed_object_is_readable_too(database: Database) -> None:
    tender_id = database.run(Unit("before"), organization_id=1).id

    def change(session: TenantSession) -> Tender:
        tender = TenderRepository(session).require(tender_id)
        tender.title = "changed by a unit"  # sent by the flush before COMMIT
        return tender

    tender = database.run(change, organization_id=1)
    assert (tender.title, tender.version, tender.updated_at >= tender.created_at) == ("changed by a unit", 2, True)
    assert count(database, "changed by a unit") == 1


def test_a_unit_is_repeated_in_a_new_session_and_its_effect_is_there_once(database: Database) -> None:
    unit = Unit("third time lucky", failures=2)
    database.run(unit, organization_id=1, actor="worker")
    assert len(unit.sessions) == len({id(session) for session in unit.sessions}) == 3
    assert [(session.organization_id, session.actor) for session in unit.sessions] == [(1, "worker")] * 3
    assert count(database, "third time lucky") == 1


@pytest.mark.parametrize("attempts", [1, 2, 4])
def test_the_last_error_is_raised_when_the_attempts_are_used_up(database: Database, attempts: int) -> None:
    unit = Unit("in vain", failures=99)
    with pytest.raises(UnavailableError) as caught:
        database.run(unit, organization_id=1, attempts=attempts)
    assert caught.value is BUSY
    assert len(unit.sessions) == attempts
    assert count(database, "in vain") == 0


@pytest.mark.parametrize(
    "error",
    [
        UnavailableError("gone", retryable=False),
        OutcomeUnknownError(),
        NotFoundError(Tender, 1),
        ValueError("mine"),
        KeyboardInterrupt(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_any_other_error_ends_it_at_once(database: Database, error: BaseException) -> None:
    unit = Unit("once", error=error, failures=99)
    with pytest.raises(type(error)) as caught:
        database.run(unit, organization_id=1)
    assert caught.value is error
    assert len(unit.sessions) == 1
    assert count(database, "once") == 0


@pytest.mark.parametrize("attempts", [0, -1])
def test_less_than_one_attempt_is_refused(database: Database, attempts: int) -> None:
    unit = Unit("never")
    with pytest.raises(ArgumentError, match=f"attempts must be at least 1, not {attempts}"):
        database.run(unit, organization_id=1, attempts=attempts)
    assert not unit.sessions


def test_a_coroutine_function_is_refused(database: Database) -> None:
    async def unit(session: TenantSession) -> None:
        TenderRepository(session).create(title="never")

    with pytest.raises(ArgumentError, match="a plain function"):
        _ = database.run(unit, organization_id=1)
    with pytest.raises(ArgumentError, match="a plain function"):
        _ = asyncio.run(database.arun(unit, organization_id=1))


def test_a_unit_that_has_committed_midway_is_not_repeated(database: Database) -> None:
    calls: list[int] = []

    def halves(session: TenantSession) -> None:
        calls.append(1)
        TenderRepository(session).create(title="stored midway")
        session.commit()
        raise UnavailableError("busy", retryable=True)

    with pytest.raises(UnavailableError) as caught:
        database.run(halves, organization_id=1)
    assert not caught.value.retryable
    assert (len(calls), count(database, "stored midway")) == (1, 1)


def test_a_savepoint_stores_nothing_so_the_unit_is_repeated(database: Database) -> None:
    calls: list[int] = []

    def save(session: TenantSession) -> None:
        calls.append(1)
        with session.begin_nested():
            TenderRepository(session).create(title="in a savepoint")
        if len(calls) == 1:
            raise UnavailableError("busy", retryable=True)

    database.run(save, organization_id=1)
    assert (len(calls), count(database, "in a savepoint")) == (2, 1)


def test_waiting_for_a_connection_in_vain_is_repeated(database: Database) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    with Database(url, pool_size=1, max_overflow=0, pool_timeout=0.02) as narrow:
        held = narrow.engine.connect()
        calls: list[int] = []

        def unit(session: TenantSession) -> int:
            calls.append(1)
            if len(calls) == 2:
                held.close()
            return TenderRepository(session).create(title="had a connection").id

        narrow.run(unit, organization_id=1)
    assert (len(calls), count(database, "had a connection")) == (2, 1)


def test_ctrl_c_in_a_statement_is_no_lost_connection(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    unit = Unit("interrupted")
    count(database, "warm")

    def interrupt(*_arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(database.engine.dialect, "do_execute", interrupt)
        with pytest.raises(KeyboardInterrupt):
            database.run(unit, organization_id=1)
    assert len(unit.sessions) == 1
    assert count(database, "interrupted") == 0


class TestAsynchronous:
    def test_arun_runs_the_unit_in_another_thread_and_repeats_it(self, database: Database) -> None:
        unit = Unit("asynchronous", failures=1)
        threads: set[int] = set()

        def noting(session: TenantSession) -> Tender:
            threads.add(threading.get_ident())
            return unit(session)

        async def handler() -> Tender:
            return await database.arun(noting, organization_id=1, actor="worker", attempts=2)

        tender = asyncio.run(handler())
        assert tender.title == "asynchronous"
        assert threading.get_ident() not in threads
        assert [session.actor for session in unit.sessions] == ["worker", "worker"]
        assert count(database, "asynchronous") == 1

    def test_errors_reach_the_coroutine(self, database: Database) -> None:
        async def handler(unit: Callable[[TenantSession], object], attempts: int) -> None:
            await database.arun(unit, organization_id=1, attempts=attempts)

        with pytest.raises(UnavailableError):
            asyncio.run(handler(Unit("never", failures=9), 2))
        with pytest.raises(ArgumentError):
            asyncio.run(handler(Unit("never"), 0))
        assert count(database, "never") == 0

    def test_a_cancelled_unit_goes_on_to_its_end(self, database: Database) -> None:
        started, may_end = threading.Event(), threading.Event()

        def slow(session: TenantSession) -> None:
            started.set()
            assert may_end.wait(30)
            TenderRepository(session).create(title="cancelled")

        async def cancel() -> None:
            task = asyncio.create_task(database.arun(slow, organization_id=1))
            await asyncio.to_thread(started.wait, 30)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            may_end.set()

        asyncio.run(cancel())
        database.close()  # which waits for its threads
        assert count(database, "cancelled") == 1


def test_a_busy_sqlite_is_tried_again(domain_sqlite: Database) -> None:
    limits = TimeLimits(lock_timeout_seconds=0.02)
    with Database(str(domain_sqlite.engine.url), time_limits=limits) as impatient:
        holder = domain_sqlite.get_session(organization_id=1)
        TenderRepository(holder.__enter__()).create(title="held")
        calls: list[int] = []

        def unit(session: TenantSession) -> None:
            calls.append(1)
            if len(calls) == 2:
                holder.__exit__(None, None, None)
            TenderRepository(session).create(title="waited")

        impatient.run(unit, organization_id=1)
    assert (len(calls), count(domain_sqlite, "waited"), count(domain_sqlite, "held")) == (2, 1, 1)
