"""Types of AnalysisRepository, for every checker; nothing here runs."""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import assert_type

from domain import (
    AnalysisContent,
    AnalysisPatch,
    AnalysisRepository,
    AnalysisResult,
    CostContent,
    CostRepository,
    Page,
    TenantSession,
    Tender,
    Upserted,
)
from domain.models import CostEntry, CostReservation


def reads(session: TenantSession) -> None:
    analyses = AnalysisRepository(session)
    assert_type(analyses.get(1), AnalysisResult | None)
    assert_type(analyses.require(1), AnalysisResult)
    assert_type(analyses.get_by_tender_id(tender_id=1, org_id=7), AnalysisResult | None)
    assert_type(analyses.get_by_tender_id(1), AnalysisResult | None)
    assert_type(analyses.find(), Sequence[AnalysisResult])
    assert_type(analyses.page(), Page[AnalysisResult])
    assert_type(analyses.stream(), Iterator[AnalysisResult])
    assert_type(analyses.count(), int)
    assert_type(analyses.get_high_score_tenders(7, 8.5, 10), Sequence[Tender])
    assert_type(analyses.get_high_score_tenders(org_id=7, min_score=8, limit=10), Sequence[Tender])


def costs(session: TenantSession) -> None:
    ledger = CostRepository(session)
    cost = CostContent(purpose="chat", cost_usd=Decimal("0.01"), input_tokens=5)
    assert_type(ledger.record(cost), CostEntry)
    assert_type(ledger.page(), Page[CostEntry])
    assert_type(ledger.costs(since=date(2026, 5, 1))[0].cost_usd, Decimal)
    assert_type(ledger.reserve(Decimal("0.5")), CostReservation | None)
    assert_type(ledger.settle(1, cost), CostEntry)


def writes(session: TenantSession, body: AnalysisContent) -> None:
    analyses = AnalysisRepository(session)
    analysis = analyses.create(tender_id=1, is_relevant=True, confidence=0.9, processing_cost=Decimal("0.04"))
    assert_type(analysis, AnalysisResult)
    assert_type(analysis.tender_id, int)
    assert_type(analysis.overall_score, float | None)
    assert_type(analysis.strengths, list[str])
    assert_type(
        analyses.upsert(organization_id=7, tender_id=1, is_relevant=True, confidence=1, overall_score=8), AnalysisResult
    )
    assert_type(analyses.add(AnalysisResult.model_validate(body)), AnalysisResult)
    assert_type(analyses.put(AnalysisResult.model_validate(body)), AnalysisResult)
    assert_type(analyses.upsert_many([body]), Upserted)
    assert_type(analyses.update(1, AnalysisPatch(overall_score=9)), AnalysisResult)
    assert_type(analyses.update(1, overall_score=9, confidence=0.5), AnalysisResult)
    assert_type(analyses.update_rating(1, 8.5), bool)
    assert_type(
        analyses.update_rating(
            tender_id=1,
            overall_score=8.5,
            strategic_fit=8,
            financial_attractiveness=7,
            win_probability=6,
            resource_requirements=5,
            strengths=["near"],
            risks=["schedule"],
            requirements=["ISO 9001"],
            recommendation="Bid.",
            org_id=7,
        ),
        bool,
    )
    assert_type(analyses.soft_delete(1), bool)
    assert_type(analyses.restore(1), bool)
