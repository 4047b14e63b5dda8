"""``domain db``: the schema."""

from typing import Annotated

import typer
from sqlalchemy import Engine

from ..config import migration_url, named
from ..kit.database.engines import opened
from .failures import EXIT_CODES, PROBLEMS
from .options import MigrationUrl
from .roles import roles
from .screen import counted, safe

app: typer.Typer = typer.Typer(no_args_is_help=True, epilog=EXIT_CODES)
app.command("roles", epilog=EXIT_CODES)(roles)


@app.callback()
def options() -> None:
    """Create, update and check the tables, and who may use them.

    They use MIGRATION_DATABASE_URL, the login that owns the schema, where it
    is set, and DATABASE_URL otherwise.
    """


@app.command(epilog=EXIT_CODES)
def upgrade(
    revision: Annotated[str, typer.Argument(help="The revision to go to.")] = "head",
    database_url: MigrationUrl = None,
) -> None:
    """Bring the database to the newest revision.

    Creates the tables in an empty database, and changes those of an older
    release step by step. Nothing happens to a database that is up to date, so
    it can run at every deployment, before the new release is started.

    Examples

      domain db upgrade
      domain db upgrade --database-url sqlite:///domain.db
    """
    from .. import migrations

    with opened(migration_url(database_url)) as engine:
        before = migrations.current(engine)
        migrations.upgrade(engine, revision)
        after = migrations.current(engine)
    if before == after:
        typer.echo(f"{_name(engine)} was at {_revision(after)} already")
    else:
        typer.echo(f"{_name(engine)} went from {_revision(before)} to {_revision(after)}")


@app.command(epilog=EXIT_CODES)
def current(database_url: MigrationUrl = None) -> None:
    """Say which revision the database is at.

    The exit code is 1 where that is not this release's newest, so that a
    deployment can wait for the migration, or refuse to start without it.

    Example

      domain db current || domain db upgrade
    """
    from .. import migrations

    with opened(migration_url(database_url)) as engine:
        at, newest = migrations.current(engine), migrations.head()
    if at == newest:
        typer.echo(f"{_name(engine)} is at {at}, the newest")
        return
    typer.echo(f"{_name(engine)} is at {_revision(at)}, not at {newest}: run `domain db upgrade`")
    raise typer.Exit(PROBLEMS)


@app.command(epilog=EXIT_CODES)
def check(database_url: MigrationUrl = None) -> None:
    """Compare the tables in the database with this release.

    Finds what a revision number does not tell: a column changed by hand, an
    index that is missing. The exit code is 1 where there is a difference.

    Example

      domain db check
    """
    from .. import migrations

    with opened(migration_url(database_url)) as engine:
        differences = migrations.check(engine)
    if not differences:
        typer.echo(f"{_name(engine)} is as this release expects it")
        return
    typer.echo(f"{_name(engine)} has {counted(len(differences), 'difference')}:")
    for difference in differences:
        typer.echo(f"  {safe(difference)}")
    raise typer.Exit(PROBLEMS)


def _name(engine: Engine) -> str:
    return safe(named(engine.url))


def _revision(revision: str | None) -> str:
    return revision or "no revision"
