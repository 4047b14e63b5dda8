"""``domain doctor``: what is wrong with a running deployment."""

from collections.abc import Iterator

import typer
from rich.text import Text
from sqlalchemy.exc import SQLAlchemyError

from ..database import Database
from ..deployment import Finding, Severity, error, examine
from ..errors import DomainError, UnavailableError
from .failures import PROBLEMS
from .options import DatabaseUrl
from .screen import counted, safe, screen

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow"}


def doctor(database_url: DatabaseUrl = None) -> None:
    """Check a running deployment, and say what to do.

    Looks through the application's and the system's logins: whether row level
    security holds the one and lets the other through, whether the policies say
    what they should, what goes round them, and whether migrations, encodings
    and pool sizes are right. It changes nothing.

    The exit code is 1 where there is an error; warnings leave it at 0.

    Example

      domain doctor
    """
    with Database(database_url) as database:
        found = [*_migrations(database), *examine(database)]
    found.sort(key=lambda finding: finding.severity)  # errors come first, in the alphabet too
    _print(found)
    if any(finding.severity is Severity.ERROR for finding in found):
        raise typer.Exit(PROBLEMS)


def _migrations(database: Database) -> Iterator[Finding]:
    from .. import migrations

    newest = migrations.head()
    try:
        at = migrations.current(database.engine)
    except UnavailableError:
        raise
    except (DomainError, SQLAlchemyError):
        yield error("the application's login may not read the schema's revision", "run `domain db roles`")
        return
    if at != newest:
        what = f"the schema is at {at or 'no revision'}, not at {newest}"
        yield error(what, "run `domain db upgrade`, then `domain db roles`")


def _print(found: list[Finding]) -> None:
    console = screen()
    for finding in found:
        console.print(Text(f"{finding.severity}: ", style=_STYLES[finding.severity]) + Text(safe(finding.what)))
        console.print(Text(f"  {safe(finding.remedy)}"), soft_wrap=True)
    errors = sum(finding.severity is Severity.ERROR for finding in found)
    console.print(f"{counted(errors, 'error')}, {counted(len(found) - errors, 'warning')}")
