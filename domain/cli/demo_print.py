"""The demo's output, in the order in which it is best read."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from sqlmodel import col

from ..analyses.model import AnalysisResult
from ..analyses.repository import AnalysisRepository
from ..bids.model import BidDocument
from ..bids.repository import BidDocumentRepository
from ..database import Database
from ..tenders.model import Tender, TenderStatus
from ..tenders.notices import TenderNoticeRepository
from ..tenders.repository import TenderRepository
from .demo_companies import RULE
from .demo_story import GOOD_SCORE, Customer
from .demo_walls import Attempt
from .screen import amount, cell, day, grid, safe

LISTED = 5
_STATUSES = {
    TenderStatus.COMPLETE: "rated well",
    TenderStatus.RATED_LOW: "rated low",
    TenderStatus.FILTERED_OUT: "over already",
    TenderStatus.PENDING: "waiting for next month's limit",
}


def print_story(console: Console, db: Database, customers: Sequence[Customer]) -> None:
    """Print what the two have, and the best for each, as its own session sees it."""
    heading(console, "Two organizations in one database")
    paragraph(console, " ".join(f"{customer.name} {customer.company.trade}." for customer in customers))
    _print(console, _overview(db, customers))
    paragraph(
        console,
        f"The scores come from a small plain rule ({RULE}), not from an AI model: this shows how analyses are"
        " metered, stored and found again. All companies, buyers and notices are invented.",
    )
    for customer in customers:
        heading(console, f"The best tenders of {customer.name}")
        _print(console, _best(db, customer))


def print_walls(
    console: Console,
    customers: Sequence[Customer],
    questions: Iterable[Attempt],
    refusals: Iterable[Attempt],
    shared: Sequence[tuple[Tender, Tender]],
) -> None:
    """Print what each got when it reached for the other's, and what both have."""
    heading(console, "Neither sees the other's")
    table = grid("who", "tries to", "answer", wide="tries to")
    for attempt in questions:
        table.add_row(attempt.who, cell(attempt.what), Text(attempt.answer, style=_style(attempt)))
    _print(console, table)
    for refusal in refusals:
        paragraph(console, f"{refusal.who}, {refusal.what}:")
        paragraph(console, refusal.answer, indent=4, style=_style(refusal))
        console.print()
    if shared:
        paragraph(console, "A notice that both received is two tenders, of which each has its own:")
        table = grid("notice", *(customer.name for customer in customers), wide="notice")
        for pair in shared:
            table.add_row(cell(pair[0].title), *(f"tender {tender.id}" for tender in pair))
        _print(console, table)


def heading(console: Console, text: str) -> None:
    """One that stands above a table."""
    console.print(Text(f"\n{text}", style="bold"))


def paragraph(console: Console, text: str, *, indent: int = 2, style: str = "") -> None:
    """Running text, which is wrapped."""
    console.print(Padding(Text(safe(text), style=style), (0, 0, 0, indent), expand=False))


def _print(console: Console, table: Table) -> None:
    console.print(Padding(table, (0, 0, 0, 1), expand=False))


def _style(attempt: Attempt) -> str:
    return "green" if attempt.held else "bold red"


def _overview(db: Database, customers: Sequence[Customer]) -> Table:
    names = [customer.name for customer in customers]
    month = customers[0].organization.usage_period
    labels = ["plan", "notices received", "tenders they make", *(f"  {meaning}" for meaning in _STATUSES.values())]
    table = grid("", *names, right=names)
    columns = [_figures(db, customer) for customer in customers]
    for row in zip([*labels, f"analyses metered in {month:%Y-%m}", "bids drafted"], *columns, strict=True):
        table.add_row(*row)
    return table


def _figures(db: Database, customer: Customer) -> list[str]:
    organization = customer.organization
    with db.get_session(organization_id=organization.id) as session:
        notices, bids = TenderNoticeRepository(session).count(), BidDocumentRepository(session).count()
        by_status = TenderRepository(session).count_by_status()
    counts = [notices, sum(by_status.values()), *(by_status[status] for status in _STATUSES)]
    metered = f"{organization.monthly_analysis_count:,} of {organization.monthly_analysis_limit:,}"
    return [organization.subscription_tier.value, *(f"{count:,}" for count in counts), metered, f"{bids:,}"]


def _best(db: Database, customer: Customer) -> Table:
    with db.get_session(organization_id=customer.organization.id) as session:
        analyses, bids = AnalysisRepository(session), BidDocumentRepository(session)
        tenders = analyses.get_high_score_tenders(min_score=GOOD_SCORE, limit=LISTED)
        ids = [tender.id for tender in tenders]
        scores = {a.tender_id: a.overall_score for a in analyses.find(col(AnalysisResult.tender_id).in_(ids))}
        with_bid = {bid.tender_id for bid in bids.find(col(BidDocument.tender_id).in_(ids))}
    table = grid("score", "tender", "value", "", "deadline", "bid", right=("score", "value"), wide="tender")
    for tender in tenders:
        bid = "draft" if tender.id in with_bid else ""
        score, value = f"{scores[tender.id]:.1f}", amount(tender.estimated_value)
        table.add_row(score, cell(tender.title), value, tender.currency or "", day(tender.deadline), bid)
    return table
