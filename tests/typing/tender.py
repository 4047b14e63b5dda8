"""Types of TenderRepository, for every checker; nothing here runs."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import assert_type

from sqlmodel import col

from domain import (
    AnalysisResult,
    BidDocument,
    Page,
    TenantSession,
    Tender,
    TenderContent,
    TenderDB,
    TenderFilter,
    TenderOrder,
    TenderPatch,
    TenderPublic,
    TenderRepository,
    TenderStatus,
    Upserted,
)
from domain.kit.repository import RowOutcome
from domain.tenders.model import TenderProgress


def reads(session: TenantSession) -> None:
    tenders = TenderRepository(session)
    assert_type(tenders.get(1), Tender | None)
    assert_type(tenders.get(1, include_deleted=True, org_id=7), Tender | None)
    assert_type(tenders.require(1), Tender)
    assert_type(tenders.get_by_id(1, 7), Tender | None)
    assert_type(tenders.get_by_id(tender_id=1, org_id=7), Tender | None)
    assert_type(tenders.get_by_external_id(external_id="ocds-1", org_id=7), Tender | None)
    assert_type(tenders.list_by_organization(), Sequence[Tender])
    assert_type(
        tenders.list_by_organization(org_id=7, status=TenderStatus.COMPLETE, limit=50, offset=0), Sequence[Tender]
    )
    assert_type(tenders.list_with_related(status=TenderStatus.PENDING)[0].analysis, AnalysisResult | None)
    assert_type(tenders.list_with_related()[0].bid, BidDocument | None)
    assert_type(tenders.find(Tender.title == "Bridge", col(Tender.deadline) > datetime.now(UTC)), Sequence[Tender])
    assert_type(tenders.search(text="bridge"), Sequence[Tender])
    assert_type(tenders.count(), int)
    assert_type(tenders.exists(), bool)
    assert_type(tenders.count_by_organization(org_id=7, status=TenderStatus.ERROR), int)
    assert_type(tenders.count_by_status(TenderFilter(currency="EUR")), dict[TenderStatus, int])
    assert_type(tenders.count_by_month(of="deadline"), dict[date | None, int])
    assert_type(tenders.count_by_currency(org_id=7), dict[str | None, int])
    assert_type(tenders.stream(batch_size=100), Iterator[Tender])
    page = tenders.page(Tender.title == "Bridge", after="...", limit=10, with_total=True)
    assert_type(tenders.page(before=page.previous_cursor), Page[Tender])
    assert_type(page, Page[Tender])
    assert_type(page.items, list[Tender])
    assert_type(page.next_cursor, str | None)
    assert_type(page.previous_cursor, str | None)
    assert_type(page.total, int | None)
    wanted = TenderFilter(status=[TenderStatus.PENDING], min_value=Decimal(10), has_analysis=True)
    assert_type(tenders.page(wanted, order_by=TenderOrder.DEADLINE, as_=TenderPublic), Page[TenderPublic])
    assert_type(tenders.find(wanted, order_by=col(Tender.deadline).desc(), as_=TenderPublic), Sequence[TenderPublic])
    assert_type(tenders.find(wanted, col(Tender.id) > 5, order_by=col(Tender.deadline)), Sequence[Tender])
    assert_type(tenders.get(5, as_=TenderPublic), TenderPublic | None)
    assert_type(tenders.search("bridge", as_=TenderPublic, order_by="-estimated_value"), Sequence[TenderPublic])
    assert_type(tenders.count(wanted), int)
    assert_type(tenders.soft_delete_where(wanted).rows, int)


def writes(session: TenantSession, body: TenderContent) -> None:
    tenders = TenderRepository(session)
    tender = tenders.create(
        organization_id=7,
        title="Bridge",
        description="Two spans.",
        external_id="ocds-1",
        deadline=datetime.now(UTC),
        estimated_value=Decimal(1),
        currency="EUR",
        categories=["45221110"],
        status=TenderStatus.PENDING,
    )
    assert_type(tender, Tender)
    assert_type(tender, TenderDB)
    assert_type(tender.id, int)
    assert_type(tender.version, int)
    assert_type(tender.created_at, datetime)
    assert_type(tender.organization_id, int)
    assert_type(tender.title, str)
    assert_type(tender.estimated_value, Decimal | None)
    assert_type(tender.categories, list[str])
    assert_type(tenders.create(title="Bridge"), Tender)
    assert_type(tenders.add(Tender.model_validate(body)), Tender)
    assert_type(tenders.put(Tender(title="Bridge"), org_id=7), Tender)
    assert_type(tenders.create_many(Tender(title=title) for title in ("Bridge", "Tunnel")), Sequence[Tender])
    assert_type(tenders.create_many([body]), Sequence[int])
    assert_type(tenders.create_many([{"title": "Bridge"}], org_id=7), Sequence[int])
    done = tenders.upsert_many([body], source="ted_europa", org_id=7)
    assert_type(done.ids, Sequence[int])
    assert_type(done.outcomes, Sequence[RowOutcome])
    assert_type(done, Upserted)
    assert_type(done.created, int)
    assert_type(tenders.update(1, TenderPatch(title="Bridge"), expected_version=2, org_id=7), Tender)
    assert_type(tenders.update(1, TenderProgress(status=TenderStatus.COMPLETE)), Tender)
    assert_type(tenders.update(1, TenderPatch(location="Bergen", currency=None)), Tender)
    assert_type(tenders.update(1, body, expected_version=2), Tender)
    assert_type(tenders.update(1, location="Bergen", title="Bridge", estimated_value=None), Tender)
    assert_type(TenderPatch(location="Bergen").title, str)
    assert_type(tenders.update_status(1, TenderStatus.ERROR, "Timed out.", 1.5), bool)
    assert_type(
        tenders.update_status(
            tender_id=1,
            status=TenderStatus.ERROR,
            error_message="Timed out.",
            processing_time=1.5,
            expected=TenderStatus.PROCESSING,
            expected_version=2,
            org_id=7,
        ),
        bool,
    )
    assert_type(tenders.soft_delete(tender_id=1, org_id=7), bool)
    assert_type(tenders.soft_delete(1, 7), bool)
    assert_type(tenders.restore(1), bool)


def work(session: TenantSession) -> None:
    tenders = TenderRepository(session)
    assert_type(tenders.claim(), Sequence[Tender])
    claimed = tenders.claim(limit=10, lease=timedelta(minutes=5), max_attempts=3, org_id=7)
    assert_type(claimed[0].attempts, int)
    assert_type(claimed[0].leased_until, datetime | None)
    assert_type(tenders.renew(1, claimed[0].version), bool)
    assert_type(tenders.renew(tender_id=1, version=2, lease=timedelta(minutes=5), org_id=7), bool)
