"""Invented tenders, one or two for each status that a list has to show."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from ..models import AnalysisCost, AnalysisFilter, AnalysisRating, BidContent, TenderContent, TenderStatus


class Look(AnalysisFilter, AnalysisRating, AnalysisCost):
    """An analysis that does not know its tender yet."""


@dataclass(frozen=True, kw_only=True)
class Seed:
    """A tender and what goes with it."""

    tender: TenderContent
    status: TenderStatus = TenderStatus.PENDING
    error_message: str | None = None
    analysis: Look | None = None
    bid: BidContent | None = None


def seeds(now: datetime) -> Sequence[Seed]:
    """What ``domain seed`` adds; deadlines lie in the weeks after ``now``."""

    def tender(number: int, title: str, *, days: int, value: str | None = None, **fields: str) -> TenderContent:
        content = TenderContent(
            external_id=f"seed-{number:04}",
            source="seed",
            title=title,
            deadline=now + timedelta(days=days),
            published_at=now - timedelta(days=3 * number),
            estimated_value=None if value is None else Decimal(value),
            currency=None if value is None else "EUR",
            notice_status="active",
        )
        for name, text in fields.items():
            setattr(content, name, text)
        return content

    return (
        Seed(
            tender=tender(
                1,
                "Footbridge over the mill stream",
                days=45,
                value="685000.00",
                description="Steel footbridge, 38 m, with its abutments and the removal of the old one.",
                organization_name="Town of Millford",
                location="Millford",
            ),
            status=TenderStatus.COMPLETE,
            analysis=Look(
                is_relevant=True,
                confidence=0.94,
                filter_categories=["bridges"],
                overall_score=8.6,
                strategic_fit=9.0,
                financial_attractiveness=7.5,
                win_probability=8.5,
                resource_requirements=9.0,
                strengths=["Three bridges of this kind in the last five years"],
                risks=["Work in the stream is allowed from May to September only"],
                requirements=["Welding certificate EN 1090, EXC3"],
                recommendation="Bid.",
                llm_model="invented",
                processing_cost=Decimal("0.042500"),
            ),
            bid=BidContent(
                executive_summary="We replace the footbridge in one summer, with a closure of nine days.",
                capabilities="Own steel workshop; three comparable footbridges since 2021.",
                approach="The span is built in the workshop and lifted in at night.",
                value_proposition="The shortest closure, and forty years without repainting.",
                additional_sections={"Safety": "No reportable accident in ten years."},
            ),
        ),
        Seed(
            tender=tender(
                2,
                "Inspection of 84 bridges and culverts",
                days=30,
                value="420000.00",
                organization_name="Roads Authority of the Lake District",
                location="Lakeside",
            ),
            status=TenderStatus.COMPLETE,
            analysis=Look(
                is_relevant=True,
                confidence=0.88,
                filter_categories=["bridges", "inspection"],
                overall_score=7.4,
                strategic_fit=8.0,
                win_probability=7.0,
                strengths=["Two inspectors are free in spring"],
                risks=["The price counts for 70 percent"],
                recommendation="Bid, if the inspectors stay free.",
                llm_model="invented",
                processing_cost=Decimal("0.038200"),
            ),
        ),
        Seed(
            tender=tender(3, "Road resurfacing, lots 1 to 4", days=60, value="64000000.00"),
            status=TenderStatus.RATED_LOW,
            analysis=Look(
                is_relevant=True,
                confidence=0.71,
                overall_score=3.2,
                strategic_fit=4.0,
                resource_requirements=1.5,
                risks=["Ten times our largest contract so far"],
                recommendation="Leave it.",
                llm_model="invented",
                processing_cost=Decimal("0.040100"),
            ),
        ),
        Seed(
            tender=tender(4, "School meals for 2,300 pupils", days=21, organization_name="Town of Millford"),
            status=TenderStatus.FILTERED_OUT,
            analysis=Look(is_relevant=False, confidence=0.99, filter_reasoning="Catering is none of our trades."),
        ),
        Seed(
            tender=tender(5, "Repair of the harbour swing bridge", days=75, value="5920000.00", location="Easthaven"),
            status=TenderStatus.ERROR,
            error_message="The attached specification could not be read.",
        ),
        Seed(tender=tender(6, "Noise barriers along the ring road", days=90, value="1850000.00")),
    )
