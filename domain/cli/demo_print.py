"""The demo's output, in the order in which it is best read."""

from collections.abc import Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ..tenders.model import TenderStatus
from .demo_companies import RULE
from .demo_story import Chapter
from .demo_walls import Attempt, Shared, Walls
from .screen import amounts, cell, day, grid, safe, screen

_STATUSES = (
    (TenderStatus.COMPLETE, "rated well"),
    (TenderStatus.RATED_LOW, "rated low"),
    (TenderStatus.FILTERED_OUT, "over already"),
    (TenderStatus.PENDING, "waiting for next month's limit"),
)


def print_all(chapters: Sequence[Chapter], walls: Walls, *, place: str | None) -> None:
    """What the two have, what is best for each, and that neither sees more. ``place``: where all of it was kept."""
    console = screen()
    _heading(console, "Two organizations in one database")
    _paragraph(console, " ".join(f"{c.company.name} {c.company.trade}." for c in chapters))
    _table(console, _overview(chapters))
    _paragraph(
        console,
        f"The scores come from a small plain rule ({RULE}), not from an AI model: this shows how analyses are"
        " metered, stored and found again. All companies, buyers and notices are invented.",
    )
    for chapter in chapters:
        _heading(console, f"The best tenders of {chapter.company.name}")
        _table(console, _best(chapter))
    _heading(console, "Neither sees the other's")
    _table(console, _attempts(walls.attempts))
    for refusal in walls.refusals:
        _paragraph(console, f"{refusal.who}, {refusal.what}:")
        _paragraph(console, refusal.answer, indent=4, style=_style(refusal))
        console.print()
    if walls.shared:
        _paragraph(console, "A notice that both received is two tenders, of which each has its own:")
        _table(console, _shared(walls.shared, chapters))
    if place is None:
        _paragraph(console, "A temporary database, gone by now. To keep it: domain demo --database demo.db")
    else:
        _paragraph(console, f"Kept in {place}")


def _heading(console: Console, text: str) -> None:
    console.print(Text(f"\n{text}", style="bold"))


def _paragraph(console: Console, text: str, *, indent: int = 2, style: str = "") -> None:
    console.print(Padding(Text(safe(text), style=style), (0, 0, 0, indent), expand=False))


def _table(console: Console, table: Table) -> None:
    console.print(Padding(table, (0, 0, 0, 1), expand=False))


def _style(attempt: Attempt) -> str:
    return "green" if attempt.held else "bold red"


def _overview(chapters: Sequence[Chapter]) -> Table:
    names = [chapter.company.name for chapter in chapters]
    organizations = [chapter.organization for chapter in chapters]
    table = grid("", *names, right=names)
    table.add_row("plan", *(organization.subscription_tier.value for organization in organizations))
    table.add_row("notices received", *(f"{chapter.notices:,}" for chapter in chapters))
    table.add_row("tenders they make", *(f"{chapter.tenders:,}" for chapter in chapters))
    for status, meaning in _STATUSES:
        table.add_row(f"  {meaning}", *(f"{chapter.by_status[status]:,}" for chapter in chapters))
    limits = (f"{o.monthly_analysis_count:,} of {o.monthly_analysis_limit:,}" for o in organizations)
    table.add_row(f"analyses metered in {organizations[0].usage_period:%Y-%m}", *limits)
    table.add_row("bids drafted", *(f"{chapter.bids:,}" for chapter in chapters))
    return table


def _best(chapter: Chapter) -> Table:
    table = grid("score", "tender", "value", "", "deadline", "bid", right=("score", "value"), wide="tender")
    values = amounts([rated.tender.estimated_value for rated in chapter.best])
    for rated, value in zip(chapter.best, values, strict=True):
        tender = rated.tender
        bid = "draft" if rated.has_bid else ""
        table.add_row(f"{rated.score:.1f}", cell(tender.title), value, tender.currency or "", day(tender.deadline), bid)
    return table


def _attempts(attempts: Sequence[Attempt]) -> Table:
    table = grid("who", "tries to", "answer", wide="tries to")
    for attempt in attempts:
        table.add_row(attempt.who, cell(attempt.what), Text(attempt.answer, style=_style(attempt)))
    return table


def _shared(notices: Sequence[Shared], chapters: Sequence[Chapter]) -> Table:
    table = grid("notice", *(chapter.company.name for chapter in chapters), wide="notice")
    for notice in notices:
        table.add_row(cell(notice.title), *(f"tender {tender_id}" for tender_id in notice.ids))
    return table
