"""The two organizations of the demo, invented as their notices are."""

from dataclasses import dataclass

from ..models import SubscriptionTier


@dataclass(frozen=True, kw_only=True)
class Company:
    """One of the two organizations; ``core`` and ``related`` as in ``demo_rule.scores``."""

    name: str
    slug: str
    folder: str
    trade: str
    tier: SubscriptionTier
    monthly_analysis_limit: int
    core: tuple[str, ...]
    related: tuple[str, ...]


NORTHWIND = Company(
    name="Northwind Bridges",
    slug="demo-northwind",
    folder="northwind",
    trade="builds bridges and roads",
    tier=SubscriptionTier.PRO,
    monthly_analysis_limit=100,
    core=("4522",),
    related=("4523", "7131", "7132", "7163"),
)
SOLMAR = Company(
    name="Solmar Health",
    slug="demo-solmar",
    folder="solmar",
    trade="supplies health equipment and IT",
    tier=SubscriptionTier.FREE,
    monthly_analysis_limit=15,
    core=("33", "42"),
    related=("38", "41", "48", "72", "81", "85"),
)
