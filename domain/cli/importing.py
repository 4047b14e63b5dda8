"""``domain import``: notices from files."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ..database import Database
from ..ingest import STDIN, ImportStoppedError, ImportSummary, Refusal, Remark, import_paths
from .failures import PROBLEMS
from .options import AsJson, DatabaseUrl
from .organizations import ensure_organization, require_organization
from .screen import counted, grid, print_json, safe, screen

ACTOR = "domain import"
SHOWN = 20


def _existing(paths: list[Path]) -> list[Path]:
    """Check them here: typer's own ``exists`` refuses "-" for a Path, whatever ``allow_dash`` says."""
    for path in paths:
        if path != STDIN and not path.exists():
            raise typer.BadParameter(f"path '{path}' does not exist.")
    return paths


def import_(
    paths: Annotated[
        list[Path],
        typer.Argument(
            callback=_existing,
            metavar="PATH",
            help="Files, folders with all below, and - for standard input.",
        ),
    ],
    organization: Annotated[str, typer.Option(metavar="SLUG", help="The organization that receives the tenders.")],
    create: Annotated[bool, typer.Option("--create", help="Create the organization where it is missing.")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at the first refused release, and import nothing at all.")
    ] = False,
    verbose: Annotated[
        bool,
        typer.Option("--verbose", help=f"List all that was refused, left out or passed over, not only {SHOWN}."),
    ] = False,
    as_json: AsJson = False,
    database_url: DatabaseUrl = None,
) -> None:
    """Import tender notices in the shape of OCDS 1.1.

    Takes release packages, record packages and bare releases, as .json, .jsonl
    or .ndjson, and gzips of them. All releases with one ocid become one tender,
    in whatever order they arrive. The same files can be imported again and
    again: what is known stays unchanged, and a tender that a person deleted
    stays deleted. What can't be used is refused with its place and the reason;
    the rest goes on.

    Examples

      domain import notices/ --organization acme
      domain import today.jsonl --organization acme --strict --json
      curl -s https://example.org/today.jsonl.gz | domain import - --organization acme
      domain import notices/ --organization new-customer --create
    """
    with Database(database_url) as db:
        if create:
            target, _ = ensure_organization(db, organization, actor=ACTOR)
        else:
            target = require_organization(db, organization)
        try:
            with screen(stderr=True).status("reading") as shown:  # where somebody watches
                summary = import_paths(
                    db,
                    paths,
                    organization_id=target.id,
                    strict=strict,
                    actor=ACTOR,
                    progress=lambda releases: shown.update(counted(releases, "release")),
                )
        except ImportStoppedError as stopped:
            if as_json:
                print_json(organization=organization, stopped=True, **asdict(ImportSummary(refused=[stopped.refusal])))
            typer.echo(f"{_line(stopped.refusal)}\ndomain: stopped there; nothing was imported", err=True)
            raise typer.Exit(PROBLEMS) from None
    if as_json:
        print_json(organization=organization, stopped=False, **asdict(summary))
    else:
        _print_summary(summary, organization)
        _print_all(summary, limit=None if verbose else SHOWN)
    if not summary.ok:
        raise typer.Exit(PROBLEMS)


def _print_summary(summary: ImportSummary, slug: str) -> None:
    table = grid("tenders of " + slug, "", "", right=("",))
    table.add_row("created", f"{summary.created:,}", "")
    table.add_row("updated", f"{summary.updated:,}", "")
    table.add_row("unchanged", f"{summary.unchanged:,}", "")
    table.add_row("skipped", f"{summary.skipped:,}", "deleted here by a person" if summary.skipped else "")
    table.add_row("refused", f"{len(summary.refused):,}", "")
    screen().print(table)
    read = f"{counted(summary.releases, 'release')} in {counted(summary.files, 'file')}"
    others = len(summary.passed_over)
    typer.echo(f"{read}; {counted(others, 'file')} of another kind passed over" if others else read)


def _print_all(summary: ImportSummary, *, limit: int | None) -> None:
    for listed in (summary.refused, summary.remarks, summary.passed_over if limit is None else []):
        for found in listed[:limit]:
            typer.echo(_line(found))
        if limit is not None and len(listed) > limit:
            typer.echo(f"and {len(listed) - limit:,} more; --verbose lists them all")


def _line(found: Refusal | Remark) -> str:
    if isinstance(found, Refusal):
        return safe(f"{found.place}: {found.reason}")
    value = f": {found.value}" if found.value else ""
    return safe(f"{counted(found.count, 'time')}, first at {found.place}: {found.reason}{value}")
