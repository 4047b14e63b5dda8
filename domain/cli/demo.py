"""``domain demo``: the whole of it in a few seconds."""

import typer

from ..database import Database
from ..migrations import upgrade
from .demo_companies import NORTHWIND, SOLMAR
from .demo_print import paragraph, print_story, print_walls
from .demo_story import tell
from .demo_walls import questions, refusals, shared
from .failures import PROBLEMS
from .screen import screen


def demo() -> None:
    """See all of it work: import, analyse, bid, and keep two customers apart.

    Migrates a SQLite database of its own, imports the notices that the package
    ships for two invented companies, meters and stores their analyses, drafts
    bids, lists the best tenders, and then lets one company reach for the data
    of the other. The database is a temporary one that is removed in the end;
    DATABASE_URL is not touched.

    Example

      domain demo
    """
    with Database("sqlite://") as db:
        upgrade(db.migration_engine)
        first, second = tell(db, NORTHWIND), tell(db, SOLMAR)
        asked = [*questions(db, first, second), *questions(db, second, first)]
        refused = list(refusals(db, first, second))
        console = screen()
        print_story(console, db, (first, second))
        print_walls(console, (first, second), asked, refused, shared(db, first, second))
    paragraph(console, "A temporary database, gone by now.")
    if not all(attempt.held for attempt in (*asked, *refused)):
        raise typer.Exit(PROBLEMS)
