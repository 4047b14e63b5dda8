"""Options that several commands share."""

import importlib
import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from ..errors import ConfigurationError

SEEN = "Other users of the machine may see it in the list of processes: a password is better kept in the environment."
DatabaseUrl = Annotated[str | None, typer.Option(metavar="URL", help=f"Instead of DATABASE_URL. {SEEN}")]
MigrationUrl = Annotated[
    str | None, typer.Option(metavar="URL", help=f"Instead of MIGRATION_DATABASE_URL and DATABASE_URL. {SEEN}")
]
SystemDatabaseUrl = Annotated[str | None, typer.Option(metavar="URL", help="Instead of SYSTEM_DATABASE_URL.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead, for programs.")]
Models = Annotated[
    list[str] | None,
    typer.Option("--models", metavar="MODULE", help="Import this first: the module of an application's tables."),
]


def import_models(names: Sequence[str] | None) -> None:
    """Import an application's modules. Raises ConfigurationError."""
    if names:
        sys.path.insert(0, os.getcwd())  # as with `python -m`; a command's own path has no current folder
    for name in names or ():
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            raise ConfigurationError(f"--models {name}: {error}") from error
