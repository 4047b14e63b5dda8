"""Analyses: what an AI agent found out about a tender; one live per tender."""

from typing import Any, ClassVar

from sqlmodel import Field

from ..kit.model.base import DomainModel
from ..kit.model.entity import OMITTED, Patch, Public, Stamped, TenantEntity
from ..kit.model.fields import Cost, Text, example
from ..kit.model.tables import live_index, live_unique
from ..kit.model.types import Money
from ..tenders.model import OfTender


def score_field() -> Any:
    """A rating from 0 to 10, or none yet."""
    return Field(default=None, ge=0, le=10, schema_extra=example(7.5))


class AnalysisFilter(DomainModel):
    """The first look: is it for us at all?"""

    is_relevant: bool = Field(schema_extra=example(True))
    """True where the tender is worth a rating."""
    confidence: float = Field(ge=0, le=1, schema_extra=example(0.92))
    """How sure the filter is, 0 to 1."""
    filter_categories: list[Text] = Field(default_factory=list, schema_extra=example(["bridges"]))
    """Words that it was filed under."""
    filter_reasoning: Text | None = Field(default=None, schema_extra=example("Matches our steel bridge work."))
    """Why."""


class AnalysisRating(DomainModel):
    """The second look: how good is it?"""

    overall_score: float | None = score_field()
    """All in all, 0 to 10."""
    strategic_fit: float | None = score_field()
    """Fit with the organization's plans, 0 to 10."""
    financial_attractiveness: float | None = score_field()
    """Earnings to be expected, 0 to 10."""
    win_probability: float | None = score_field()
    """How likely a win is, 0 to 10."""
    resource_requirements: float | None = score_field()
    """How well it fits the people at hand, 0 to 10."""
    strengths: list[Text] = Field(default_factory=list, schema_extra=example(["Local office"]))
    """Reasons for a bid."""
    risks: list[Text] = Field(default_factory=list, schema_extra=example(["Tight schedule"]))
    """Reasons against one."""
    requirements: list[Text] = Field(default_factory=list, schema_extra=example(["ISO 9001"]))
    """Proofs that a bidder must show."""
    recommendation: Text | None = Field(default=None, schema_extra=example("Bid."))
    """The thing to do."""


class AnalysisCost(DomainModel):
    """Model and cost."""

    llm_model: Text | None = Field(default=None, max_length=100, schema_extra=example("large-2"))
    """The model that was asked."""
    processing_cost: Cost | None = Field(default=None, ge=0, schema_extra=example("0.042500"), sa_type=Money(14, 6))
    """USD, exact to 6 decimals."""


class AnalysisContent(AnalysisCost, AnalysisRating, AnalysisFilter, OfTender):
    """Fields that a worker writes."""


class AnalysisResult(AnalysisContent, TenantEntity, table=True):
    """The analysis of a tender."""

    __tablename__ = "analysis_results"
    __table_args__: ClassVar[Any] = (live_unique("tender_id"), live_index("overall_score", "tender_id"))


class AnalysisPatch(AnalysisFilter, AnalysisRating, AnalysisCost, Patch[AnalysisResult]):
    """PATCH body."""

    is_relevant: bool = OMITTED
    confidence: float = OMITTED


class AnalysisPublic(AnalysisContent, Stamped, Public):
    """Response."""
