"""The dry run: what ``purge`` would remove, counted."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Select, Table, exists, func, null, select

from ..database import Database
from ..kit.model.tables import of_organization, organization_column
from ..kit.session import SystemSession
from ..limits import BULK
from .conditions import Condition, Conditions
from .schema import ORGANIZATIONS


class PurgeCount(NamedTuple):
    """So many rows of one table; ``organization_id`` is None where the table belongs to no organization."""

    organization_id: int | None
    table: str
    rows: int


@dataclass(frozen=True, kw_only=True)
class PurgePlan:
    """Rows that ``purge`` would remove now, in its order, or has removed.

    ``ending``: deleted organizations that go as a whole. ``held``: those left alone, under a legal hold.
    """

    counts: tuple[PurgeCount, ...]
    ending: tuple[int, ...]
    held: tuple[int, ...]

    @property
    def rows(self) -> int:
        """How many rows in all."""
        return sum(count.rows for count in self.counts)


def plan_purge(
    db: Database, *, actor: str, organization_id: int | None = None, older_than_days: int | None = None
) -> PurgePlan:
    """Count what ``purge`` would remove now, with the same arguments; changes nothing.

    Raises:
        ArgumentError: ``older_than_days`` is out of range.
        ConfigurationError: PostgreSQL without SYSTEM_DATABASE_URL, or a table that no imported model describes.
    """
    with db.system_session(actor=actor, reason="count what purge would remove", time_limits=BULK) as system:
        conditions = Conditions(system.connection(), older_than_days=older_than_days)
        return planned(system, conditions, organization_id=organization_id)


def planned(system: SystemSession, conditions: Conditions, *, organization_id: int | None) -> PurgePlan:
    """The plan, in the order in which rows go: organization by organization, children first."""
    counts: Counter[tuple[int | None, str]] = Counter()
    for table in conditions.children_first:
        for statement in _counting(conditions, table, organization_id):
            for organization, rows in system.connection().execute(statement):
                counts[organization, table.name] += rows
    found = [PurgeCount(organization, table, rows) for (organization, table), rows in counts.items() if rows]
    # What belongs to no organization goes last: an organization's rows may refer to it. Else they stay in their order.
    found.sort(key=lambda count: (count.organization_id is None, count.organization_id or 0))
    return PurgePlan(
        counts=tuple(found),
        ending=_organizations(system, conditions.ending, organization_id),
        held=_organizations(system, ORGANIZATIONS.c.legal_hold, organization_id),
    )


def _counting(conditions: Conditions, table: Table, organization_id: int | None) -> Iterator[Select[Any, int]]:
    """Statements that count the table's rows by organization."""
    column = organization_column(table)
    removable = conditions.removable(table, table)
    if column is None:
        if organization_id is None and conditions.cutoff(table) is not None:
            yield select(null(), func.count()).select_from(table).where(removable)
        return
    count = select(column, func.count()).where(of_organization(table, organization_id)).group_by(column)
    if table is ORGANIZATIONS:
        yield count.where(removable, conditions.ending)
        return
    of = exists().where(ORGANIZATIONS.c.id == column)
    yield count.where(of.where(conditions.ending))
    if conditions.cutoff(table) is not None:
        yield count.where(removable, of.where(~ORGANIZATIONS.c.legal_hold, ~conditions.ending))


def _organizations(system: SystemSession, which: Condition, organization_id: int | None) -> tuple[int, ...]:
    ids = select(ORGANIZATIONS.c.id).where(which).order_by(ORGANIZATIONS.c.id)
    if organization_id is not None:
        ids = ids.where(ORGANIZATIONS.c.id == organization_id)
    return tuple(system.connection().scalars(ids))
