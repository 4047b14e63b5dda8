"""Analyses: one live per tender; ratings, and the best tenders."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sqlmodel import select, update

from ..costs.repository import CostedRepository
from ..kit.model.fields import utcnow
from ..kit.repository import constructor
from ..kit.repository.page import checked_limit
from ..kit.repository.paging import newest_with
from ..kit.session import own
from ..tenders.model import Tender
from .model import AnalysisCost, AnalysisPatch, AnalysisRating, AnalysisResult


class AnalysisRepository(CostedRepository[AnalysisResult]):
    """The analyses of one organization."""

    model = AnalysisResult
    patch = AnalysisPatch
    purpose = "analysis"
    cost_field = "processing_cost"

    @constructor(AnalysisResult)
    def create(self, entity: AnalysisResult) -> AnalysisResult:
        """Insert the tender's analysis. Raises DuplicateError where it has a live one, ConstraintError where
        the tender is not this organization's."""
        return self.add(entity)

    @constructor(AnalysisResult)
    def upsert(self, entity: AnalysisResult) -> AnalysisResult:
        """Insert the tender's analysis, or set the given fields on its live one."""
        return self.put(entity)

    def get_by_tender_id(self, tender_id: int, org_id: int | None = None) -> AnalysisResult | None:
        """The tender's live analysis, or None."""
        return newest_with(self._scope, "tender_id", tender_id, org_id=org_id)

    def update_rating(
        self,
        tender_id: int,
        overall_score: float | None = None,
        *,
        strategic_fit: float | None = None,
        financial_attractiveness: float | None = None,
        win_probability: float | None = None,
        resource_requirements: float | None = None,
        strengths: list[str] | None = None,
        risks: list[str] | None = None,
        requirements: list[str] | None = None,
        recommendation: str | None = None,
        llm_model: str | None = None,
        processing_cost: Decimal | None = None,
        org_id: int | None = None,
    ) -> bool:
        """Set what is given (scores from 0 to 10) on the tender's live analysis, whatever its version.

        ``processing_cost`` (USD) is that of this rating: an entry of its own in the ledger.

        False where the tender has none. Raises pydantic.ValidationError for a value outside its limits.
        """
        given: dict[str, Any] = {
            "overall_score": overall_score,
            "strategic_fit": strategic_fit,
            "financial_attractiveness": financial_attractiveness,
            "win_probability": win_probability,
            "resource_requirements": resource_requirements,
            "strengths": strengths,
            "risks": risks,
            "requirements": requirements,
            "recommendation": recommendation,
        }
        rating = AnalysisRating(**{name: value for name, value in given.items() if value is not None})
        spent: dict[str, Any] = {"llm_model": llm_model, "processing_cost": processing_cost}
        cost = AnalysisCost(**{name: value for name, value in spent.items() if value is not None})
        organization = self._scope.organization(org_id)
        table = self._scope.sql.table
        statement = (
            update(AnalysisResult)
            .where(self._scope.sql.organization, self._scope.sql.is_live, table.c.tender_id == tender_id)
            .values(**rating.model_dump(exclude_unset=True), **cost.model_dump(exclude_unset=True))
            .values(updated_at=utcnow(), version=table.c.version + 1)
        )
        row_id = self._scope.changed(statement.returning(table.c.id), organization)
        if row_id is not None:
            self._wrote([(row_id, cost)])
        return row_id is not None

    def get_high_score_tenders(
        self, org_id: int | None = None, min_score: float = 7.0, limit: int = 50
    ) -> Sequence[Tender]:
        """Live tenders whose live analysis has at least ``min_score``, best first, newest first among equals."""
        analysis, tender = self._scope.sql.table, Tender.__table__
        statement = (
            select(Tender)
            .join(
                AnalysisResult,
                (analysis.c.organization_id == tender.c.organization_id) & (analysis.c.tender_id == tender.c.id),
            )
            .where(self._scope.sql.organization, self._scope.sql.is_live, ~tender.c.is_deleted)
            .where(tender.c.organization_id == analysis.c.organization_id, analysis.c.overall_score >= min_score)
            .order_by(analysis.c.overall_score.desc(), tender.c.created_at.desc(), tender.c.id.desc())
            .limit(checked_limit(limit))
        )
        return self.session.exec(own(statement), params=self._scope.parameters(org_id)).all()
