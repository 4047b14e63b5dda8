"""Tenders handed to workers: each to one at a time, again when its lease has lapsed; the late overwrite nothing."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import select, update

from domain import (
    AnalysisRepository,
    AnalysisResult,
    ArgumentError,
    Database,
    Tender,
    TenderPatch,
    TenderPublic,
    TenderRepository,
    TenderStatus,
)
from domain.tenders.model import TenderProgress
from domain.testing import build
from tests.repositories.plans import recorded

Stored = Callable[[type[Any], int], dict[str, Any]]
Make = Callable[..., Any]


def pending(database: Database, number: int, organization_id: int = 1) -> list[int]:
    """The ids of so many new tenders, oldest first."""
    with database.get_session(organization_id=organization_id) as session:
        return [row.id for row in TenderRepository(session).create_many([build(Tender) for _ in range(number)])]


def claimed(database: Database, **options: Any) -> list[Tender]:
    with database.get_session(organization_id=1) as session:
        return list(TenderRepository(session).claim(**options))


def lapse(database: Database, *tender_ids: int, ago: timedelta = timedelta(seconds=1)) -> None:
    """Have the leases run out without waiting."""
    columns = Tender.__table__.c
    with database.migration_engine.begin() as connection:
        statement = update(Tender).where(columns.id.in_(tender_ids))
        connection.execute(statement.values(leased_until=datetime.now(UTC) - ago, updated_at=columns.updated_at))


def test_the_oldest_pending_tenders_are_claimed_first(domain_db: Database, stored: Stored) -> None:
    ids = pending(domain_db, 4)
    with domain_db.get_session(organization_id=1) as session:
        TenderRepository(session).update_status(ids[0], TenderStatus.COMPLETE)
    before = stored(Tender, ids[1])
    tenders = claimed(domain_db, limit=2, lease=timedelta(hours=1))
    assert [tender.id for tender in tenders] == ids[1:3]
    for tender in tenders:
        row = stored(Tender, tender.id)
        assert (row["status"], row["version"]) == (tender.status, tender.version) == (TenderStatus.PROCESSING, 2)
        assert row["leased_until"] == tender.leased_until
        assert abs(row["leased_until"] - datetime.now(UTC) - timedelta(hours=1)) < timedelta(minutes=5)
        assert row["updated_at"] > before["updated_at"]
    assert [tender.id for tender in claimed(domain_db, limit=200)] == ids[3:]
    assert claimed(domain_db) == []


def test_one_tender_is_claimed_unless_more_are_asked_for(domain_db: Database) -> None:
    ids = pending(domain_db, 2)
    assert [tender.id for tender in claimed(domain_db)] == ids[:1]


def test_a_lapsed_lease_is_handed_out_again_before_new_tenders(domain_db: Database, stored: Stored) -> None:
    ids = pending(domain_db, 5)
    assert [tender.id for tender in claimed(domain_db, limit=3)] == ids[:3]
    lapse(domain_db, ids[1])
    lapse(domain_db, ids[2], ago=timedelta(hours=1))
    assert [tender.id for tender in claimed(domain_db, limit=1)] == [ids[2]]
    again = claimed(domain_db, limit=2)
    assert [(tender.id, tender.version) for tender in again] == [(ids[1], 3)]
    assert stored(Tender, ids[1])["leased_until"] > datetime.now(UTC)
    assert [tender.id for tender in claimed(domain_db, limit=2)] == ids[3:]
    assert stored(Tender, ids[0])["version"] == 2


def test_a_rolled_back_claim_is_none(domain_db: Database, stored: Stored) -> None:
    (tender_id,) = pending(domain_db, 1)
    with domain_db.get_session(organization_id=1) as session:
        assert len(TenderRepository(session).claim()) == 1
        session.rollback()
    assert (stored(Tender, tender_id)["status"], stored(Tender, tender_id)["leased_until"]) == ("pending", None)
    assert len(claimed(domain_db)) == 1


def test_what_is_not_free_stays(domain_db: Database, stored: Stored) -> None:
    manual, deleted, left, foreign = *pending(domain_db, 3), *pending(domain_db, 1, organization_id=2)
    with domain_db.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        tenders.update_status(manual, TenderStatus.PROCESSING)
        tenders.soft_delete(deleted)
        assert [tender.id for tender in tenders.claim(limit=9)] == [left]
        tenders.update(left, TenderProgress(status=TenderStatus.ERROR))
    lapse(domain_db, left)
    with domain_db.get_session() as session:
        assert TenderRepository(session).claim(limit=9, org_id=1) == []
    assert stored(Tender, manual)["leased_until"] is None
    assert stored(Tender, foreign)["status"] == TenderStatus.PENDING


@pytest.mark.parametrize("status", [status for status in TenderStatus if status is not TenderStatus.PROCESSING])
def test_leaving_processing_ends_the_lease(domain_db: Database, stored: Stored, status: TenderStatus) -> None:
    pending(domain_db, 1)
    (tender,) = claimed(domain_db)
    with domain_db.get_session(organization_id=1) as session:
        held = TenderRepository(session).require(tender.id)
        assert TenderRepository(session).update_status(tender.id, status)
        assert held.leased_until is None
        assert TenderRepository(session).update_status(tender.id, TenderStatus.PROCESSING)
    assert stored(Tender, tender.id)["leased_until"] is None
    assert claimed(domain_db) == []


def test_processing_again_keeps_the_lease_and_a_stale_one_is_not_taken_up(domain_db: Database, stored: Stored) -> None:
    pending(domain_db, 1)
    (tender,) = claimed(domain_db)
    with domain_db.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        assert tenders.update_status(tender.id, TenderStatus.PROCESSING)
        assert stored(Tender, tender.id)["leased_until"] == tender.leased_until
        tenders.update(tender.id, TenderProgress(status=TenderStatus.ERROR))
        assert tenders.update_status(tender.id, TenderStatus.PROCESSING)
    assert stored(Tender, tender.id)["leased_until"] is None


def test_a_late_worker_overwrites_nothing(domain_db: Database, stored: Stored) -> None:
    (tender_id,) = pending(domain_db, 1)
    (late,) = claimed(domain_db)
    lapse(domain_db, tender_id)
    (next_one,) = claimed(domain_db)
    before = stored(Tender, tender_id)
    with domain_db.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        finished = {"expected": TenderStatus.PROCESSING, "expected_version": late.version}
        assert not tenders.update_status(tender_id, TenderStatus.ERROR, "Too late.", **finished)  # type: ignore[arg-type]  # two keywords
        assert not tenders.renew(tender_id, late.version)
    assert stored(Tender, tender_id) == before
    with domain_db.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        assert tenders.update_status(tender_id, TenderStatus.COMPLETE, expected_version=next_one.version)
        assert not tenders.update_status(tender_id, TenderStatus.ERROR, "Twice.", expected_version=next_one.version)
        assert not tenders.renew(tender_id, next_one.version)
    assert stored(Tender, tender_id)["status"] == TenderStatus.COMPLETE


def test_a_worker_learns_that_a_tender_was_edited_meanwhile(domain_db: Database) -> None:
    pending(domain_db, 1)
    (tender,) = claimed(domain_db)
    with domain_db.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        tenders.update(tender.id, TenderPatch(title="Edited"))
        assert not tenders.renew(tender.id, tender.version)
        assert not tenders.update_status(tender.id, TenderStatus.COMPLETE, expected_version=tender.version)


def test_a_lease_is_prolonged_and_nothing_else_changes(domain_db: Database, stored: Stored) -> None:
    pending(domain_db, 1)
    (tender,) = claimed(domain_db, lease=timedelta(minutes=1))
    before = stored(Tender, tender.id)
    with domain_db.get_session(organization_id=1) as session:
        held = TenderRepository(session).require(tender.id)
        assert TenderRepository(session).renew(tender.id, tender.version, lease=timedelta(hours=2))
        until = held.leased_until
    after = stored(Tender, tender.id)
    assert after == {**before, "leased_until": until}
    assert until is not None
    assert until > before["leased_until"] + timedelta(hours=1)
    lapse(domain_db, tender.id)
    with domain_db.get_session(organization_id=1) as session:
        assert TenderRepository(session).renew(tender.id, tender.version)  # late, but nobody has taken it
    assert claimed(domain_db) == []


def test_what_a_session_holds_shows_the_claim(domain_db: Database) -> None:
    (tender_id,) = pending(domain_db, 1)
    with domain_db.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        held = tenders.require(tender_id)
        held.title = "Changed, and not yet sent"
        (tender,) = tenders.claim()
        assert tender is held
        assert (held.status, held.version, held.title) == (TenderStatus.PROCESSING, 3, "Changed, and not yet sent")
        held.title = "Saved afterwards"


def lost(database: Database, tender_id: int, times: int, **options: Any) -> None:
    """Have workers take the tender, the only free one, and be lost with it."""
    for _ in range(times):
        assert [tender.id for tender in claimed(database, **options)] == [tender_id]
        lapse(database, tender_id)


def test_a_tender_that_its_workers_are_lost_with_ends_as_an_error(domain_db: Database, stored: Stored) -> None:
    (poison,) = pending(domain_db, 1)
    lost(domain_db, poison, 5)
    before = stored(Tender, poison)
    (good,) = pending(domain_db, 1)
    assert [tender.id for tender in claimed(domain_db)] == [good]
    after = stored(Tender, poison)
    assert (after["status"], after["leased_until"]) == (TenderStatus.ERROR, None)
    assert after["error_message"] == "given up: no worker finished it, attempts: 5"
    assert (after["attempts"], after["version"]) == (5, before["version"] + 1)
    assert after["updated_at"] > before["updated_at"]
    assert claimed(domain_db, limit=200) == []
    assert stored(Tender, poison) == after


def test_how_often_a_tender_is_tried_is_the_callers_to_say(domain_db: Database, stored: Stored) -> None:
    (tender_id,) = pending(domain_db, 1)
    lost(domain_db, tender_id, 1, max_attempts=1)
    assert claimed(domain_db, max_attempts=1) == []
    assert stored(Tender, tender_id)["error_message"] == "given up: no worker finished it, attempts: 1"


def test_tenders_are_given_up_beside_those_that_are_claimed(domain_db: Database, stored: Stored) -> None:
    ids = pending(domain_db, 4)
    assert len(claimed(domain_db, limit=3)) == 3
    lapse(domain_db, *ids[:3])
    assert [tender.id for tender in claimed(domain_db)] == ids[:1]
    lapse(domain_db, ids[0])
    again = claimed(domain_db, max_attempts=2)
    assert [(tender.id, tender.attempts) for tender in again] == [(ids[1], 2)]
    assert [stored(Tender, tender_id)["status"] for tender_id in ids] == [
        "error",
        "processing",
        "processing",
        "pending",
    ]
    lapse(domain_db, ids[1])
    assert [tender.id for tender in claimed(domain_db, limit=2, max_attempts=1)] == ids[3:]
    assert [stored(Tender, tender_id)["status"] for tender_id in ids] == ["error", "error", "error", "processing"]


def test_a_tender_that_kills_its_workers_takes_no_other_of_its_batch_along(domain_db: Database, stored: Stored) -> None:
    ids = pending(domain_db, 6)
    poison = ids[0]
    batch = claimed(domain_db, limit=6)
    while batch:
        for tender in batch:
            if tender.id == poison:
                lapse(domain_db, *(left.id for left in batch))
                break
            with domain_db.get_session(organization_id=1) as session:
                assert TenderRepository(session).update_status(tender.id, TenderStatus.COMPLETE)
        batch = claimed(domain_db, limit=6)
    rows = [stored(Tender, tender_id) for tender_id in ids]
    assert [(row["status"], row["attempts"]) for row in rows] == [("error", 5), *[("complete", 2)] * 5]


def again_by_status(tenders: TenderRepository, tender_id: int) -> None:
    assert tenders.update_status(tender_id, TenderStatus.PENDING)


def again_by_group(tenders: TenderRepository, tender_id: int) -> None:
    tenders.update(tender_id, TenderProgress(status=TenderStatus.PENDING))


def again_by_put(tenders: TenderRepository, tender_id: int) -> None:
    tenders.put(Tender(external_id="poison", title="Again", status=TenderStatus.PENDING))


def again_by_upsert_many(tenders: TenderRepository, tender_id: int) -> None:
    tenders.upsert_many([Tender(external_id="poison", title="Again", status=TenderStatus.PENDING)])


def again_by_assignment(tenders: TenderRepository, tender_id: int) -> None:
    tenders.require(tender_id).status = TenderStatus.PENDING


@pytest.mark.parametrize(
    "again", [again_by_status, again_by_group, again_by_put, again_by_upsert_many, again_by_assignment]
)
def test_back_in_pending_a_tender_is_tried_as_often_as_a_new_one(
    domain_db: Database, stored: Stored, again: Callable[[TenderRepository, int], None]
) -> None:
    with domain_db.get_session(organization_id=1) as session:
        tender_id = TenderRepository(session).create(title="Poison", external_id="poison").id
    for _ in range(2):
        lost(domain_db, tender_id, 3, max_attempts=3)
        assert claimed(domain_db, max_attempts=3) == []
        assert stored(Tender, tender_id)["status"] == TenderStatus.ERROR
        with domain_db.get_session(organization_id=1) as session:
            again(TenderRepository(session), tender_id)
        assert stored(Tender, tender_id)["status"] == TenderStatus.PENDING


def test_a_prolonged_lease_is_no_further_attempt(domain_db: Database, stored: Stored) -> None:
    pending(domain_db, 1)
    (tender,) = claimed(domain_db)
    with domain_db.get_session(organization_id=1) as session:
        assert TenderRepository(session).renew(tender.id, tender.version)
    assert stored(Tender, tender.id)["attempts"] == 1
    with domain_db.get_session(organization_id=1) as session:
        assert TenderRepository(session).update_status(tender.id, TenderStatus.COMPLETE)
    assert stored(Tender, tender.id)["attempts"] == 1


def test_a_rolled_back_claim_gives_nothing_up(domain_db: Database, stored: Stored) -> None:
    (tender_id,) = pending(domain_db, 1)
    lost(domain_db, tender_id, 1)
    with domain_db.get_session(organization_id=1) as session:
        held = TenderRepository(session).require(tender_id)
        savepoint = session.begin_nested()
        assert TenderRepository(session).claim(max_attempts=1) == []
        assert held.status is TenderStatus.ERROR
        savepoint.rollback()
        assert TenderRepository(session).require(tender_id).status is TenderStatus.PROCESSING
    assert stored(Tender, tender_id)["status"] == TenderStatus.PROCESSING


def test_sixteen_workers_give_each_poisoned_tender_up_after_as_many_attempts(
    domain_db: Database, stored: Stored
) -> None:
    ids = pending(domain_db, 48)
    poisoned = set(ids[::4])
    taken: list[int] = []
    together = Barrier(16)

    def work(_: int) -> None:
        together.wait(30)
        while mine := claimed(domain_db, limit=2, lease=timedelta(hours=1), max_attempts=3):
            for tender in mine:
                taken.append(tender.id)
                if tender.id in poisoned:
                    lapse(domain_db, tender.id)
                    continue
                with domain_db.get_session(organization_id=1) as session:
                    assert TenderRepository(session).update_status(
                        tender.id, TenderStatus.COMPLETE, expected_version=tender.version
                    )

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(work, range(16)))
    assert claimed(domain_db, limit=200, max_attempts=3) == []  # what lapsed at the very end
    assert sorted(taken) == sorted([*ids, *poisoned, *poisoned])
    rows = {tender_id: stored(Tender, tender_id) for tender_id in ids}
    assert {tender_id for tender_id, row in rows.items() if row["status"] == TenderStatus.ERROR} == poisoned
    assert all(
        rows[tender_id]["error_message"] == "given up: no worker finished it, attempts: 3" for tender_id in poisoned
    )
    assert all(rows[tender_id]["status"] == TenderStatus.COMPLETE for tender_id in ids if tender_id not in poisoned)


@pytest.mark.parametrize("number", [-1, 0, 2**31])
def test_a_number_of_attempts_is_1_or_more(domain_db: Database, number: int) -> None:
    with domain_db.get_session(organization_id=1) as session, pytest.raises(ArgumentError, match="max_attempts"):
        TenderRepository(session).claim(max_attempts=number)


@pytest.mark.parametrize("limit", [-1, 0, 201])
def test_a_limit_outside_of_1_to_200_is_refused(domain_db: Database, limit: int) -> None:
    with domain_db.get_session(organization_id=1) as session, pytest.raises(ArgumentError, match="limit"):
        TenderRepository(session).claim(limit=limit)


@pytest.mark.parametrize("lease", [timedelta(0), timedelta(seconds=-1), timedelta(days=367), timedelta.max])
def test_a_lease_is_of_more_than_nothing_and_at_most_a_year(domain_db: Database, lease: timedelta) -> None:
    with domain_db.get_session(organization_id=1) as session:
        with pytest.raises(ArgumentError, match="lease must be more than 0 and at most 366 days"):
            TenderRepository(session).claim(lease=lease)
        with pytest.raises(ArgumentError, match="lease"):
            TenderRepository(session).renew(1, 1, lease=lease)


@pytest.mark.parametrize("lease", [timedelta(microseconds=1), timedelta(seconds=90.25), timedelta(days=366)])
def test_leases_of_any_length_are_stored(domain_db: Database, lease: timedelta) -> None:
    pending(domain_db, 1)
    (tender,) = claimed(domain_db, lease=lease)
    assert tender.leased_until is not None
    assert abs(tender.leased_until - datetime.now(UTC) - lease) < timedelta(minutes=5)


def test_a_lease_is_no_part_of_a_response() -> None:
    assert "leased_until" not in TenderPublic.model_fields


def test_a_worker_passes_over_what_another_is_claiming(domain_postgresql: Database) -> None:
    ids = pending(domain_postgresql, 3)
    with (
        domain_postgresql.get_session(organization_id=1) as first,
        domain_postgresql.get_session(organization_id=1) as second,
    ):
        assert [tender.id for tender in TenderRepository(first).claim()] == ids[:1]
        assert [tender.id for tender in TenderRepository(second).claim(limit=2)] == ids[1:]
        first.rollback()
    assert [tender.id for tender in claimed(domain_postgresql)] == ids[:1]


def test_a_tender_that_is_only_referred_to_is_not_passed_over(domain_postgresql: Database) -> None:
    ids = pending(domain_postgresql, 1)
    with domain_postgresql.get_session(organization_id=1) as session:
        AnalysisRepository(session).create(tender_id=ids[0], is_relevant=True, confidence=1)
        assert [tender.id for tender in claimed(domain_postgresql)] == ids


def test_claiming_scans_no_table(domain_postgresql: Database) -> None:
    pending(domain_postgresql, 200)
    claimed(domain_postgresql, limit=20)
    with domain_postgresql.migration_engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO tenders (organization_id, title, status, categories)"
                " SELECT 1, 'x', 'complete', '[]' FROM generate_series(1, 20000)"
            )
        )
    with domain_postgresql.migration_engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE tenders"))
    with recorded(domain_postgresql) as sent:
        assert len(claimed(domain_postgresql, limit=5)) == 5
    ((statement, parameters),) = sent
    with domain_postgresql.engine.connect() as connection:
        connection.exec_driver_sql("SELECT set_config('app.organization_id', '1', true)")
        plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars())
    assert "Seq Scan" not in plan
    assert "ix_tenders_organization_id_leased_until" in plan
    assert "ix_tenders_organization_id_status_created_at_id" in plan


def test_four_workers_that_are_lost_at_random_do_each_tender_once(domain_db: Database, stored: Stored) -> None:
    ids = pending(domain_db, 120 if domain_db.is_sqlite else 300)
    together = Barrier(4)

    def work(seed: int) -> int:
        chance = random.Random(seed)
        together.wait(30)
        done = 0
        while True:
            with domain_db.get_session(organization_id=1) as session:
                mine = TenderRepository(session).claim(limit=chance.randint(1, 9), lease=timedelta(hours=1))
            for tender in mine:
                fate = chance.random()
                if fate < 0.2:  # lost, and its lease with it; now and then only slow
                    lapse(domain_db, tender.id)
                if fate < 0.1:
                    continue
                with domain_db.get_session(organization_id=1) as session:
                    if TenderRepository(session).update_status(
                        tender.id,
                        TenderStatus.COMPLETE,
                        expected=TenderStatus.PROCESSING,
                        expected_version=tender.version,
                    ):
                        AnalysisRepository(session).create(tender_id=tender.id, is_relevant=True, confidence=1)
                        done += 1
            if not mine:
                return done

    with ThreadPoolExecutor(4) as threads:
        done = list(threads.map(work, range(4)))
    with domain_db.migration_engine.connect() as connection:
        rows = connection.execute(select(*Tender.__table__.c)).mappings().all()
        analysed = connection.execute(select(AnalysisResult.__table__.c.tender_id)).scalars().all()
    left = [row["id"] for row in rows if row["status"] != TenderStatus.COMPLETE]
    assert sorted(analysed) == [tender_id for tender_id in ids if tender_id not in left]
    assert sum(done) == len(ids) - len(left)
    # What was lost at the very end nobody was left to take: it is there for the next worker.
    assert len(left) < len(ids)
    assert sorted(claimed(domain_db)[0].id for _ in left) == sorted(left)
    assert claimed(domain_db) == []
    assert all(row["leased_until"] is None for row in rows if row["id"] not in left)
