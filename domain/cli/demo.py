"""``domain demo``: the whole of it in a few seconds."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import URL

from ..config import Settings, named, secret
from ..database import Database
from ..errors import ConfigurationError
from .demo_companies import NORTHWIND, SOLMAR
from .demo_print import paragraph, print_story, print_walls
from .demo_story import tell
from .demo_walls import questions, refusals, shared
from .failures import PROBLEMS
from .screen import screen

IN_MEMORY = "sqlite://"


def demo(
    database: Annotated[
        Path | None, typer.Option(metavar="PATH", dir_okay=False, help="Keep it in this SQLite file.")
    ] = None,
    use_database_url: Annotated[
        bool,
        typer.Option("--use-database-url", help="Use DATABASE_URL; adds two organizations called demo-... to it."),
    ] = False,
) -> None:
    """See all of it work: import, analyse, bid, and keep two customers apart.

    Migrates a SQLite database of its own, imports the notices that the package
    ships for two invented companies, meters and stores their analyses, drafts
    bids, lists the best tenders, and then lets one company reach for the data
    of the other. The database is a temporary one that is removed in the end;
    DATABASE_URL is not touched. Running it again on a kept database changes
    nothing.

    Examples

      domain demo
      domain demo --database demo.db
      DATABASE_URL=postgresql://... domain demo --use-database-url
    """
    if use_database_url and database is not None:
        raise typer.BadParameter("--database and --use-database-url exclude each other")
    with _at_head() if use_database_url else _migrated(database) as db:
        first, second = tell(db, NORTHWIND), tell(db, SOLMAR)
        asked = [*questions(db, first, second), *questions(db, second, first)]
        refused = list(refusals(db, first, second))
        console = screen()
        print_story(console, db, (first, second))
        print_walls(console, (first, second), asked, refused, shared(db, first, second))
        place = f"Kept in {named(db.engine.url)}"
    if database is None and not use_database_url:
        place = "A temporary database, gone by now. To keep it: domain demo --database demo.db"
    paragraph(console, place)
    if not all(attempt.held for attempt in (*asked, *refused)):
        raise typer.Exit(PROBLEMS)


@contextmanager
def _migrated(file: Path | None) -> Generator[Database]:
    """The file, or a temporary one, at the newest revision."""
    from ..migrations import upgrade

    url = URL.create("sqlite", database=str(file)).render_as_string() if file else IN_MEMORY
    with Database(url) as db:
        upgrade(db.migration_engine)
        yield db


@contextmanager
def _at_head() -> Generator[Database]:
    """The database of the environment, which is migrated on purpose only."""
    from ..migrations import current, head

    if secret(Settings().database_url) is None:
        raise ConfigurationError("--use-database-url needs DATABASE_URL")
    with Database() as db:
        at = current(db.migration_engine)
        if at != head():
            raise ConfigurationError(
                f"the database is at {at or 'no revision'}, not at {head()}: run `domain db upgrade`"
            )
        yield db
