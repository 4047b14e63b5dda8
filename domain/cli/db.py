"""``domain db``: the schema."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Engine

from .. import migrations
from ..config import migration_url, named
from ..kit.database.engines import opened
from .backups import dump, restore
from .deploying import (
    GIVE_UP_AFTER_SECONDS,
    LOCK_TIMEOUT_SECONDS,
    GiveUpAfter,
    LockTimeout,
    Wait,
    answering,
    shown_and_stoppable,
)
from .failures import EXIT_CODES, PROBLEMS, RUN_CODES
from .options import AsJson, MigrationUrl
from .roles import roles
from .screen import counted, print_json, safe

app: typer.Typer = typer.Typer(no_args_is_help=True, epilog=EXIT_CODES)
app.command("dump", epilog=EXIT_CODES)(dump)
app.command("restore", epilog=EXIT_CODES)(restore)
app.command("roles", epilog=EXIT_CODES)(roles)


@app.callback()
def options() -> None:
    """Create, update and check the tables, who may use them, and dumps of them.

    They use MIGRATION_DATABASE_URL, the login that owns the schema, where it
    is set, and DATABASE_URL otherwise.
    """


@app.command(epilog=RUN_CODES)
def upgrade(
    revision: Annotated[str, typer.Argument(help="The revision to go to.")] = "head",
    wait: Wait = 30,
    lock_timeout: LockTimeout = LOCK_TIMEOUT_SECONDS,
    give_up_after: GiveUpAfter = GIVE_UP_AFTER_SECONDS,
    database_url: MigrationUrl = None,
) -> None:
    """Bring the database to the newest revision, while the application runs.

    Creates the tables in an empty database, and changes those of an older
    release step by step. Nothing happens to a database that is up to date, so
    it can run at every deployment, before the new release is started. Of two
    at once one migrates, and the other waits and finds it done.

    On PostgreSQL each revision is a transaction of its own. Where it does not
    get a lock in time it is rolled back, lets the application through, and is
    tried again. Ctrl-C and SIGTERM stop it between two statements: the
    revision that runs is rolled back.

    Examples

      domain db upgrade
      domain db upgrade --database-url sqlite:///domain.db
      domain db upgrade --wait 120 --give-up-after 60
    """
    with answering(migration_url(database_url), wait) as engine, shown_and_stoppable() as stop:
        before = migrations.current(engine)
        done = migrations.upgrade(
            engine, revision, lock_timeout_seconds=lock_timeout, give_up_after_seconds=give_up_after, stop=stop
        )
        _report(engine, before, migrations.current(engine), done)


@app.command(epilog=RUN_CODES)
def downgrade(
    revision: Annotated[str, typer.Argument(help='The revision to go back to, "-1" for the one before, or "base".')],
    execute: Annotated[bool, typer.Option("--execute", help="Go back. Without it nothing happens.")] = False,
    wait: Wait = 30,
    lock_timeout: LockTimeout = LOCK_TIMEOUT_SECONDS,
    give_up_after: GiveUpAfter = GIVE_UP_AFTER_SECONDS,
    database_url: MigrationUrl = None,
) -> None:
    """Bring the database back to an earlier revision.

    Tables and columns that came later go, with all that is in them; "base"
    drops every table. It runs as `upgrade` does, and has to be run by the
    newer release, which knows the way back.

    Examples

      domain db downgrade 0001 --execute
      domain db downgrade --execute -- -1
    """
    with answering(migration_url(database_url), wait) as engine, shown_and_stoppable() as stop:
        before = migrations.current(engine)
        if not execute:
            typer.echo(f"{_name(engine)} stays at {_revision(before)}: --execute goes back, and drops what came later")
            return
        done = migrations.downgrade(
            engine, revision, lock_timeout_seconds=lock_timeout, give_up_after_seconds=give_up_after, stop=stop
        )
        _report(engine, before, migrations.current(engine), done)


@app.command(epilog=EXIT_CODES)
def lint(
    tree: Annotated[Path, typer.Argument(help="An alembic.ini, or its folder of scripts.")] = Path("alembic.ini"),
    since: Annotated[str | None, typer.Option(metavar="REVISION", help="Only what comes after this one.")] = None,
    as_json: AsJson = False,
) -> None:
    """Find what would hold up a running application, in our revisions or yours.

    Reads the SQL that each revision prints for PostgreSQL; it needs no
    database. A revision accepts a finding on purpose by naming its rule and a
    reason: lint_allow = {"drop": "not used since 2.3"}. The exit code is 1
    where something is refused.

    Examples

      domain db lint
      domain db lint migrations/alembic.ini --since 0007
    """
    refused = migrations.lint(tree, since=since)
    if as_json:
        print_json(refused=[asdict(refusal) for refusal in refused])
    else:
        for refusal in refused:
            typer.echo(f"{safe(refusal.revision)}: {refusal.rule}: {safe(refusal.what)}")
            typer.echo(f"  {refusal.recipe}")
        typer.echo(f"{safe(str(tree))}: {counted(len(refused), 'refusal')}")
    if refused:
        raise typer.Exit(PROBLEMS)


@app.command(epilog=EXIT_CODES)
def repair(database_url: MigrationUrl = None) -> None:
    """Make invalid indexes anew, while the application runs.

    A CREATE INDEX CONCURRENTLY that fails leaves an index that every write
    keeps up and no query uses. `domain doctor` finds them. It waits for a
    migration that is under way.

    Example

      domain db repair
    """
    with opened(migration_url(database_url)) as engine:
        repaired = migrations.repair(engine)
        typer.echo(f"{_name(engine)}: {counted(len(repaired), 'index', 'indexes')} repaired")
    for name in repaired:
        typer.echo(f"  {safe(name)}")


@app.command(epilog=EXIT_CODES)
def current(database_url: MigrationUrl = None) -> None:
    """Say which revision the database is at.

    The exit code is 1 where that is not this release's newest, so that a
    deployment can wait for the migration, or refuse to start without it.

    Example

      domain db current || domain db upgrade
    """
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
    with opened(migration_url(database_url)) as engine:
        differences = migrations.check(engine)
    if not differences:
        typer.echo(f"{_name(engine)} is as this release expects it")
        return
    typer.echo(f"{_name(engine)} has {counted(len(differences), 'difference')}:")
    for difference in differences:
        typer.echo(f"  {safe(difference)}")
    raise typer.Exit(PROBLEMS)


def _report(engine: Engine, before: str | None, after: str | None, done: list[str]) -> None:
    if done:
        typer.echo(f"{_name(engine)} went from {_revision(before)} to {_revision(after)}")
    else:
        typer.echo(f"{_name(engine)} was at {_revision(after)} already")


def _name(engine: Engine) -> str:
    return safe(named(engine.url))


def _revision(revision: str | None) -> str:
    return revision or "no revision"
