"""Analyses: one live per tender; ratings, the best tenders, and what it all cost."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from sqlmodel import col, func, select, update

from ..kit.model.fields import utcnow
from ..kit.repository import TenantRepository, constructor
from ..kit.repository.cursor import checked_limit
from ..kit.repository.paging import newest_with
from ..kit.session import own
from ..tenders.model import Tender
from .model import AnalysisRating, AnalysisResult


class MonthlyCost(NamedTuple):
    """The cost of one UTC month's analyses."""

    month: date
    analyses: int
    cost_usd: Decimal


class AnalysisRepository(TenantRepository[AnalysisResult]):
    """The analyses of one organization."""

    model = AnalysisResult

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
        org_id: int | None = None,
    ) -> bool:
        """Set what is given (scores from 0 to 10) on the tender's live analysis, whatever its version.

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
        organization = self._scope.organization(org_id)
        table = self._scope.sql.table
        statement = (
            update(AnalysisResult)
            .where(self._scope.sql.organization, self._scope.sql.is_live, table.c.tender_id == tender_id)
            .values(**rating.model_dump(exclude_unset=True), updated_at=utcnow(), version=table.c.version + 1)
        )
        return self._scope.change(statement.returning(table.c.id), organization)

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

    def costs_by_month(self, org_id: int | None = None) -> Sequence[MonthlyCost]:
        """The cost of analyses in each UTC month that has some, latest first; deleted ones cost, too."""
        created, on_sqlite = col(AnalysisResult.created_at), self.session.get_bind().dialect.name == "sqlite"
        utc = func.to_char(func.timezone("UTC", created), "YYYY-MM")
        month = (func.strftime("%Y-%m", created) if on_sqlite else utc).label("month")
        statement = (
            select(month, func.count(), func.sum(AnalysisResult.processing_cost))
            .select_from(AnalysisResult)
            .where(self._scope.sql.organization)
            .group_by(month)
            .order_by(month.desc())
        )
        rows = self.session.exec(own(statement), params=self._scope.parameters(org_id)).all()
        return [MonthlyCost(date.fromisoformat(f"{m}-01"), n, cost or Decimal(0)) for m, n, cost in rows]
