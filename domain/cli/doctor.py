"""``domain doctor``: what is wrong with a running deployment."""

from dataclasses import asdict

import typer
from rich.text import Text

from ..database import Database
from ..deployment import Finding, Severity, dumping_login, examine
from .failures import PROBLEMS
from .options import AsJson, DatabaseUrl
from .screen import counted, print_json, safe, screen

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow"}


def doctor(as_json: AsJson = False, database_url: DatabaseUrl = None) -> None:
    """Check a running deployment, and say what to do.

    Looks through each of the logins: whether they reach one database, whether
    row level security holds the application's and lets the system's through,
    whether the policies say what they should, what goes round them, what the
    server logs, and whether migrations, encodings and pool sizes are right. It
    changes nothing.

    The exit code is 1 where there is an error; warnings leave it at 0.

    Examples

      domain doctor
      domain doctor --json
    """
    with Database(database_url) as database:
        found, dumping = examine(database), dumping_login(database)
    found.sort(key=lambda finding: finding.severity)  # errors come first, in the alphabet too
    errors = sum(finding.severity is Severity.ERROR for finding in found)
    if as_json:
        findings = [asdict(finding) for finding in found]
        print_json(errors=errors, warnings=len(found) - errors, findings=findings, dumping_login=dumping)
    else:
        _print(found, errors, dumping)
    if errors:
        raise typer.Exit(PROBLEMS)


def _print(found: list[Finding], errors: int, dumping: str | None) -> None:
    console = screen()
    for finding in found:
        console.print(Text(f"{finding.severity}: ", style=_STYLES[finding.severity]) + Text(safe(finding.what)))
        console.print(Text(f"  {safe(finding.remedy)}"), soft_wrap=True)
    if dumping:
        console.print(f"pg_dump --enable-row-security has every row by the login {safe(dumping)}", markup=False)
    console.print(f"{counted(errors, 'error')}, {counted(len(found) - errors, 'warning')}")
