"""Soft deletion's functions in autogenerate: a table's comes in the revision that makes or changes the table.

A revision says ``op.invoke(SetDeletionOp(...))`` with the columns that rows are deleted by, so that a released one
does not follow the models.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import MigrateOperation, Operations
from alembic.operations.ops import AddColumnOp, CreateTableOp, DropTableOp, ModifyTableOps, UpgradeOps
from alembic.util import PriorityDispatchResult
from sqlalchemy import Table

from ..database.deletions import present_deletions
from ..models.deletion_postgresql import Deletable, create, deletable, drop


class SetDeletionOp(MigrateOperation):
    """Makes the function that deletes rows of a table softly; without ``columns`` drops it. On SQLite does nothing.

    ``owner`` is the column that holds the organization.
    """

    def __init__(
        self,
        table: str,
        owner: str | None = None,
        columns: Sequence[str] = (),
        *,
        replaces: Deletable | None = None,
    ) -> None:
        self.table = table
        self.deletes: Deletable | None = Deletable(table, owner, tuple(columns)) if columns else None
        self.replaces = replaces

    @classmethod
    def deleting(cls, table: str, wanted: Deletable | None, *, replaces: Deletable | None) -> "SetDeletionOp":
        """The operation for what is wanted, as an object."""
        if wanted is None:
            return cls(table, replaces=replaces)
        return cls(table, wanted.owner, wanted.columns, replaces=replaces)

    def reverse(self) -> "SetDeletionOp":
        return SetDeletionOp.deleting(self.table, self.replaces, replaces=self.deletes)

    def to_diff_tuple(self) -> tuple[Any, ...]:
        return ("modify_deletion", self.table, self.replaces, self.deletes)


@Operations.implementation_for(SetDeletionOp)
def _run(operations: Operations, operation: SetDeletionOp) -> None:
    if operations.get_context().dialect.name == "postgresql":
        operations.execute(create(operation.deletes) if operation.deletes else drop(operation.table))


@renderers.dispatch_for(SetDeletionOp)
def _rendered(context: AutogenContext, operation: SetDeletionOp) -> str:
    context.imports.add("from domain.migrations import SetDeletionOp")
    of = operation.deletes
    given = [operation.table] if of is None else [operation.table, of.owner, list(of.columns)]
    return f"op.invoke(SetDeletionOp({', '.join(map(repr, given))}))"


def compare_deletions(
    context: AutogenContext, operations: UpgradeOps, _schemas: set[str | None] | list[str | None]
) -> PriorityDispatchResult:
    """Alembic's comparison, after that of the tables."""
    assert context.connection is not None, "a comparison has a database"
    is_postgresql = context.connection.dialect.name == "postgresql"
    present = present_deletions(context.connection) if is_postgresql else {}
    for operation in list(operations.ops):
        if isinstance(operation, DropTableOp) and (found := present.get(operation.table_name)):
            operations.ops.append(SetDeletionOp(operation.table_name, replaces=found))
    for table in context.sorted_tables:
        wanted = deletable(table)
        if wanted is not None and context.run_object_filters(table, table.name, "table", False, None):
            found = present.get(table.name) if is_postgresql else _before(operations, table, wanted)
            if found != wanted:
                operations.ops.append(SetDeletionOp.deleting(table.name, wanted, replaces=found))
    return PriorityDispatchResult.CONTINUE


def _before(operations: UpgradeOps, table: Table, wanted: Deletable) -> Deletable | None:
    """What it was before the revision, where SQLite shows no function: without the columns that the revision adds."""
    for operation in operations.ops:
        if isinstance(operation, CreateTableOp) and operation.table_name == table.name:
            return None
        if isinstance(operation, ModifyTableOps) and operation.table_name == table.name:
            added = {step.column.name for step in operation.ops if isinstance(step, AddColumnOp)}
            kept = tuple(column for column in wanted.columns if column not in added)
            return None if "deletion_id" in added else replace(wanted, columns=kept)
    return wanted
