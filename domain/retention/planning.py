"""The dry run: what ``purge`` would remove, counted."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Select, Table, exists, func, null, select

from ..database import Database
from ..kit.model.tables import of_organization, organization_column
from ..kit.session import SystemSession
from ..limits import BULK
from .counts import PurgeCount, PurgePlan
from .schema import ORGANIZATIONS
from .terms import Condition, Terms


def plan_purge(
    db: Database, *, actor: str, organization_id: int | None = None, older_than_days: int | None = None
) -> PurgePlan:
    """Count what ``purge`` would remove now, with the same arguments; changes nothing.

    Raises:
        ArgumentError: ``older_than_days`` is out of range.
        ConfigurationError: PostgreSQL without SYSTEM_DATABASE_URL, or a table that no imported model describes.
    """
    with db.system_session(actor=actor, reason="count what purge would remove", time_limits=BULK) as system:
        terms = Terms(system.connection(), older_than_days=older_than_days)
        return planned(system, terms, organization_id=organization_id)


def planned(system: SystemSession, terms: Terms, *, organization_id: int | None) -> PurgePlan:
    """The plan, in the order in which rows go: organization by organization, children first."""
    counts: Counter[tuple[int | None, str]] = Counter()
    for table in terms.children_first:
        for statement in _counting(terms, table, organization_id):
            for organization, rows in system.connection().execute(statement):
                counts[organization, table.name] += rows
    found = [PurgeCount(organization, table, rows) for (organization, table), rows in counts.items() if rows]
    # What belongs to no organization goes last: an organization's rows may refer to it. Else they stay in their order.
    found.sort(key=lambda count: (count.organization_id is None, count.organization_id or 0))
    return PurgePlan(
        counts=tuple(found),
        ending=_organizations(system, terms.ending, organization_id),
        held=_organizations(system, ORGANIZATIONS.c.legal_hold, organization_id),
    )


def _counting(terms: Terms, table: Table, organization_id: int | None) -> Iterator[Select[Any, int]]:
    """Statements that count the table's rows by organization."""
    column = organization_column(table)
    removable = terms.removable(table, table)
    if column is None:
        if organization_id is None and terms.cutoff(table) is not None:
            yield select(null(), func.count()).select_from(table).where(removable)
        return
    count = select(column, func.count()).where(of_organization(table, organization_id)).group_by(column)
    if table is ORGANIZATIONS:
        yield count.where(removable, terms.ending)
        return
    of = exists().where(ORGANIZATIONS.c.id == column)
    yield count.where(of.where(terms.ending))
    if terms.cutoff(table) is not None:
        yield count.where(removable, of.where(~ORGANIZATIONS.c.legal_hold, ~terms.ending))


def _organizations(system: SystemSession, which: Condition, organization_id: int | None) -> tuple[int, ...]:
    ids = select(ORGANIZATIONS.c.id).where(which).order_by(ORGANIZATIONS.c.id)
    if organization_id is not None:
        ids = ids.where(ORGANIZATIONS.c.id == organization_id)
    return tuple(system.connection().scalars(ids))
