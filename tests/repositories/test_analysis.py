"""Analyses: one live per tender, their ratings, the best tenders, and the costs of a month."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError
from sqlmodel import update

from domain import (
    AnalysisContent,
    AnalysisRepository,
    AnalysisResult,
    ConstraintError,
    Database,
    Entity,
    Tender,
    TenderRepository,
)

Stored = Callable[[type[Any], int], dict[str, Any]]
Make = Callable[..., Any]


def set_created_at(database: Database, model: type[Entity], entity_id: int, moment: datetime) -> None:
    columns = model.__table__.c
    with database.migration_engine.begin() as connection:
        connection.execute(update(model).where(columns.id == entity_id).values(created_at=moment))


def test_an_analysis_is_created_for_a_tender(domain_db: Database, stored: Stored, tender: Tender) -> None:
    with domain_db.get_session() as session:
        analysis = AnalysisRepository(session).create(
            organization_id=1,
            tender_id=tender.id,
            is_relevant=True,
            confidence=0.92,
            filter_categories=["bridges"],
            llm_model="large-2",
            processing_cost=Decimal("0.0425"),
        )
    row = stored(AnalysisResult, analysis.id)
    assert (row["organization_id"], row["tender_id"], row["is_relevant"], row["confidence"]) == (
        1,
        tender.id,
        True,
        0.92,
    )
    assert (row["processing_cost"], row["overall_score"], row["strengths"]) == (Decimal("0.042500"), None, [])


@pytest.mark.parametrize("state", ["foreign", "deleted", "unknown"])
def test_an_analysis_is_moved_to_a_live_tender_of_the_organization_only(
    domain_db: Database, stored: Stored, make: Make, state: str
) -> None:
    analysis: AnalysisResult = make(AnalysisResult)
    other: Tender = make(Tender)
    tender: Tender = make(Tender, organization_id=2 if state == "foreign" else 1)
    with domain_db.get_session(organization_id=1) as session:
        if state == "deleted":
            TenderRepository(session).soft_delete(tender.id)
        moved = AnalysisContent(tender_id=tender.id + 1000 * (state == "unknown"), is_relevant=True, confidence=1)
        with pytest.raises(ConstraintError):
            AnalysisRepository(session).update(analysis.id, moved)
        AnalysisRepository(session).update(analysis.id, moved.model_copy(update={"tender_id": other.id}))
    assert stored(AnalysisResult, analysis.id)["tender_id"] == other.id


def test_upsert_inserts_and_then_sets_what_is_given(domain_db: Database, stored: Stored, tender: Tender) -> None:
    with domain_db.get_session() as session:
        inserted = AnalysisRepository(session).upsert(
            organization_id=1, tender_id=tender.id, is_relevant=True, confidence=0.5, recommendation="Bid."
        )
    with domain_db.get_session(organization_id=1) as session:
        updated = AnalysisRepository(session).upsert(
            tender_id=tender.id, is_relevant=False, confidence=0.9, strengths=["near"]
        )
    assert updated.id == inserted.id
    row = stored(AnalysisResult, inserted.id)
    assert (row["is_relevant"], row["confidence"], row["strengths"], row["recommendation"]) == (
        False,
        0.9,
        ["near"],
        "Bid.",
    )
    assert (row["version"], row["created_at"]) == (2, inserted.created_at)
    assert row["updated_at"] > inserted.updated_at


def test_an_analysis_is_found_by_its_tender(domain_db: Database, tender: Tender, make: Make) -> None:
    analysis: AnalysisResult = make(AnalysisResult, tender_id=tender.id)
    with domain_db.get_session() as session:
        found = AnalysisRepository(session).get_by_tender_id(tender_id=tender.id, org_id=1)
        assert found is not None
        assert found.id == analysis.id
        assert AnalysisRepository(session).get_by_tender_id(tender.id + 1) is None
    with domain_db.get_session() as session:
        assert AnalysisRepository(session).get_by_tender_id(tender.id, 2) is None


def test_a_rating_sets_what_is_given_whatever_the_version(domain_db: Database, stored: Stored, make: Make) -> None:
    analysis: AnalysisResult = make(AnalysisResult, strengths=["near"], recommendation="Look.")
    with domain_db.get_session() as session:
        assert AnalysisRepository(session).update_rating(
            tender_id=analysis.tender_id,
            overall_score=8.5,
            strategic_fit=7,
            financial_attractiveness=6,
            win_probability=5,
            resource_requirements=4,
            risks=["schedule"],
            requirements=["ISO 9001"],
            recommendation="Bid.",
            org_id=1,
        )
        assert AnalysisRepository(session).update_rating(analysis.tender_id, 9)
    row = stored(AnalysisResult, analysis.id)
    assert (row["overall_score"], row["strategic_fit"], row["financial_attractiveness"]) == (9, 7, 6)
    assert (row["win_probability"], row["resource_requirements"]) == (5, 4)
    assert (row["strengths"], row["risks"], row["requirements"]) == (["near"], ["schedule"], ["ISO 9001"])
    assert (row["recommendation"], row["version"]) == ("Bid.", 3)
    assert row["updated_at"] > analysis.updated_at


@pytest.mark.parametrize("score", [-0.1, 10.1, float("nan"), float("inf")])
def test_a_score_is_from_0_to_10(domain_db: Database, stored: Stored, make: Make, score: float) -> None:
    analysis: AnalysisResult = make(AnalysisResult)
    with domain_db.get_session(organization_id=1) as session:
        with pytest.raises(ValidationError, match="overall_score"):
            AnalysisRepository(session).update_rating(analysis.tender_id, score)
        assert AnalysisRepository(session).update_rating(analysis.tender_id, 0)
    assert stored(AnalysisResult, analysis.id)["overall_score"] == 0


# -- the best tenders -------------------------------------------------------------------------------------------


def test_the_best_tenders_come_first_and_of_equals_the_newest(domain_db: Database, make: Make) -> None:
    def rated(score: float | None, organization_id: int = 1) -> int:
        tender: Tender = make(Tender, organization_id=organization_id)
        make(AnalysisResult, organization_id=organization_id, tender_id=tender.id, overall_score=score)
        return tender.id

    seven, nine, low, older, newer, _ = rated(7), rated(9), rated(6.99), rated(8), rated(8), rated(None)
    rated(10, organization_id=2)
    make(Tender)
    with domain_db.get_session() as session:
        analyses = AnalysisRepository(session)
        best = analyses.get_high_score_tenders(org_id=1)
        assert all(isinstance(tender, Tender) for tender in best)
        assert [tender.id for tender in best] == [nine, newer, older, seven]
        best = analyses.get_high_score_tenders(1, 6, 2)
        assert [tender.id for tender in best] == [nine, newer]
        best = analyses.get_high_score_tenders(min_score=0, limit=200)
        assert [tender.id for tender in best] == [nine, newer, older, seven, low]


def test_the_best_tenders_leave_out_deleted_tenders_and_analyses(domain_db: Database, make: Make) -> None:
    tenders: list[Tender] = [make(Tender) for _ in range(4)]
    analyses = [make(AnalysisResult, tender_id=tender.id, overall_score=9).id for tender in tenders]
    with domain_db.get_session(organization_id=1) as session:
        TenderRepository(session).soft_delete(tenders[0].id)
        AnalysisRepository(session).soft_delete(analyses[1])
    columns = Tender.__table__.c
    with domain_db.migration_engine.begin() as connection:  # as an older release may have left it
        connection.execute(update(Tender).where(columns.id == tenders[3].id).values(is_deleted=True))
    with domain_db.get_session(organization_id=1) as session:
        assert [tender.id for tender in AnalysisRepository(session).get_high_score_tenders()] == [tenders[2].id]
