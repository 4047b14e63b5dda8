"""``domain export``, ``domain load`` and ``domain erase``: an organization moves, or leaves."""

from pathlib import Path
from typing import Annotated

import typer

from ..database import Database
from ..errors import ConfigurationError
from ..retention import erase_organization
from ..retention.leaving import rows_of
from ..transfer import export_organization, load_organization
from .options import DatabaseUrl, MigrationUrl, Models, SystemDatabaseUrl, import_models
from .organizations import find_organization, one_of, slugs_of
from .screen import counted, safe

Slug = Annotated[str, typer.Option(metavar="SLUG", help="The organization.")]


def export(
    folder: Annotated[Path, typer.Argument(help="A new folder, which nobody else may read.")],
    organization: Slug,
    models: Models = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Write all rows of one organization to a folder, while it is used.

    A file of JSON Lines for each table, deleted rows included, and a manifest
    with counts and hashes. All of it is of one moment. The audit trail stays;
    the hashes of passwords and keys go with the rows.

    Example

      domain export acme/ --organization acme
    """
    import_models(models)
    with Database(database_url) as db:
        found = find_organization(db, organization)
        if found is None:
            raise ConfigurationError(f"there is no live organization {organization!r}")
        manifest = export_organization(db, folder, organization_id=found.id)
    tables = counted(len(manifest.tables), "table")
    typer.echo(f"{safe(manifest.slug)}: {counted(manifest.rows, 'row')} of {tables} are in {safe(str(folder))}")


def load(
    folder: Annotated[Path, typer.Argument(help="What `domain export` has written.")],
    models: Models = None,
    database_url: DatabaseUrl = None,
    migration_database_url: MigrationUrl = None,
) -> None:
    """Load an organization that another database has exported: all of it, or nothing.

    Rows keep their ids, times, versions and deletions. On PostgreSQL it needs
    MIGRATION_DATABASE_URL, so that new ids follow those that are loaded.

    Example

      domain load acme/
    """
    import_models(models)
    with Database(database_url, migration_database_url=migration_database_url) as db:
        manifest = load_organization(db, folder, actor="domain load")
    typer.echo(f"{safe(manifest.slug)}: {counted(manifest.rows, 'row')} are loaded")


def erase(
    organization: Slug,
    execute: Annotated[
        bool, typer.Option("--execute", help="Remove the rows. Without it they are only counted.")
    ] = False,
    reason: Annotated[str, typer.Option(help="Why; for the record.")] = "the organization leaves",
    models: Models = None,
    database_url: DatabaseUrl = None,
    system_database_url: SystemDatabaseUrl = None,
) -> None:
    """Remove an organization for good, at once, and count that nothing is left.

    Its audit trail and its costs go too. What went is on record in the table
    purge_records, by number, not by name. A run that was stopped can be started
    again. An organization under a legal hold is refused. On PostgreSQL it needs
    SYSTEM_DATABASE_URL. Dumps keep what they have.

    Examples

      domain erase --organization acme              what would go?
      domain erase --organization acme --execute
    """
    import_models(models)
    actor = "domain erase"
    with Database(database_url, system_database_url=system_database_url) as db:
        organization_id = one_of(slugs_of(db, actor=actor), organization)
        if execute:
            done = erase_organization(db, organization_id=organization_id, actor=actor, reason=reason)
            rows = {count.table: count.rows for count in done.counts}
        else:
            with db.system_session(actor=actor, reason="count the rows of an organization") as system:
                rows = rows_of(system, organization_id)
    for table, number in rows.items():
        if number:
            typer.echo(f"{number:>12,} {table}")
    said = "removed; every table was counted, and none is left" if execute else "would go; --execute removes them"
    typer.echo(f"{safe(organization)}: {counted(sum(rows.values()), 'row')} {said}")
