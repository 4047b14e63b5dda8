"""The two organizations of the demo, invented as their notices are, and the plain rule by which they rate tenders."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..analyses.model import AnalysisRating
from ..organizations.model import SubscriptionTier
from ..tenders.model import Tender

OVER = frozenset({"complete", "cancelled", "unsuccessful", "withdrawn"})
DAYS_FOR_FULL_MARKS = 240
RULE = "codes we work with, days to prepare, how much the notice states"


@dataclass(frozen=True, kw_only=True)
class Company:
    """``core`` and ``related``: how the codes begin that the organization lives from, and that it can handle."""

    name: str
    slug: str
    trade: str
    tier: SubscriptionTier
    monthly_analysis_limit: int
    core: tuple[str, ...]
    related: tuple[str, ...]


NORTHWIND = Company(
    name="Northwind Bridges",
    slug="demo-northwind",
    trade="builds bridges and roads",
    tier=SubscriptionTier.PRO,
    monthly_analysis_limit=100,
    core=("4522",),
    related=("4523", "7131", "7132", "7163"),
)
SOLMAR = Company(
    name="Solmar Health",
    slug="demo-solmar",
    trade="supplies health equipment and IT",
    tier=SubscriptionTier.FREE,
    monthly_analysis_limit=15,
    core=("33", "42"),
    related=("38", "41", "48", "72", "81", "85"),
)


def is_open(tender: Tender) -> bool:
    """True while the publisher wants bids, by its own word; the clock of the demo's machine has no say."""
    return tender.notice_status not in OVER


def rated(tender: Tender, company: Company) -> AnalysisRating:
    """In the place of an AI agent's: fit, time and clarity, each from 0 to 10, and their mean."""
    stated = (tender.description, tender.organization_name, tender.deadline, tender.estimated_value, tender.location)
    fit = 10.0 if _begins(tender, company.core) else 7.0 if _begins(tender, company.related) else 2.0
    time = round(min(10 * _days_to_prepare(tender) / DAYS_FOR_FULL_MARKS, 10.0), 1)
    clarity = 10.0 * sum(value is not None for value in stated) / len(stated)
    return AnalysisRating(
        overall_score=round((fit + time + clarity) / 3, 1),
        strategic_fit=fit,
        resource_requirements=time,
        win_probability=clarity,
    )


def _days_to_prepare(tender: Tender) -> int:
    if tender.published_at is None or tender.deadline is None:
        return 0
    return max((tender.deadline - tender.published_at).days, 0)


def _begins(tender: Tender, beginnings: Sequence[str]) -> bool:
    return any(code.startswith(tuple(beginnings)) for code in tender.categories)
