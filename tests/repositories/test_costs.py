"""The ledger of costs, and the budget that reservations hold to."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from threading import Barrier
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import Connection, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, delete, select, update

from domain import (
    AnalysisPatch,
    AnalysisRepository,
    AnalysisResult,
    ArgumentError,
    BidDocumentRepository,
    Database,
    NotFoundError,
    TenantScopeError,
    Tender,
    TenderRepository,
    UserRepository,
)
from domain.costs.model import CostContent, CostEntry, CostReservation
from domain.costs.repository import CostRepository, CostSum
from domain.retention import erase_user, purge
from domain.testing import make_organization

StoredRows = Callable[[type[Any]], list[dict[str, Any]]]
Make = Callable[..., Any]
MONTH = datetime.now(UTC).date().replace(day=1)
RESERVATIONS = int(os.environ.get("DOMAIN_TEST_RESERVATIONS", "480"))  # 10,000 take about two minutes
FILTER: dict[str, Any] = {"is_relevant": True, "confidence": 0.9}
BID: dict[str, Any] = dict.fromkeys(("executive_summary", "capabilities", "approach", "value_proposition"), "Steel.")


def chat(cost: int | str) -> CostContent:
    return CostContent(purpose="chat", cost_usd=Decimal(cost))


CHAT = chat(1)


def spent(database: Database, organization_id: int = 1) -> Decimal:
    """The sum of all months."""
    with database.get_session(organization_id=organization_id) as session:
        return sum((each.cost_usd for each in CostRepository(session).costs()), Decimal(0))


def test_every_write_that_gives_a_cost_adds_an_entry(domain_db: Database, make: Make, stored_rows: StoredRows) -> None:
    tenders: list[Tender] = [make(Tender) for _ in range(8)]
    one, two, three, four, five, six, seven, eight = (tender.id for tender in tenders)
    with domain_db.get_session(organization_id=1, actor="worker:3") as session:
        analyses, bids = AnalysisRepository(session), BidDocumentRepository(session)
        first = analyses.create(tender_id=one, llm_model="large-2", processing_cost=Decimal("0.000001"), **FILTER)
        analyses.upsert(tender_id=one, llm_model="large-2", processing_cost=Decimal("0.00001"), **FILTER)
        analyses.put(AnalysisResult(tender_id=one, processing_cost=Decimal("0.0001"), **FILTER))
        analyses.add(AnalysisResult(tender_id=two, processing_cost=Decimal("0.001"), **FILTER))
        analyses.update(first.id, AnalysisPatch.model_validate({"processing_cost": "0.01"}))
        assert analyses.update_rating(one, 7, llm_model="small-1", processing_cost=Decimal("0.1"))
        analyses.create_many([{"tender_id": three, "processing_cost": "1", **FILTER}, {"tender_id": four, **FILTER}])
        analyses.create_many([AnalysisResult(tender_id=five, processing_cost=Decimal(10), **FILTER)])
        analyses.upsert_many([{"tender_id": five, "processing_cost": "100"}])
        bid = bids.create(tender_id=six, generation_cost=Decimal(1000), **BID)
        bids.upsert(tender_id=seven, generation_cost=Decimal(10000), **BID)
        bids.create(tender_id=eight, **BID)
    entries = stored_rows(CostEntry)
    assert [str(entry["cost_usd"].normalize()) for entry in entries] == [
        "0.000001", "0.00001", "0.0001", "0.001", "0.01", "0.1", "1", "1E+1", "1E+2", "1E+3", "1E+4",
    ]  # fmt: skip
    assert {entry["actor"] for entry in entries} == {"worker:3"}
    assert [entry["purpose"] for entry in entries] == ["analysis"] * 9 + ["bid"] * 2
    assert (entries[0]["entity"], entries[0]["row_id"], entries[0]["llm_model"]) == (
        "analysis_results", first.id, "large-2",
    )  # fmt: skip
    assert (entries[5]["row_id"], entries[5]["llm_model"]) == (first.id, "small-1")
    assert (entries[9]["entity"], entries[9]["row_id"]) == ("bid_documents", bid.id)


def test_an_entry_names_the_model_that_its_row_names_after_the_write(
    domain_db: Database, make: Make, stored_rows: StoredRows
) -> None:
    tenders: list[Tender] = [make(Tender) for _ in range(2)]
    one, two = (tender.id for tender in tenders)
    with domain_db.get_session(organization_id=1) as session:
        analyses, bids = AnalysisRepository(session), BidDocumentRepository(session)
        first = analyses.create(tender_id=one, llm_model="large-2", processing_cost=Decimal(1), **FILTER)
        analyses.update(first.id, llm_model="large-2", processing_cost=Decimal(2))
        analyses.update(first.id, AnalysisPatch.model_validate({"processing_cost": 3}))
        assert analyses.update_rating(one, 7, processing_cost=Decimal(4))
        analyses.upsert(tender_id=one, processing_cost=Decimal(5), **FILTER)
        analyses.upsert_many(
            [{"tender_id": one, "processing_cost": 6}, {"tender_id": two, "processing_cost": 7, **FILTER}]
        )
        analyses.update(first.id, llm_model="small-1", processing_cost=Decimal(8))
        analyses.update(first.id, llm_model=None, processing_cost=Decimal(9))
        bid = bids.create(tender_id=one, llm_model="large-2", generation_cost=Decimal(1), **BID)
        assert bids.upsert(tender_id=one, generation_cost=Decimal(2), **BID) is bid
    entries = [(int(entry["cost_usd"]), entry["llm_model"]) for entry in stored_rows(CostEntry)]
    assert entries == [
        *((cost, "large-2") for cost in range(1, 7)), (7, None), (8, "small-1"), (9, None),
        (1, "large-2"), (2, "large-2"),
    ]  # fmt: skip


def test_a_write_without_a_cost_adds_none(domain_db: Database, make: Make, stored_rows: StoredRows) -> None:
    tender: Tender = make(Tender)
    with domain_db.get_session(organization_id=1) as session:
        analyses = AnalysisRepository(session)
        analysis = analyses.create(tender_id=tender.id, **FILTER)
        analyses.update(analysis.id, AnalysisPatch.model_validate({"recommendation": "Bid."}))
        assert analyses.update_rating(tender.id, 8)
    assert stored_rows(AnalysisResult)[0]["overall_score"] == 8
    assert stored_rows(CostEntry) == []


def test_a_unit_that_fails_leaves_no_entry(domain_db: Database, make: Make, stored_rows: StoredRows) -> None:
    tender: Tender = make(Tender)
    with domain_db.get_session(organization_id=1) as session:
        AnalysisRepository(session).create(tender_id=tender.id, processing_cost=Decimal(1), **FILTER)
        session.rollback()
    assert (stored_rows(AnalysisResult), stored_rows(CostEntry)) == ([], [])


def test_reanalysis_deletion_restore_and_purge_change_no_months_sum(domain_db: Database, make: Make) -> None:
    tender: Tender = make(Tender)
    with domain_db.get_session(organization_id=1) as session:
        AnalysisRepository(session).create(tender_id=tender.id, processing_cost=Decimal("0.25"), **FILTER)
        AnalysisRepository(session).upsert(tender_id=tender.id, processing_cost=Decimal("0.5"), **FILTER)
    assert spent(domain_db) == Decimal("0.75")
    for change in (TenderRepository.soft_delete, TenderRepository.restore, TenderRepository.soft_delete):
        with domain_db.get_session(organization_id=1) as session:
            assert change(TenderRepository(session), tender.id)
        assert spent(domain_db) == Decimal("0.75")
    assert purge(domain_db, actor="tests", older_than_days=0).counts
    with domain_db.get_session(organization_id=1) as session:
        assert TenderRepository(session).get(tender.id, include_deleted=True) is None
    assert spent(domain_db) == Decimal("0.75")


def in_kathmandu(connection: Connection) -> None:
    connection.exec_driver_sql("SET LOCAL TIME ZONE 'Asia/Kathmandu'")


def test_costs_are_added_up_by_the_utc_month_the_purpose_and_the_model(domain_db: Database) -> None:
    # Kathmandu is 5:45 ahead of UTC: a month by its clock would begin at 18:15 UTC of the day before.
    if not domain_db.is_sqlite:
        event.listen(domain_db.engine, "begin", in_kathmandu)
    june = datetime(2026, 6, 1, tzinfo=UTC)
    moments = {
        june - timedelta(microseconds=1): "0.000001",
        june - timedelta(hours=5, minutes=45): "0.10",
        june: "1",
        datetime(2026, 6, 30, 23, 59, 59, 999999, tzinfo=UTC): "2.5",
        datetime(2025, 12, 31, 23, 0, tzinfo=UTC): "7",
    }
    for organization in (1, 2):
        with domain_db.get_session(organization_id=organization) as session:
            for moment, cost in moments.items():
                session.add(CostEntry(purpose="bid", cost_usd=Decimal(cost) * organization, occurred_at=moment))
    with domain_db.get_session(organization_id=1) as session:
        costs = CostRepository(session)
        session.add(CostEntry(purpose="chat", cost_usd=Decimal(4), input_tokens=10, output_tokens=2, occurred_at=june))
        session.add(CostEntry(purpose="chat", cost_usd=Decimal(0), input_tokens=2**40, occurred_at=june))
        session.add(CostEntry(purpose="bid", llm_model="large-2", cost_usd=Decimal(5), occurred_at=june))
        session.flush()
        in_june = {
            CostSum(date(2026, 6, 1), "bid", None, 2, 0, 0, Decimal("3.5")),
            CostSum(date(2026, 6, 1), "bid", "large-2", 1, 0, 0, Decimal(5)),
            CostSum(date(2026, 6, 1), "chat", None, 2, 2**40 + 10, 2, Decimal(4)),
        }
        in_may = CostSum(date(2026, 5, 1), "bid", None, 2, 0, 0, Decimal("0.100001"))
        in_december = CostSum(date(2025, 12, 1), "bid", None, 1, 0, 0, Decimal(7))
        found = costs.costs()
        assert ({*found[:3]}, *found[3:]) == (in_june, in_may, in_december)
        assert {*costs.costs(since=date(2026, 6, 30))} == in_june
        assert costs.costs(since=date(2026, 5, 3), until=date(2026, 5, 3)) == [in_may]
        assert costs.costs(until=date(2025, 12, 31)) == [in_december]
    if not domain_db.is_sqlite:
        event.remove(domain_db.engine, "begin", in_kathmandu)


@pytest.mark.parametrize("by", ["record", "settle"])
def test_a_cost_is_as_of_now_and_by_the_sessions_actor_whatever_it_says(by: str, domain_db: Database) -> None:
    old = {"purpose": "chat", "cost_usd": "2", "occurred_at": "1999-01-01T00:00:00Z", "actor": "somebody else"}
    before = datetime.now(UTC)
    with domain_db.get_session(organization_id=1, actor="worker:3") as session:
        costs = CostRepository(session)
        if by == "record":
            made = costs.record(CostEntry.model_validate(old))
        else:
            reservation = costs.reserve(Decimal(2))
            assert reservation is not None
            made = costs.settle(reservation.id, CostEntry.model_validate(old))
    with domain_db.get_session(organization_id=1) as session:
        costs = CostRepository(session)
        (entry,) = costs.page().items
        assert (entry.id, entry.purpose, entry.actor) == (made.id, "chat", "worker:3")
        assert entry.occurred_at >= before
        assert costs.committed() == 2


def test_an_entry_is_another_organizations_to_nobody(domain_db: Database) -> None:
    with domain_db.get_session(organization_id=1) as session:
        made = CostRepository(session).record(CHAT)
        assert CostRepository(session).page().items == [made]
    with domain_db.get_session(organization_id=2) as session:
        costs = CostRepository(session)
        assert (costs.costs(), costs.page().items, session.exec(select(CostEntry)).all()) == ([], [], [])
        with pytest.raises(TenantScopeError):
            session.add(CostEntry(organization_id=1, purpose="chat", cost_usd=Decimal(1)))


@pytest.mark.parametrize(
    "statement",
    [
        update(CostEntry).values(cost_usd=Decimal(0)),
        delete(CostEntry),
        update(CostEntry.__table__).values(cost_usd=Decimal(0)),
        select(update(CostEntry).values(cost_usd=Decimal(0)).returning(col(CostEntry.id)).cte("changed").c.id),
    ],
    ids=["update", "delete", "table", "cte"],
)
def test_no_statement_changes_an_entry(domain_db: Database, stored_rows: StoredRows, statement: Any) -> None:
    with domain_db.get_session(organization_id=1) as session:
        CostRepository(session).record(CHAT)
    with domain_db.get_session(organization_id=1) as session, pytest.raises(ArgumentError, match="written once"):
        session.exec(statement)
    assert [row["cost_usd"] for row in stored_rows(CostEntry)] == [1]


def test_no_object_changes_an_entry(domain_db: Database, stored_rows: StoredRows) -> None:
    with domain_db.get_session(organization_id=1) as session:
        CostRepository(session).record(CHAT)
    for change in ("assigned", "deleted"):
        with domain_db.get_session(organization_id=1) as session:
            (entry,) = CostRepository(session).page().items
            if change == "assigned":
                entry.cost_usd = Decimal(0)
            else:
                session.delete(entry)
            with pytest.raises(ArgumentError, match="CostEntry: its rows are written once"):
                session.flush()
            session.rollback()
    assert [row["cost_usd"] for row in stored_rows(CostEntry)] == [1]


@pytest.mark.parametrize("sql", ["UPDATE cost_entries SET purpose = 'none'", "DELETE FROM cost_entries"])
def test_the_policies_show_no_statement_an_entry_to_change(domain_postgresql: Database, sql: str) -> None:
    with domain_postgresql.get_session(organization_id=1, unguarded_sql=True) as session:
        CostRepository(session).record(CHAT)
        assert session.connection().exec_driver_sql(sql).rowcount == 0
        session.expire_all()
        assert [entry.purpose for entry in CostRepository(session).page().items] == ["chat"]


def test_an_upsert_does_not_change_an_entry_either(domain_db: Database, stored_rows: StoredRows) -> None:
    upsert = sqlite.insert if domain_db.is_sqlite else postgresql.insert
    with domain_db.get_session(organization_id=1) as session:
        made = CostRepository(session).record(CHAT)
    row = {"organization_id": 1, "purpose": "none", "cost_usd": Decimal(0)}
    statement = upsert(CostEntry).values(row).on_conflict_do_update(
        index_elements=["organization_id", "id"], set_={"purpose": "none"}
    )  # fmt: skip
    with (
        domain_db.get_session(organization_id=1) as session,
        pytest.raises(ArgumentError, match="written once"),
    ):
        session.exec(statement)
    assert [(r["id"], r["purpose"]) for r in stored_rows(CostEntry)] == [(made.id, "chat")]


def test_what_is_no_cost_is_refused(domain_db: Database, stored_rows: StoredRows) -> None:
    with domain_db.get_session(organization_id=1) as session:
        costs = CostRepository(session)
        for purpose, cost in (("", "1"), ("chat", "-1"), ("chat", "NaN"), ("x" * 51, "1")):
            with pytest.raises(ValidationError):
                CostContent(purpose=purpose, cost_usd=Decimal(cost))
        for wrong in (Decimal(0), Decimal(-1)):
            with pytest.raises(ValidationError):
                costs.reserve(wrong)
        for seconds in (0, -1, float("nan"), float("inf"), 32 * 86_400):
            with pytest.raises(ArgumentError, match="lapses_after_seconds is above 0, to 2678400"):
                costs.reserve(Decimal(1), lapses_after_seconds=seconds)
        with pytest.raises(ArgumentError, match=r"cost_usd is at least 0\.000001"):
            costs.reserve(Decimal("0.0000004"))
    assert (stored_rows(CostEntry), stored_rows(CostReservation)) == ([], [])


def test_entries_are_paged_newest_first(domain_db: Database) -> None:
    with domain_db.get_session(organization_id=1) as session:
        costs = CostRepository(session)
        made = [costs.record(chat(n)) for n in range(5)]
        first = costs.page(limit=3)
        second = costs.page(after=first.next_cursor, limit=3)
        assert [*first.items, *second.items] == made[::-1]
        assert second.next_cursor is None
        assert costs.page(before=second.previous_cursor, limit=3).items == first.items


# -- the budget -------------------------------------------------------------------------------------------------


def test_a_reservation_counts_until_it_is_settled_released_or_lapses(
    domain_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    organization_id = make_organization(domain_db, monthly_budget_usd=Decimal(10)).id
    with domain_db.get_session(organization_id=organization_id) as session:
        costs = CostRepository(session)
        costs.record(CHAT)
        six = costs.reserve(Decimal(6), lapses_after_seconds=60)
        assert six is not None
        assert costs.committed() == 7
        assert costs.reserve(Decimal("3.000001")) is None
        three = costs.reserve(Decimal(3))
        assert three is not None
        assert costs.reserve(Decimal("0.000001")) is None
        assert costs.settle(six.id, chat("0.5")).cost_usd == Decimal("0.5")
        assert costs.committed() == Decimal("4.5")
        assert costs.release(three.id)
        assert costs.committed() == Decimal("1.5")
        assert costs.reserve(Decimal(8), lapses_after_seconds=60) is not None
        assert costs.reserve(Decimal(1)) is None
        later = datetime.now(UTC) + timedelta(seconds=61)
        monkeypatch.setattr("domain.costs.repository.utcnow", lambda: later)
        assert costs.committed() == Decimal("1.5")
        assert costs.reserve(Decimal(1)) is not None


def test_a_reservation_is_settled_once(domain_db: Database, stored_rows: StoredRows) -> None:
    with domain_db.get_session(organization_id=1) as session:
        costs = CostRepository(session)
        reserved = costs.reserve(Decimal(1))
        assert reserved is not None
        costs.settle(reserved.id, CHAT)
        with pytest.raises(NotFoundError):
            costs.settle(reserved.id, CHAT)
        assert not costs.release(reserved.id)
    assert len(stored_rows(CostEntry)) == 1


def test_a_settlement_that_is_refused_leaves_the_reservation(domain_db: Database, stored_rows: StoredRows) -> None:
    with domain_db.get_session(organization_id=1) as session:
        costs = CostRepository(session)
        reserved = costs.reserve(Decimal(5))
        assert reserved is not None
        with pytest.raises(NotFoundError):
            costs.settle(reserved.id + 1, CHAT)
        assert costs.committed() == 5
    with domain_db.get_session(organization_id=1) as session:
        cost = CostContent(purpose="chat", cost_usd=Decimal(4), entity="tenders", row_id=7)
        CostRepository(session).settle(reserved.id, cost)
    (entry,) = stored_rows(CostEntry)
    assert (entry["cost_usd"], entry["entity"], entry["row_id"]) == (4, "tenders", 7)


def test_a_reservation_lapses_so_long_after_it_was_granted(
    domain_db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = iter(datetime(2099, 1, 1, 0, 0, second, tzinfo=UTC) for second in range(60))
    monkeypatch.setattr("domain.costs.repository.utcnow", lambda: next(moments))
    with domain_db.get_session(organization_id=1) as session:
        reserved = CostRepository(session).reserve(Decimal(1), lapses_after_seconds=60)
        assert reserved is not None
        assert reserved.lapses_at > datetime(2099, 1, 1, 0, 1, 0, tzinfo=UTC)


def test_no_system_session_changes_an_entry(domain_db: Database, stored_rows: StoredRows) -> None:
    with domain_db.get_session(organization_id=1) as session:
        CostRepository(session).record(CHAT)
    for statement in (update(CostEntry).values(cost_usd=Decimal(0)), delete(CostEntry)):
        with (
            pytest.raises(ArgumentError, match="written once"),
            domain_db.system_session(actor="tests", reason="try it") as system,
        ):
            system.exec(statement)
    assert [row["cost_usd"] for row in stored_rows(CostEntry)] == [1]


def test_what_changes_nothing_costs_nothing(domain_db: Database, make: Make, stored_rows: StoredRows) -> None:
    tender: Tender = make(Tender)
    row: dict[str, Any] = {"tender_id": tender.id, "processing_cost": "1", **FILTER}
    with domain_db.get_session(organization_id=1) as session:
        analyses = AnalysisRepository(session)
        analyses.upsert_many([row, row])
        analyses.upsert_many([row])
        (analysis,) = analyses.find()
        analyses.update(analysis.id, AnalysisPatch.model_validate({"processing_cost": "1", "confidence": 0.5}))
    assert stored_rows(AnalysisResult)[0]["confidence"] == 0.5
    assert [entry["cost_usd"] for entry in stored_rows(CostEntry)] == [1]


def test_another_organizations_reservation_is_not_found(domain_db: Database, stored_rows: StoredRows) -> None:
    with domain_db.get_session(organization_id=1) as session:
        reserved = CostRepository(session).reserve(Decimal(1))
        assert reserved is not None
    with domain_db.get_session(organization_id=2) as session:
        assert not CostRepository(session).release(reserved.id)
        with pytest.raises(NotFoundError):
            CostRepository(session).settle(reserved.id, CHAT)
    assert [row["is_deleted"] for row in stored_rows(CostReservation)] == [False]
    assert stored_rows(CostEntry) == []


def test_an_inactive_organization_reserves_nothing(domain_db: Database) -> None:
    organization_id = make_organization(domain_db, is_active=False).id
    with domain_db.get_session(organization_id=organization_id) as session:
        assert CostRepository(session).reserve(Decimal(1)) is None


def test_what_an_earlier_month_spent_is_not_taken_off_this_one(domain_db: Database) -> None:
    organization_id = make_organization(domain_db, monthly_budget_usd=Decimal(10)).id
    before = datetime(MONTH.year, MONTH.month, 1, tzinfo=UTC) - timedelta(microseconds=1)
    with domain_db.get_session(organization_id=organization_id) as session:
        session.add(CostEntry(purpose="chat", cost_usd=Decimal(9), occurred_at=before))
        session.flush()
        assert CostRepository(session).committed() == 0
        assert CostRepository(session).reserve(Decimal(10)) is not None


def test_sixteen_threads_never_go_over_the_budget(domain_db: Database) -> None:
    """Of three reservations one is settled, one released, and one left by a worker that is gone."""
    threads, each = 16, RESERVATIONS // 16
    organization_id = make_organization(domain_db, monthly_budget_usd=Decimal(RESERVATIONS) / 100).id
    together = Barrier(threads)

    def work(thread: int) -> tuple[int, Decimal]:
        lost, paid = 0, Decimal(0)
        together.wait(60)
        for n in range(each):
            with domain_db.get_session(organization_id=organization_id) as session:
                reserved = CostRepository(session).reserve(Decimal("0.05"), lapses_after_seconds=3600)
            if reserved is None:
                continue
            with domain_db.get_session(organization_id=organization_id) as session:
                costs = CostRepository(session)
                match n % 3:
                    case 0:
                        paid += costs.settle(reserved.id, chat("0.049999")).cost_usd
                    case 1:
                        costs.release(reserved.id)
                    case _:
                        lost += 1
                assert costs.committed() <= Decimal(RESERVATIONS) / 100
        return lost, paid

    with ThreadPoolExecutor(threads) as pool:
        results = [*pool.map(work, range(threads))]
    lost, paid = sum(lost for lost, _ in results), sum((paid for _, paid in results), Decimal(0))
    assert lost
    assert paid
    assert spent(domain_db, organization_id) == paid
    with domain_db.get_session(organization_id=organization_id) as session:
        assert CostRepository(session).committed() == paid + lost * Decimal("0.05")


def test_erasing_a_person_takes_their_address_out_of_entries(domain_db: Database, stored_rows: StoredRows) -> None:
    with domain_db.get_session(organization_id=1, actor="ann@example.org") as session:
        ann = UserRepository(session).create(email="ann@example.org", full_name="Ann", hashed_password="x")
        CostRepository(session).record(CHAT)
    with domain_db.get_session(organization_id=1) as session:
        UserRepository(session).soft_delete(ann.id)
    erase_user(domain_db, organization_id=1, user_id=ann.id, actor="privacy", reason="asked")
    ((actor, cost),) = [(row["actor"], row["cost_usd"]) for row in stored_rows(CostEntry)]
    assert "ann" not in actor
    assert cost == 1
