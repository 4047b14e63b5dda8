"""Options that several commands share."""

from typing import Annotated

import typer

DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        "--database-url",
        metavar="URL",
        help="Instead of DATABASE_URL. Other users of the machine may see it in the list of processes: a"
        " password is better kept in the environment.",
        show_default=False,
    ),
]
MigrationUrl = Annotated[
    str | None,
    typer.Option(
        "--database-url",
        metavar="URL",
        help="Instead of MIGRATION_DATABASE_URL and DATABASE_URL. Other users of the machine may see it in the"
        " list of processes: a password is better kept in the environment.",
        show_default=False,
    ),
]
