"""``domain db``: the schema, and dumps of the database."""

from pathlib import Path
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
    """Create, update and check the tables, who may use them, and dumps of them.

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


@app.command(epilog=EXIT_CODES)
def dump(
    file: Annotated[Path, typer.Argument(help="A new file, which nobody else may read.")],
    database_url: MigrationUrl = None,
) -> None:
    """Write the whole database to a file, while it is used.

    Holds every row as of one moment, or fails: it can't be empty in silence.
    On PostgreSQL it is SQL for psql, and needs the program pg_dump; a login
    that row level security keeps from rows (one login for everything) locks
    each table while it is copied. On SQLite it is a copy of the file.

    Example

      domain db dump backup.sql
    """
    from ..deployment import dump

    with opened(migration_url(database_url)) as engine:
        rows = dump(engine, file)
    tables = counted(len(rows), "table")
    typer.echo(f"{_name(engine)}: {counted(sum(rows.values()), 'row')} of {tables} are in {safe(str(file))}")


@app.command(epilog=EXIT_CODES)
def restore(
    file: Annotated[Path, typer.Argument(help="What `domain db dump` has written.")], database_url: MigrationUrl = None
) -> None:
    """Fill an empty database from a dump: all of it, or nothing.

    The logins that had rights in it must be there: run `domain db roles`
    before. The login for migrations owns the tables then.

    Examples

      domain db restore backup.sql
      domain doctor
    """
    from ..deployment import restore

    with opened(migration_url(database_url)) as engine:
        restore(engine, file)
    typer.echo(f"{_name(engine)} is restored; `domain doctor` looks at the result")


def _name(engine: Engine) -> str:
    return safe(named(engine.url))


def _revision(revision: str | None) -> str:
    return revision or "no revision"
