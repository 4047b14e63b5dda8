"""Purge: the one door to hard deletion. (``repository.deleting`` marks rows.)

Children go before parents (``Conditions.children_first``), so a parent that was restored in between would come back
without them. That is why rows that lead a deletion or share one, and organizations, first lose their ``deletion_id``,
parents before children: ``restore``, which locks the row that it looks for, answers False from then on. A child waits
until nothing that it was deleted with can bring it back. Killed at any moment, the next run goes on from there.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Column, Table, delete, exists, insert, select, update

from ..database import Database
from ..errors import ArgumentError
from ..kit.model.tables import ORGANIZATION_ID, of_organization
from ..kit.records import PurgeRecord
from ..kit.session import SystemSession, own
from ..limits import BULK
from ..tenders.model import Tender
from ..tenders.purged import PurgedTender
from .batches import Batches, execute
from .conditions import Condition, Conditions
from .planning import PurgeCount, PurgePlan, planned
from .schema import ORGANIZATIONS, TRAIL

TENDERS: Table = Tender.__table__
PURGED: Table = PurgedTender.__table__
MAX_BATCH = 10_000
REASON = "retention is over"


def purge(
    db: Database,
    *,
    actor: str,
    reason: str = REASON,
    organization_id: int | None = None,
    older_than_days: int | None = None,
    batch_size: int = 1000,
    progress: Callable[[PurgeCount], None] | None = None,
) -> PurgePlan:
    """Remove for good what was deleted longer ago than its model's ``retention_days``, unless something refers to it.

    A deleted organization whose retention is over goes with all of its rows; one under a legal hold is left alone.
    ``older_than_days`` replaces the models' own days, but not "for ever". ``batch_size`` rows go in one
    transaction, which ``progress`` is told of and ``PurgeRecord`` keeps. Rows that others hold locked are left to
    the next run.

    Raises:
        ArgumentError: ``older_than_days`` or ``batch_size`` is out of range.
        ConfigurationError: PostgreSQL without SYSTEM_DATABASE_URL, or a table that no imported model describes.
    """
    if not 1 <= batch_size <= MAX_BATCH:
        raise ArgumentError(f"batch_size is 1 to {MAX_BATCH}, not {batch_size}")
    with db.system_session(actor=actor, reason=reason, time_limits=BULK) as system:
        conditions = Conditions(system.connection(), older_than_days=older_than_days)
        plan = planned(system, conditions, organization_id=organization_id)
        system.commit()
        record = partial(PurgeRecord, actor=actor, reason=reason)
        run = _Run(system, conditions, Batches(system, size=batch_size), record, progress)
        for organization in dict.fromkeys(count.organization_id for count in plan.counts):
            names = {count.table for count in plan.counts if count.organization_id == organization}
            tables = [table for table in conditions.children_first if table.name in names]
            if organization is not None and organization in plan.ending:
                run.end(organization, tables)
            else:
                run.remove_expired(organization, tables)
    counts = tuple(PurgeCount(organization, table, rows) for (organization, table), rows in run.removed.items())
    return PurgePlan(counts=counts, ending=plan.ending, held=plan.held)


@dataclass
class _Run:
    system: SystemSession
    conditions: Conditions
    batches: Batches
    record: Callable[..., PurgeRecord]
    progress: Callable[[PurgeCount], None] | None
    removed: Counter[tuple[int | None, str]] = field(default_factory=Counter[tuple[int | None, str]])

    def remove_expired(self, organization: int | None, tables: list[Table]) -> None:
        """Remove one organization's expired rows from these tables, which are in the order of the plan."""
        conditions, again = self.conditions, self.conditions.graph.refers_to_itself
        for table in reversed(tables):
            going = conditions.removable(table, table) & conditions.not_restorable_by_parent(table)
            end = partial(self._end_deletions, organization)
            self.batches.all(table, end, going & conditions.shares_a_deletion(table), organization=organization)
            leading = going & conditions.leads_a_deletion(table)
            self.batches.all(table, self._make_unrestorable, leading, organization=organization, again=again(table))
        self._remove_free(organization, tables)
        circular = [table for table in tables if again(table)]
        for table in circular:
            stuck = conditions.removable(table, table) & ~conditions.not_restorable_by_parent(table)
            self.batches.all(table, partial(self._open_circle, organization), stuck, organization=organization)
        if circular:
            self._remove_free(organization, tables)

    def _remove_free(self, organization: int | None, tables: list[Table]) -> None:
        """Remove the expired rows to which nothing refers any more."""
        conditions = self.conditions
        for table in tables:
            free = (
                conditions.expired(table, table)
                & conditions.unreferenced(table)
                & conditions.not_restorable_by_parent(table)
            )
            remove_these = self._remove_tenders if table is TENDERS else self._remove
            remove = partial(remove_these, organization, conditions.cutoff(table))
            again = conditions.graph.refers_to_itself(table)
            self.batches.all(table, remove, free, organization=organization, again=again)

    def _open_circle(self, organization: int | None, table: Table, these: Condition) -> None:
        """End the deletions of rows that refer to each other in a circle, so that none heads them; open it at these."""
        ending = table.c.deletion_id.in_(select(table.c.deletion_id).where(these).correlate(None))
        self._make_unrestorable(table, of_organization(table, organization) & ending)
        for edge in (edge for edge in self.conditions.graph.circular(table) if not edge.is_required):
            self._empty(table.c[edge.column], table, these)

    def end(self, organization_id: int, tables: list[Table]) -> None:
        """Remove all rows of a deleted organization, and then itself."""
        conditions = self.conditions
        can_return = conditions.ending & ORGANIZATIONS.c.deletion_id.is_not(None)
        self.batches.all(ORGANIZATIONS, self._make_unrestorable, can_return, organization=organization_id)
        is_unrestorable = ORGANIZATIONS.c.is_deleted & ORGANIZATIONS.c.deletion_id.is_(None)
        batches = partial(self.batches.all, organization=organization_id, while_organization=is_unrestorable)
        for edge in (edge for table in tables for edge in conditions.graph.circular(table)):
            if not edge.is_required:  # rows may refer to each other in a circle
                column = edge.child.c[edge.column]
                batches(edge.child, partial(self._empty, column), column.is_not(None))
        remove = partial(self._remove, organization_id, conditions.cutoff(ORGANIZATIONS))
        for table in tables:
            again = conditions.graph.refers_to_itself(table)
            batches(table, remove, conditions.unreferenced(table), again=again)

    def _end_deletions(self, organization: int | None, table: Table, these: Condition) -> None:
        """The same for all that heads their deletions: a deletion is restored as a whole, or not at all."""
        ending = table.c.deletion_id.in_(select(table.c.deletion_id).where(these).correlate(None))
        heads = self.conditions.heads_a_deletion(table, table)
        self._make_unrestorable(table, of_organization(table, organization) & ending & heads)

    def _make_unrestorable(self, table: Table, these: Condition) -> None:
        """Take their ``deletion_id``: they can't be restored any more."""
        changes = {"deletion_id": None, "version": table.c.version + 1}
        execute(self.system, update(table).where(these).values(changes))

    def _empty(self, column: Column[Any], table: Table, these: Condition) -> None:
        """Take their reference."""
        execute(self.system, update(table).where(these).values({column: None, "version": table.c.version + 1}))

    def _remove_tenders(
        self, organization: int | None, deleted_before: datetime | None, table: Table, these: Condition
    ) -> None:
        """Remove them, but for their external ids: an import leaves them alone."""
        known = select(PURGED.c.id).where(PURGED.c.external_id == table.c.external_id).correlate(table)
        is_new = ~exists(known.where(PURGED.c[ORGANIZATION_ID] == table.c[ORGANIZATION_ID]))
        named = table.c[ORGANIZATION_ID], table.c.external_id
        going = select(*named).where(these, table.c.external_id.is_not(None), is_new).distinct()
        self.system.exec(own(insert(PURGED).from_select([ORGANIZATION_ID, "external_id"], going)))
        self._remove(organization, deleted_before, table, these)

    def _remove(
        self, organization: int | None, deleted_before: datetime | None, table: Table, these: Condition
    ) -> None:
        for edge in self.conditions.graph.to(table):
            if edge.on_delete == "set_null":
                column, gone = edge.child.c[edge.column], select(table.c.id).where(these).correlate(None)
                self._empty(column, edge.child, of_organization(edge.child, organization) & column.in_(gone))
        rows = execute(self.system, delete(table).where(these))
        if table is ORGANIZATIONS:  # what its last rows left there
            execute(self.system, delete(TRAIL).where(TRAIL.c[ORGANIZATION_ID] == organization))
        self.system.add(
            self.record(
                purged_organization_id=organization,
                table_name=table.name,
                row_count=rows,
                deleted_before=deleted_before,
            )
        )
        self.removed[organization, table.name] += rows
        if self.progress is not None:
            self.progress(PurgeCount(organization, table.name, rows))
