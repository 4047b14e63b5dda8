"""Types of BidDocumentRepository, for every checker; nothing here runs."""

from collections.abc import Iterator, Sequence
from typing import assert_type

from domain import BidDocument, BidDocumentRepository, BidPatch, Page, TenantSession, Upserted


def reads(session: TenantSession) -> None:
    bids = BidDocumentRepository(session)
    assert_type(bids.get(1), BidDocument | None)
    assert_type(bids.require(1), BidDocument)
    assert_type(bids.get_by_tender_id(tender_id=1, org_id=7), BidDocument | None)
    assert_type(bids.list_by_organization(7, 50), Sequence[BidDocument])
    assert_type(bids.list_by_organization(org_id=7, limit=50), Sequence[BidDocument])
    assert_type(bids.find(), Sequence[BidDocument])
    assert_type(bids.page(), Page[BidDocument])
    assert_type(bids.stream(), Iterator[BidDocument])


def writes(session: TenantSession) -> None:
    bids = BidDocumentRepository(session)
    bid = bids.create(
        tender_id=1,
        executive_summary="In a page.",
        capabilities="Forty.",
        approach="By barge.",
        value_proposition="Shortest closure.",
        additional_sections={"Safety": "No accident."},
    )
    assert_type(bid, BidDocument)
    assert_type(bid.additional_sections, dict[str, str])
    assert_type(
        bids.upsert(
            organization_id=7,
            tender_id=1,
            executive_summary="In a page.",
            capabilities="Forty.",
            approach="By barge.",
            value_proposition="Shortest closure.",
        ),
        BidDocument,
    )
    assert_type(bids.add(bid), BidDocument)
    assert_type(bids.put(bid), BidDocument)
    assert_type(bids.create_many([bid]), Sequence[BidDocument])
    assert_type(bids.upsert_many([bid]), Upserted)
    assert_type(bids.update(1, BidPatch(approach="By rail.")), BidDocument)
    assert_type(bids.update(1, approach="By rail."), BidDocument)
    assert_type(bids.soft_delete(1, org_id=7), bool)
    assert_type(bids.restore(1), bool)
