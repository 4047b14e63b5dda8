"""``domain db roles``: the logins of a PostgreSQL deployment."""

from typing import Annotated

import typer
from sqlalchemy import URL

from ..config import application_url, environment, optional_url, parse_url
from ..deployment import Logins, create_roles, plan
from ..errors import ConfigurationError
from ..kit.database.engines import opened
from .options import SEEN
from .screen import counted, safe


def roles(
    admin_url: Annotated[
        str | None,
        typer.Option(
            envvar="ADMIN_DATABASE_URL",
            metavar="URL",
            help=f"A login that may create roles, best a superuser. Its database is that of the others. {SEEN}",
        ),
    ] = None,
    sql: Annotated[bool, typer.Option("--sql", help="Print the statements, without passwords; run none.")] = False,
) -> None:
    """Create the logins of a deployment on PostgreSQL, and give them their rights.

    DATABASE_URL, SYSTEM_DATABASE_URL and MIGRATION_DATABASE_URL name them, with
    their passwords. The application's login gets what it needs and no more: it
    owns no table, may not TRUNCATE, and is no member of the system's login.

    Without an admin's URL the login for migrations does it: it can give rights
    on its tables, and creates logins only if it has CREATEROLE. Run it again
    after every migration: a new table has rights for nobody until then.

    Examples

      domain db roles
      domain db roles --sql
    """
    settings = environment()
    application = application_url(None, settings)
    migration = optional_url(None, settings.migration_database_url, "MIGRATION_DATABASE_URL")
    system = optional_url(None, settings.system_database_url, "SYSTEM_DATABASE_URL")
    logins = Logins.from_urls(application, system, migration)
    with opened(_administrator(admin_url, migration or application)) as engine:
        if sql:
            with engine.connect() as connection:
                for statement in plan(connection, logins):
                    typer.echo(_line(statement.shown, login=statement.login))
            return
        done = create_roles(engine, logins)
    left = [line for line in done if line.startswith("--")]
    for line in left:
        typer.echo(safe(line), err=True)
    names = ", ".join(logins.granted)
    run = counted(len(done) - len(left), "statement")
    typer.echo(f"{safe(names)}: {run} run; `domain doctor` looks at the result")


def _administrator(url: str | None, database: URL) -> URL:
    if not url:
        return database
    login = parse_url(url)
    if login.get_backend_name() != "postgresql":
        raise ConfigurationError("--admin-url: write postgresql://login:password@host")
    return login.set(database=database.database)


def _line(shown: str, *, login: str) -> str:
    # What stands for a password must not become one.
    return f"-- {safe(shown)};  in psql: \\password {safe(login)}" if login else f"{safe(shown)};"
