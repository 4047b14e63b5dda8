"""Readiness to take requests: this release's schema, and a login that reaches its tables in scope."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from psycopg2 import extensions
from sqlalchemy import Connection, Engine, Select, String, column, event, inspect, select, table, text
from sqlalchemy.exc import SQLAlchemyError

from ...errors import ConfigurationError, DomainError
from ...version import REVISION, VERSION_TABLE
from ..model import DomainModel
from ..model.tables import ORGANIZATIONS, organization_column

Obstacle: TypeAlias = tuple[str, str]
"""A fault, and its remedy."""

_REVISION: Select[str] = select(column("version_num", String)).select_from(table(VERSION_TABLE))
_TABLES = text(
    "SELECT relname, relrowsecurity AND relname NOT IN ('system_access', 'purge_records'), row_security_active(oid),"
    " has_table_privilege(oid, 'SELECT')"
    "  AND (relname IN ('audit_entries', :version) OR has_table_privilege(oid, 'INSERT')"
    "   AND has_table_privilege(oid, 'UPDATE'))"
    " FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition"
    " AND relnamespace = current_schema()::regnamespace ORDER BY 1"
)
_UNHELD = "SELECT rolname FROM pg_roles WHERE rolname = current_user AND (rolsuper OR rolbypassrls)"


@dataclass(frozen=True)
class Readiness:
    """True where there is no reason against taking requests; a reason shows no secret and says what to do."""

    reasons: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return not self.reasons


def readiness(engine: Engine) -> Readiness:
    """Look by two short queries; nothing is raised."""
    try:
        with engine.connect() as connection:
            tables = reached(connection)
            found = [*behind(connection, tables), *lacking(tables), *unheld(tables)]
    except DomainError as error:
        return Readiness((str(error),))
    except SQLAlchemyError:
        return Readiness(("no connection to the database came free in time, or it can't be used",))
    return Readiness(tuple(f"{what}: {remedy}" for what, remedy in found))


class Reach(NamedTuple):
    """The login's access to a table; ``is_held``: row level security decides which rows."""

    is_secured: bool = True
    is_held: bool = True
    is_usable: bool = True


def reached(connection: Connection) -> dict[str, Reach]:
    """Every table of the current schema, by name."""
    if connection.dialect.name == "sqlite":
        return dict.fromkeys(inspect(connection).get_table_names(), Reach())
    rows = connection.execute(_TABLES, {"version": VERSION_TABLE})
    return {name: Reach(*reach) for name, *reach in rows}


def behind(connection: Connection, tables: Mapping[str, Reach]) -> Iterator[Obstacle]:
    """The schema's revision, if it is older than this release's."""
    version = tables.get(VERSION_TABLE)
    if version is not None and not version.is_usable:
        yield "the application's login may not read the schema's revision", "run `domain db roles`"
        return
    at = None if version is None else connection.scalar(_REVISION)
    if not _is_reached(at):
        what = f"the schema is at {at or 'no revision'}, not at {REVISION}"
        if version is None and ORGANIZATIONS in tables:
            yield what, "`create_all` made its tables, which migrations don't take on: begin with an empty database"
            return
        yield what, "run `domain db upgrade`, then `domain db roles`"


def lacking(tables: Mapping[str, Reach]) -> Iterator[Obstacle]:
    """The organizations' tables that are not there, or that the login may not read and write."""
    for name in _of_organizations():
        if name not in tables:
            yield f"the table {name} is missing", "run `domain db upgrade`, or the application's own migrations"
    if names := [name for name, reach in tables.items() if reach.is_secured and not reach.is_usable]:
        yield f"the application's login may not read or write {', '.join(names)}", "run `domain db roles`"


def unheld(tables: Mapping[str, Reach]) -> Iterator[Obstacle]:
    """The organizations' tables of which the login sees every row."""
    if names := [name for name in _of_organizations() if name in tables and not tables[name].is_held]:
        yield f"row level security does not hold the login on {', '.join(names)}", "run `domain doctor`"


def refuse_unheld_login(engine: Engine) -> None:
    """Raise ConfigurationError at the first connection of a superuser or a BYPASSRLS login."""

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _record: object) -> None:
        with extensions.cursor(connection) as cursor:
            cursor.execute(_UNHELD)
            found = cursor.fetchone()
        if found is not None:
            raise ConfigurationError(
                f"DOMAIN_ENV=production: the login {found[0]} is a superuser or has BYPASSRLS, so row level security"
                " does not hold it; run `domain db roles` and let DATABASE_URL name the application's own login"
            )


def _is_reached(revision: str | None) -> bool:
    """True of a later one, too: during a rollout, or a rollback, the old release goes on."""
    return revision is not None and revision.isdigit() and int(revision) >= int(REVISION)


def _of_organizations() -> Iterator[str]:
    return (known.name for known in DomainModel.metadata.sorted_tables if organization_column(known) is not None)
