"""Tenders: finding, listing, searching, and the status of their processing."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError
from sqlmodel import col

from domain import (
    AnalysisRepository,
    AnalysisResult,
    ArgumentError,
    BidDocument,
    ConstraintError,
    Database,
    Tender,
    TenderFilter,
    TenderRepository,
    TenderStatus,
)

Stored = Callable[[type[Any], int], dict[str, Any]]
Make = Callable[..., Any]


def test_a_tender_is_created_for_the_organization_that_is_named(domain_db: Database, stored: Stored) -> None:
    with domain_db.get_session() as session:
        tender = TenderRepository(session).create(
            organization_id=2,
            title="Harbour bridge",
            description="Two spans.",
            external_id="ocds-1",
            estimated_value=Decimal("1250000.00"),
            currency="EUR",
            categories=["45221110"],
        )
        assert session.organization_id == 2
    row = stored(Tender, tender.id)
    assert (row["organization_id"], row["title"], row["description"]) == (2, "Harbour bridge", "Two spans.")
    assert (row["estimated_value"], row["currency"]) == (Decimal("1250000.0000"), "EUR")
    assert (row["status"], row["version"], row["categories"]) == (TenderStatus.PENDING, 1, ["45221110"])


def test_what_the_database_refuses_is_a_constraint_error(domain_db: Database) -> None:
    with pytest.raises(ConstraintError) as refused, domain_db.get_session(organization_id=1) as session:
        TenderRepository(session).create(title="Bridge", currency="EUR")
    assert refused.value.constraint == "ck_tenders_currency_needs_value"


def test_a_tender_is_found_by_id_and_by_external_id(domain_db: Database, tender: Tender) -> None:
    with domain_db.get_session() as session:
        tenders = TenderRepository(session)
        found = tenders.get_by_id(tender_id=tender.id, org_id=1)
        assert found is not None
        assert found.title == "Harbour bridge"
        assert tenders.get_by_id(tender.id) is found
        assert tenders.get_by_external_id(external_id="ocds-1", org_id=1) is found
        assert tenders.get_by_external_id("ocds-1") is found
        assert tenders.get_by_external_id("ocds-2", 1) is None
    with domain_db.get_session() as session:
        assert TenderRepository(session).get_by_id(tender.id, 2) is None
        assert TenderRepository(session).get_by_external_id("ocds-1") is None


def test_a_list_is_newest_first_of_one_status_in_parts(domain_db: Database, make: Make) -> None:
    pending = [make(Tender).id for _ in range(3)]
    complete = [make(Tender, status=TenderStatus.COMPLETE).id for _ in range(2)]
    make(Tender, organization_id=2)
    with domain_db.get_session() as session:
        tenders = TenderRepository(session)

        def ids(*arguments: Any, **keywords: Any) -> list[int]:
            return [tender.id for tender in tenders.list_by_organization(*arguments, **keywords)]

        assert ids(org_id=1) == (pending + complete)[::-1]
        assert ids(org_id=1, status=TenderStatus.PENDING, limit=50, offset=0) == pending[::-1]
        assert ids(1, TenderStatus.COMPLETE, 1, 1) == [complete[0]]
        assert ids(status=TenderStatus.ERROR) == []
        assert ids(status="complete") == complete[::-1]


def test_tenders_are_counted_by_status_with_zeros(domain_db: Database, make: Make) -> None:
    for status in (TenderStatus.PENDING, TenderStatus.PENDING, TenderStatus.ERROR):
        make(Tender, status=status)
    deleted = make(Tender, status=TenderStatus.COMPLETE)
    make(Tender, organization_id=2, status=TenderStatus.RATED_LOW)
    with domain_db.get_session() as session:
        tenders = TenderRepository(session)
        tenders.soft_delete(tender_id=deleted.id, org_id=1)
        assert tenders.count_by_organization(org_id=1) == 3
        assert tenders.count_by_organization(1, TenderStatus.PENDING) == 2
        assert tenders.count_by_organization(status=TenderStatus.COMPLETE) == 0
        counts = tenders.count_by_status(org_id=1)
        assert counts == tenders.count_by_status()
    assert counts == {
        TenderStatus.PENDING: 2,
        TenderStatus.PROCESSING: 0,
        TenderStatus.FILTERED_OUT: 0,
        TenderStatus.RATED_LOW: 0,
        TenderStatus.COMPLETE: 0,
        TenderStatus.ERROR: 1,
    }
    assert all(type(status) is TenderStatus for status in counts)


@pytest.fixture
def dated(domain_db: Database, make: Make) -> None:
    """Tenders around a month's end in UTC, one of them deleted; and another organization's."""
    for month, day, hour, currency in ((4, 30, 23, "EUR"), (5, 1, 0, "EUR"), (5, 31, 23, "USD")):
        moment = datetime(2026, month, day, hour, 30, tzinfo=UTC)
        make(Tender, published_at=moment, deadline=moment + timedelta(days=31), estimated_value=5, currency=currency)
    make(Tender, title="No dates")
    gone = make(Tender, published_at=datetime(2026, 5, 2, tzinfo=UTC), estimated_value=5, currency="NOK")
    make(Tender, organization_id=2, published_at=datetime(2026, 6, 2, tzinfo=UTC), estimated_value=5, currency="GBP")
    with domain_db.get_session(organization_id=1) as session:
        assert TenderRepository(session).soft_delete(gone.id)


@pytest.mark.usefixtures("dated")
def test_tenders_are_counted_by_the_utc_month_of_a_time(domain_db: Database) -> None:
    with domain_db.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        by_month = tenders.count_by_month()
        assert list(by_month.items()) == [(date(2026, 4, 1), 1), (date(2026, 5, 1), 2), (None, 1)]
        assert list(tenders.count_by_month(of="deadline").items()) == [
            (date(2026, 5, 1), 1),
            (date(2026, 6, 1), 1),
            (date(2026, 7, 1), 1),
            (None, 1),
        ]
        assert sum(tenders.count_by_month(of="created_at").values()) == 4


@pytest.mark.usefixtures("dated")
def test_tenders_are_counted_by_currency(domain_db: Database) -> None:
    with domain_db.get_session() as session:
        counts = TenderRepository(session).count_by_currency(org_id=1)
    assert list(counts.items()) == [("EUR", 2), ("USD", 1), (None, 1)]


@pytest.mark.usefixtures("dated")
def test_counts_are_of_the_tenders_that_meet_a_filter(domain_db: Database) -> None:
    with domain_db.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        in_euros = TenderFilter(currency="EUR")
        assert tenders.count_by_status(in_euros)[TenderStatus.PENDING] == 2
        assert tenders.count_by_month(in_euros) == {date(2026, 4, 1): 1, date(2026, 5, 1): 1}
        assert tenders.count_by_currency(in_euros, col(Tender.title) == "No dates") == {}
        assert tenders.count_by_currency(TenderFilter(min_value=Decimal(6))) == {}


def test_a_list_with_related_brings_the_live_analysis_and_bid(domain_db: Database, make: Make) -> None:
    tender: Tender = make(Tender)
    bare: Tender = make(Tender)
    analysis: AnalysisResult = make(AnalysisResult, tender_id=tender.id, overall_score=9)
    with domain_db.get_session(organization_id=1) as session:
        AnalysisRepository(session).soft_delete(analysis.id)
    again: AnalysisResult = make(AnalysisResult, tender_id=tender.id)
    bid: BidDocument = make(BidDocument, tender_id=tender.id)
    with domain_db.get_session() as session:
        listed = TenderRepository(session).list_with_related(status=TenderStatus.PENDING, limit=2, offset=0, org_id=1)
    assert [row.id for row in listed] == [bare.id, tender.id]
    assert (listed[0].analysis, listed[0].bid) == (None, None)
    assert listed[1].analysis is not None
    assert listed[1].bid is not None
    assert (listed[1].analysis.id, listed[1].bid.id) == (again.id, bid.id)


def test_a_list_with_related_shows_what_was_written_since_the_last(domain_db: Database) -> None:
    with domain_db.get_session(organization_id=1) as session:
        tenders, analyses = TenderRepository(session), AnalysisRepository(session)
        tender = tenders.create(title="Bridge")
        assert tenders.list_with_related()[0].analysis is None
        analysis = analyses.create(tender_id=tender.id, is_relevant=True, confidence=1)
        (listed,) = tenders.list_with_related()
        assert listed.analysis is analysis
        assert tenders.update_status(tender.id, TenderStatus.COMPLETE)
        assert (listed.analysis, listed.status) == (analysis, TenderStatus.COMPLETE)
        analyses.soft_delete(analysis.id)
        assert tenders.list_with_related()[0].analysis is None


# -- search -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("bridge", {"bridge", "percent"}),
        ("BRIDGE harbour", {"bridge"}),
        ("bergen bridge spans", {"bridge"}),
        ("port city", {"bridge"}),
        ("bridge tunnel", set[str]()),
        ("", {"bridge", "percent", "snake", "backslash", "slash", "accent"}),
        ("   ", {"bridge", "percent", "snake", "backslash", "slash", "accent"}),
        ("%", {"bridge", "percent", "snake", "backslash", "slash", "accent"}),
        ("100%", {"percent"}),
        ("snak case", {"snake"}),
        ("nake", set[str]()),
        ("a_b", {"snake", "percent", "slash"}),
        ("\\", {"bridge", "percent", "snake", "backslash", "slash", "accent"}),
        ("backs C:\\x", {"backslash"}),
        ("a/b slash", {"slash"}),
        ("Škoda", {"accent"}),
        ("SKOD", {"accent"}),
        ("日本", {"accent"}),
        ("'; DROP TABLE tenders", set[str]()),
    ],
)
def test_a_search_finds_the_tenders_with_every_word(
    domain_db: Database, make: Make, text: str, found: set[str]
) -> None:
    make(Tender, title="Harbour Bridge", description="Two spans", organization_name="Port of X", location="City Bergen")
    make(Tender, title="A bridge, 100% steel")
    make(Tender, title="snake a_b case")
    make(Tender, title="backslash C:\\x")
    make(Tender, title="slash a/b")
    make(Tender, title="accent Škoda 日本")
    make(Tender, organization_id=2, title="Harbour Bridge % _ \\ Škoda")
    names = {"Harbour Bridge": "bridge", "A bridge, 100% steel": "percent"}
    with domain_db.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        titles = [tender.title for tender in tenders.search(text)]
        paged = [tender.title for tender in tenders.page(TenderFilter(text=text)).items]
    assert {names.get(title, title.split()[0]) for title in titles} == found
    assert len(titles) == len(found)
    assert paged == titles


def test_a_search_comes_in_parts_and_without_deleted_tenders(domain_db: Database, make: Make) -> None:
    ids = [make(Tender, title="Bridge").id for _ in range(4)]
    with domain_db.get_session() as session:
        tenders = TenderRepository(session)
        tenders.soft_delete(ids[1], org_id=1)
        assert [tender.id for tender in tenders.search(text="bridge", limit=2, offset=1, org_id=1)] == [ids[2], ids[0]]


@pytest.mark.parametrize("text", ["a b " * 11, "x" * 1001, "nul\x00", "half \ud800"])
def test_a_search_text_that_no_database_could_serve_is_refused(domain_db: Database, text: str) -> None:
    with domain_db.get_session(organization_id=1) as session:
        with pytest.raises(ArgumentError, match=r"search takes|a text must not"):
            TenderRepository(session).search(text)
        assert TenderRepository(session).search("a b " * 9 + "c " + "x" * 900) == []


# -- status -----------------------------------------------------------------------------------------------------


def test_a_status_is_set_with_message_and_time(domain_db: Database, stored: Stored, tender: Tender) -> None:
    with domain_db.get_session() as session:
        assert TenderRepository(session).update_status(
            tender_id=tender.id,
            status=TenderStatus.ERROR,
            error_message="The model timed out.",
            processing_time=1.5,
            org_id=1,
        )
    row = stored(Tender, tender.id)
    assert (row["status"], row["error_message"], row["processing_time"]) == (
        TenderStatus.ERROR,
        "The model timed out.",
        1.5,
    )
    assert row["version"] == 2
    assert row["updated_at"] > tender.updated_at


def test_leaving_the_status_error_clears_the_message(domain_db: Database, stored: Stored, tender: Tender) -> None:
    with domain_db.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        tenders.update_status(tender.id, TenderStatus.ERROR, "Timed out.", 2.0)
        tenders.update_status(tender.id, TenderStatus.ERROR)
    assert stored(Tender, tender.id)["error_message"] == "Timed out."
    with domain_db.get_session(organization_id=1) as session:
        TenderRepository(session).update_status(tender.id, TenderStatus.PROCESSING)
    row = stored(Tender, tender.id)
    assert (row["status"], row["error_message"], row["processing_time"]) == (TenderStatus.PROCESSING, None, 2.0)


def test_only_one_worker_claims_a_tender(domain_db: Database, stored: Stored, tender: Tender) -> None:
    claims: list[bool] = []
    for _ in range(2):
        with domain_db.get_session(organization_id=1) as session:
            claims.append(
                TenderRepository(session).update_status(
                    tender.id, TenderStatus.PROCESSING, expected=TenderStatus.PENDING
                )
            )
    assert claims == [True, False]
    assert stored(Tender, tender.id)["version"] == 2


def test_a_status_may_be_given_as_its_value(domain_db: Database, stored: Stored, tender: Tender) -> None:
    with domain_db.get_session(organization_id=1) as session:
        tenders = TenderRepository(session)
        value: Any = "error"
        assert tenders.update_status(tender.id, value, "Timed out.", expected=TenderStatus.PENDING)
        value = "complete"
        assert tenders.update_status(tender.id, value)
        value = "error"
        assert tenders.update_status(tender.id, TenderStatus.PENDING, expected=value) is False
        value = "finished"
        with pytest.raises(ValidationError):
            tenders.update_status(tender.id, value)
    row = stored(Tender, tender.id)
    assert (row["status"], row["error_message"]) == (TenderStatus.COMPLETE, None)


@pytest.mark.parametrize("seconds", [-0.001, float("nan"), float("inf"), float("-inf")])
def test_a_processing_time_is_a_number_of_seconds(
    domain_db: Database, stored: Stored, tender: Tender, seconds: float
) -> None:
    with domain_db.get_session(organization_id=1) as session:
        with pytest.raises(ValidationError, match="processing_time"):
            TenderRepository(session).update_status(tender.id, TenderStatus.COMPLETE, processing_time=seconds)
        assert TenderRepository(session).update_status(tender.id, TenderStatus.COMPLETE, processing_time=0)
    assert stored(Tender, tender.id)["processing_time"] == 0


def test_a_message_goes_with_the_status_error_alone(domain_db: Database, stored: Stored, tender: Tender) -> None:
    with domain_db.get_session(organization_id=1) as session, pytest.raises(ArgumentError, match="error_message"):
        TenderRepository(session).update_status(tender.id, TenderStatus.COMPLETE, error_message="Timed out.")
    assert stored(Tender, tender.id)["status"] == TenderStatus.PENDING


def test_a_status_is_set_whatever_the_version(domain_db: Database, stored: Stored, tender: Tender) -> None:
    with domain_db.get_session(organization_id=1) as slow:
        held = TenderRepository(slow).require(tender.id)
        with domain_db.get_session(organization_id=1) as quick:
            TenderRepository(quick).update_status(tender.id, TenderStatus.PROCESSING)
        assert TenderRepository(slow).update_status(tender.id, TenderStatus.COMPLETE)
        assert (held.status, held.version) == (TenderStatus.COMPLETE, 3)
    assert (stored(Tender, tender.id)["status"], stored(Tender, tender.id)["version"]) == (TenderStatus.COMPLETE, 3)
