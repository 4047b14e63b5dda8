"""``domain db dump`` and ``domain db restore``."""

from pathlib import Path
from typing import Annotated

import typer

from .. import deployment
from ..config import migration_url, named
from ..kit.database.engines import opened
from .options import MigrationUrl
from .screen import counted, safe


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
    with opened(migration_url(database_url)) as engine:
        rows = deployment.dump(engine, file)
    tables = counted(len(rows), "table")
    typer.echo(f"{safe(named(engine.url))}: {counted(sum(rows.values()), 'row')} of {tables} are in {safe(str(file))}")


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
    with opened(migration_url(database_url)) as engine:
        deployment.restore(engine, file)
    typer.echo(f"{safe(named(engine.url))} is restored; `domain doctor` looks at the result")
