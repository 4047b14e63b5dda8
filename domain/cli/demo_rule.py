"""The scores of the demo: a plain rule in the place of an AI agent."""

from collections.abc import Sequence
from dataclasses import dataclass

from ..models import Tender

OVER = frozenset({"complete", "cancelled", "unsuccessful", "withdrawn"})
DAYS_FOR_FULL_MARKS = 240
RULE = "codes we work with, days to prepare, how much the notice states"


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Each from 0 to 10."""

    fit: float
    time: float
    clarity: float

    @property
    def overall(self) -> float:
        """The mean of the three."""
        return round((self.fit + self.time + self.clarity) / 3, 1)


def is_open(tender: Tender) -> bool:
    """Whether the publisher still wants bids, by its own word; the clock of the demo's machine has no say."""
    return tender.notice_status not in OVER


def scores(tender: Tender, *, core: Sequence[str], related: Sequence[str]) -> Scores:
    """``core`` and ``related``: how the codes begin that the organization lives from, and that it can handle."""
    days = _days_to_prepare(tender)
    stated = (tender.description, tender.organization_name, tender.deadline, tender.estimated_value, tender.location)
    return Scores(
        fit=10.0 if _begins(tender, core) else 7.0 if _begins(tender, related) else 2.0,
        time=round(min(10 * days / DAYS_FOR_FULL_MARKS, 10.0), 1),
        clarity=10.0 * sum(value is not None for value in stated) / len(stated),
    )


def _days_to_prepare(tender: Tender) -> int:
    if tender.published_at is None or tender.deadline is None:
        return 0
    return max((tender.deadline - tender.published_at).days, 0)


def _begins(tender: Tender, beginnings: Sequence[str]) -> bool:
    return any(code.startswith(tuple(beginnings)) for code in tender.categories)
