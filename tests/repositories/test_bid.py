"""Bid documents: one live draft per tender."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from domain import BidDocument, BidDocumentRepository, Database, Tender

Stored = Callable[[type[Any], int], dict[str, Any]]
Make = Callable[..., Any]
TEXTS: dict[str, Any] = {
    "executive_summary": "In a page.",
    "capabilities": "Forty.",
    "approach": "By barge.",
    "value_proposition": "-",
}


def test_a_bid_is_created_for_a_tender(domain_db: Database, stored: Stored, tender: Tender) -> None:
    with domain_db.get_session() as session:
        bid = BidDocumentRepository(session).create(
            organization_id=1,
            tender_id=tender.id,
            executive_summary="We build it.",
            capabilities="Forty bridges.",
            approach="By barge.",
            value_proposition="Shortest closure.",
            additional_sections={"Safety": "No accident."},
            llm_model="large-2",
            generation_cost=Decimal("0.31"),
        )
    row = stored(BidDocument, bid.id)
    assert (row["organization_id"], row["tender_id"], row["executive_summary"]) == (1, tender.id, "We build it.")
    assert (row["additional_sections"], row["generation_cost"]) == ({"Safety": "No accident."}, Decimal("0.310000"))


def test_upsert_inserts_and_then_sets_what_is_given(domain_db: Database, stored: Stored, tender: Tender) -> None:
    with domain_db.get_session(organization_id=1) as session:
        inserted = BidDocumentRepository(session).upsert(
            tender_id=tender.id, **TEXTS, additional_sections={"Safety": "No accident."}
        )
        changed: dict[str, Any] = {**TEXTS, "approach": "By rail."}
        updated = BidDocumentRepository(session).upsert(tender_id=tender.id, **changed)
        assert updated is inserted
    row = stored(BidDocument, inserted.id)
    assert (row["approach"], row["additional_sections"], row["version"]) == (
        "By rail.",
        {"Safety": "No accident."},
        2,
    )


def test_a_bid_is_found_by_its_tender(domain_db: Database, tender: Tender, make: Make) -> None:
    bid: BidDocument = make(BidDocument, tender_id=tender.id)
    with domain_db.get_session() as session:
        bids = BidDocumentRepository(session)
        found = bids.get_by_tender_id(tender_id=tender.id, org_id=1)
        assert found is not None
        assert found.id == bid.id
        assert bids.get_by_tender_id(tender.id + 1) is None
        bids.soft_delete(bid.id)
        assert bids.get_by_tender_id(tender.id) is None
    with domain_db.get_session() as session:
        assert BidDocumentRepository(session).get_by_tender_id(tender.id, 2) is None


def test_bids_are_listed_newest_first(domain_db: Database, make: Make) -> None:
    ids = [make(BidDocument).id for _ in range(3)]
    make(BidDocument, organization_id=2)
    with domain_db.get_session() as session:
        bids = BidDocumentRepository(session)
        assert [bid.id for bid in bids.list_by_organization(org_id=1, limit=50)] == ids[::-1]
        assert [bid.id for bid in bids.list_by_organization(1, 2)] == [ids[2], ids[1]]
        assert [bid.id for bid in bids.list_by_organization(limit=2, offset=2)] == [ids[0]]
