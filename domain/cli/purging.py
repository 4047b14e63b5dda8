"""``domain purge``: what was deleted long ago goes for good."""

from collections.abc import Mapping
from typing import Annotated

import typer

from ..database import Database
from ..retention import PurgePlan, plan_purge, purge
from .options import DatabaseUrl, Models, SystemDatabaseUrl, import_models
from .organizations import one_of, slugs_of
from .screen import cell, counted, grid, safe, screen

ACTOR = "domain purge"


def purge_(
    execute: Annotated[
        bool, typer.Option("--execute", help="Remove the rows. Without it they are only counted.")
    ] = False,
    older_than: Annotated[
        int | None,
        typer.Option(
            metavar="DAYS", min=0, help="Deleted more than so many days ago, instead of each model's own retention."
        ),
    ] = None,
    organization: Annotated[str | None, typer.Option(metavar="SLUG", help="This one's rows alone.")] = None,
    batch_size: Annotated[int, typer.Option(metavar="ROWS", min=1, max=10_000, help="Rows in one transaction.")] = 1000,
    reason: Annotated[str, typer.Option(help="Why; for the record.")] = "retention is over",
    models: Models = None,
    database_url: DatabaseUrl = None,
    system_database_url: SystemDatabaseUrl = None,
) -> None:
    """Remove for good what was deleted long ago.

    Deleting marks a row, and `restore` brings it back. After its model's
    retention (90 days, unless the model says otherwise) purge removes the row
    itself, unless something that stays still refers to it. A deleted
    organization goes with all of its rows. An organization under a legal hold
    keeps everything.

    Without --execute nothing is removed: look first. The rows go in short
    transactions, and a run that was stopped can be started again. What went is
    on record in the table purge_records. On PostgreSQL it needs
    SYSTEM_DATABASE_URL, the one login that may remove such rows.

    Examples

      domain purge                                  what would go?
      domain purge --execute
      domain purge --organization acme --older-than 30 --execute
      domain purge --models shop.models --execute   with an application's tables
    """
    import_models(models)
    with Database(database_url, system_database_url=system_database_url) as db:
        slugs = slugs_of(db, actor=ACTOR)
        target = None if organization is None else one_of(slugs, organization)
        if not execute:
            plan = plan_purge(db, actor=ACTOR, organization_id=target, older_than_days=older_than)
            _print(plan, slugs)
            typer.echo(f"{counted(plan.rows, 'row')} would go; nothing was removed: --execute removes them")
            return
        done = purge(
            db, actor=ACTOR, reason=reason, organization_id=target, older_than_days=older_than, batch_size=batch_size
        )
    _print(done, slugs)
    typer.echo(f"{counted(done.rows, 'row')} removed")


def _print(plan: PurgePlan, slugs: Mapping[int, str]) -> None:
    table = grid("organization", "id", "table", "rows", right=("id", "rows"))
    shown: set[int | None] = set()
    for owner, name, rows in plan.counts:
        slug = "of no organization" if owner is None else slugs.get(owner, "")
        whole = " (ends)" if owner in plan.ending else ""
        first = (cell(slug + whole), str(owner or "")) if owner not in shown else ("", "")
        table.add_row(*first, name, f"{rows:,}")
        shown.add(owner)
    if plan.counts:
        screen().print(table)
    if plan.held:
        held = ", ".join(safe(slugs.get(number, str(number))) for number in plan.held)
        typer.echo(f"under a legal hold, and left alone: {held}")
