"""Conditions of a purge: by retention, by what still refers to a row, and by what was deleted with it."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, FromClause, Table, and_, exists, false, or_, true
from sqlalchemy.sql.elements import ColumnElement

from ..errors import ArgumentError
from ..kit.model import Entity
from ..kit.model.fields import utcnow
from ..kit.model.graph import Edge, Graph
from ..kit.model.registry import REGISTRY
from ..kit.model.tables import is_tenant_table
from ..kit.schema.known_tables import known_graph
from .schema import ORGANIZATIONS, TRAIL

MAX_DAYS = 36_500
Condition = ColumnElement[bool]


class Conditions:
    """The conditions of one run. ``older_than_days`` replaces every model's own days, but not "for ever".

    Raises:
        ArgumentError: ``older_than_days`` is out of range.
        ConfigurationError: another table refers to ours, which the imported models don't tell of.
    """

    def __init__(self, connection: Connection, *, older_than_days: int | None) -> None:
        if older_than_days is not None and not 0 <= older_than_days <= MAX_DAYS:
            raise ArgumentError(f"older_than_days is 0 to {MAX_DAYS}, not {older_than_days}")
        self.graph: Graph = known_graph(connection)
        order = self.graph.order[::-1]
        self.children_first: list[Table] = sorted(order, key=lambda table: (table is ORGANIZATIONS, table is TRAIL))
        """The order in which tables are emptied; the organizations and their trail come last."""
        self._retention_days: dict[FromClause, int | None] = {
            mapper.local_table: mapper.class_.retention_days
            for mapper in REGISTRY.mappers
            if issubclass(mapper.class_, Entity)
        }
        self._now = utcnow()
        self._days = older_than_days

    def cutoff(self, table: Table) -> datetime | None:
        """Rows of the table that were deleted before this may go; None: they are kept for ever."""
        days = self._retention_days.get(table)
        if days is None:
            return None
        return self._now - timedelta(days=days if self._days is None else self._days)

    def expired(self, rows: FromClause, table: Table) -> Condition:
        """Deleted, for longer than the model keeps it."""
        cutoff = self.cutoff(table)
        return false() if cutoff is None else and_(rows.c.is_deleted, rows.c.deleted_at < cutoff)

    def removable(self, rows: FromClause, table: Table, *, below: tuple[Table, ...] = ()) -> Condition:
        """Expired, and so is all that refers to it. (Of a table that refers to itself: one step deep.)"""
        conditions = [self.expired(rows, table)]
        if table not in below:
            for reference in self._holding(table):
                if not (table is ORGANIZATIONS and is_tenant_table(reference.child)):  # those go with it
                    child = reference.child.alias()
                    goes = self.removable(child, reference.child, below=(*below, table))
                    conditions.append(~exists().where(reference.joins(child, rows), ~goes))
        return and_(*conditions)

    def unreferenced(self, table: Table) -> Condition:
        """No row refers to it any more, neither a live nor a deleted one."""
        referring = [(reference, reference.child.alias()) for reference in self._holding(table)]
        return and_(true(), *(~exists().where(reference.joins(child, table)) for reference, child in referring))

    def leads_a_deletion(self, table: Table) -> Condition:
        """A row that refers to it was deleted with it, and would be restored with it."""
        referring = [(r, r.child.alias()) for r in self.graph.to(table) if "deletion_id" in r.child.c]
        together = (
            exists().where(reference.joins(child, table), child.c.deletion_id == table.c.deletion_id)
            for reference, child in referring
        )
        return or_(false(), *together)

    def heads_a_deletion(self, rows: FromClause, table: Table) -> Condition:
        """Nothing that it belongs to was deleted with it, or can't be restored any more: nothing else holds it back."""
        if "deletion_id" not in table.c:
            return false()
        conditions: list[Condition] = [rows.c.deletion_id.is_not(None)]
        for edge in self.graph.of(table):
            if edge.on_delete in ("cascade", "restrict") and "deletion_id" in edge.parent.c:
                parent = edge.parent.alias()
                lost = and_(parent.c.is_deleted, parent.c.deletion_id.is_(None))
                together = or_(parent.c.deletion_id == rows.c.deletion_id, lost)
                conditions.append(~exists().where(edge.joins(rows, parent), together))
        return and_(*conditions)

    def shares_a_deletion(self, table: Table) -> Condition:
        """One of several rows of the table that head one deletion, and would be restored together."""
        if "deletion_id" not in table.c:
            return false()
        other = table.alias()
        together = (other.c.deletion_id == table.c.deletion_id, other.c.id != table.c.id)
        also = exists().where(*together, self.heads_a_deletion(other, table))
        return and_(self.heads_a_deletion(table, table), also)

    def not_restorable_by_parent(self, table: Table) -> Condition:
        """No parent that this run will purge could still be restored together with this row."""
        conditions: list[Condition] = [true()]
        for reference in self.graph.of(table):
            if reference.parent is not ORGANIZATIONS and "deletion_id" in reference.parent.c:
                parent = reference.parent.alias()
                together = parent.c.deletion_id == table.c.deletion_id
                goes = self.removable(parent, reference.parent)
                conditions.append(~exists().where(reference.joins(table, parent), together, goes))
        return and_(*conditions)

    @property
    def ending(self) -> Condition:
        """Of organizations: deleted, for longer than they are kept, and under no legal hold."""
        return and_(self.expired(ORGANIZATIONS, ORGANIZATIONS), ~ORGANIZATIONS.c.legal_hold)

    def _holding(self, table: Table) -> list[Edge]:
        """The keys that refer to the table and hold its rows: not those that purging empties."""
        return [edge for edge in self.graph.to(table) if edge.on_delete != "set_null"]
