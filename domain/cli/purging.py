"""``domain purge``: what was deleted long ago goes for good."""

from collections.abc import Mapping
from typing import Annotated

import typer
from sqlmodel import col, select

from ..database import Database
from ..models import Organization
from ..retention import PurgePlan, plan_purge, purge
from .options import DatabaseUrl, SystemDatabaseUrl, import_models
from .organizations import require_any_organization
from .screen import cell, counted, grid, safe, screen

ACTOR = "domain purge"


def purge_(
    execute: Annotated[
        bool, typer.Option("--execute", help="Remove the rows. Without it they are only counted.")
    ] = False,
    older_than: Annotated[
        int | None,
        typer.Option(
            "--older-than",
            metavar="DAYS",
            min=0,
            help="Deleted more than so many days ago, instead of each model's own retention.",
            show_default=False,
        ),
    ] = None,
    organization: Annotated[
        str | None,
        typer.Option("--organization", metavar="SLUG", help="This one's rows alone.", show_default=False),
    ] = None,
    batch_size: Annotated[
        int, typer.Option("--batch-size", metavar="ROWS", min=1, max=10_000, help="Rows in one transaction.")
    ] = 1000,
    reason: Annotated[str, typer.Option("--reason", help="Why; for the record.")] = "retention is over",
    models: Annotated[
        list[str] | None,
        typer.Option("--models", metavar="MODULE", help="Import this first: the module of an application's tables."),
    ] = None,
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
        target = None if organization is None else require_any_organization(db, organization, actor=ACTOR).id
        if execute:
            done = purge(
                db,
                actor=ACTOR,
                reason=reason,
                organization_id=target,
                older_than_days=older_than,
                batch_size=batch_size,
            )
            names = _names(db, done)
            _print(done, names, "removed")
            typer.echo(f"{counted(done.rows, 'row')} removed, in {counted(done.batches, 'batch', 'batches')}")
        else:
            plan = plan_purge(db, actor=ACTOR, organization_id=target, older_than_days=older_than)
            _print(plan, _names(db, plan), "would go")
            typer.echo(f"{counted(plan.rows, 'row')} would go; nothing was removed: --execute removes them")
