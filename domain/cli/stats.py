"""``domain stats``: how much of what there is, for whom."""

from collections.abc import Sequence
from typing import NamedTuple

from rich.table import Table as ShownTable
from sqlalchemy import ColumnElement, Select, Table, case, false, func, literal, select, union_all
from sqlmodel import col
from sqlmodel import select as select_of

from ..database import Database
from ..kit.model import DomainModel
from ..kit.model.tables import ORGANIZATION_ID, is_tenant_table
from ..kit.session import SystemSession, including_deleted
from ..organizations.model import Organization
from .options import DatabaseUrl, Models, SystemDatabaseUrl, import_models
from .screen import cell, counted, grid, screen

ACTOR = "domain stats"


class Rows(NamedTuple):
    """How many rows of one table an organization has."""

    table: str
    organization_id: int
    live: int
    deleted: int


def stats(
    models: Models = None, database_url: DatabaseUrl = None, system_database_url: SystemDatabaseUrl = None
) -> None:
    """Count every organization's rows, table by table.

    Deleted rows are those that can still be restored. Looking across
    organizations needs a login of its own: on PostgreSQL that is
    SYSTEM_DATABASE_URL, and every use of it is on record in the table
    system_access, this one included. SQLite has no logins and needs none.

    Examples

      domain stats
      domain stats --models shop.models     with an application's own tables
    """
    import_models(models)
    with (
        Database(database_url, system_database_url=system_database_url) as db,
        db.system_session(actor=ACTOR, reason="count the rows of every organization") as system,
    ):
        everyone = select_of(Organization).order_by(col(Organization.slug), col(Organization.id))
        organizations = system.exec(including_deleted(everyone)).all()
        rows = count_rows(system)
    _print(organizations, rows)


def count_rows(system: SystemSession) -> list[Rows]:
    """The rows of every organization in every tenant table that is known, in one statement."""
    tables = [table for table in DomainModel.metadata.sorted_tables if is_tenant_table(table)]
    statement = union_all(*(_count(table) for table in tables))
    found = [Rows(*row) for row in system.connection().execute(statement)]
    position = {table.name: number for number, table in enumerate(tables)}
    return sorted(found, key=lambda rows: (rows.organization_id, position[rows.table]))


def _count(table: Table) -> Select[str, int, int, int]:
    deleted: ColumnElement[bool] = table.c.is_deleted if "is_deleted" in table.c else false()
    owner: ColumnElement[int] = table.c[ORGANIZATION_ID]
    live = func.sum(case((deleted, 0), else_=1))
    gone = func.sum(case((deleted, 1), else_=0))
    return select(literal(table.name), owner, live, gone).group_by(owner)


def _print(organizations: Sequence[Organization], counted_rows: Sequence[Rows]) -> None:
    by_organization: dict[int, list[Rows]] = {}
    totals: dict[str, Rows] = {}
    for rows in counted_rows:
        by_organization.setdefault(rows.organization_id, []).append(rows)
        so_far = totals.get(rows.table, Rows(rows.table, 0, 0, 0))
        totals[rows.table] = Rows(rows.table, 0, so_far.live + rows.live, so_far.deleted + rows.deleted)
    table = grid("organization", "id", "table", "live", "deleted", right=("id", "live", "deleted"))
    for organization in organizations:
        slug = f"{organization.slug} (deleted)" if organization.is_deleted else organization.slug
        _add(table, slug, str(organization.id), by_organization.get(organization.id, []))
    _add(table, counted(len(organizations), "organization"), "", list(totals.values()))
    screen().print(table)


def _add(table: ShownTable, name: str, number: str, counted_rows: Sequence[Rows]) -> None:
    """One block of the table; an organization that has nothing yet gets a line as well."""
    if not counted_rows:
        table.add_row(cell(name), number, "", "0", "0")
    for rows in counted_rows:
        table.add_row(cell(name), number, rows.table, f"{rows.live:,}", f"{rows.deleted:,}")
        name = number = ""
    table.add_section()
