"""The commands, put together."""

import io
import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from typer.main import get_command

from ..version import VERSION
from . import db, demo, doctor, importing, moving, purging, seed, stats
from .failures import EXIT_CODES, EXPECTED, explained

app: typer.Typer = typer.Typer(
    name="domain", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, epilog=EXIT_CODES
)
app.add_typer(db.app, name="db")
app.command("demo", epilog=EXIT_CODES)(demo.demo)
app.command("seed", epilog=EXIT_CODES)(seed.seed)
app.command("import", epilog=EXIT_CODES)(importing.import_)
app.command("stats", epilog=EXIT_CODES)(stats.stats)
app.command("purge", epilog=EXIT_CODES)(purging.purge_)
app.command("export", epilog=EXIT_CODES)(moving.export)
app.command("load", epilog=EXIT_CODES)(moving.load)
app.command("erase", epilog=EXIT_CODES)(moving.erase)
app.command("doctor", epilog=EXIT_CODES)(doctor.doctor)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"procurement-domain {VERSION}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Multi-tenant storage for procurement software.

    Tenders come in, are analysed and bid for, and no organization ever sees
    what belongs to another. These commands look after the database of it.

    The database is DATABASE_URL (postgresql://user:password@host/database or
    sqlite:///file.db), or the file domain.db in this folder. Migrations use
    MIGRATION_DATABASE_URL, and work across organizations SYSTEM_DATABASE_URL,
    where they are set: logins with other rights than the application's.

    Examples

      domain demo                     see all of it work; touches nothing
      domain db upgrade               create or update the tables
      domain seed                     a few invented tenders to play with
      domain import notices/ --organization acme --create
      domain stats                    who has how many rows
      domain purge                    what was deleted long ago?
      domain export acme/ --organization acme
      domain doctor                   is the deployment safe?
    """


def run(arguments: Sequence[str] | None = None) -> None:
    """Run a command and end the process with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # tenders come in scripts that not every output can encode
            stream.reconfigure(errors="replace")
    try:
        get_command(app)(args=arguments)
    except EXPECTED as error:
        reason, code = explained(error)
        sys.stderr.write(f"domain: {reason}\n")
        raise SystemExit(code) from None
