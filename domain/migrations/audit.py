"""The audit trail in autogenerate: a model that belongs to an organization gets its triggers in the same revision.

A revision says ``op.invoke(SetAuditOp(...))`` with the columns that are followed, so that it says the same for both
databases, and a released one does not follow the models. What a database has is compared by its triggers' text, so
that an altered or missing one shows; the text names those columns, too, for the way back.
"""

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import MigrateOperation, Operations
from alembic.operations.ops import CreateTableOp, DropTableOp, UpgradeOps
from alembic.util import PriorityDispatchResult
from sqlalchemy import Connection

from ..database.audit import Trail, present_trails
from ..models import audit_postgresql, audit_sqlite
from ..models.audit_columns import ENTRIES, Audited, as_said, audited

_PENDING = "domain_audit_triggers"  # in Connection.info, on SQLite: what each table has at the end of the run


class SetAuditOp(MigrateOperation):
    """Has the writes of a table recorded in the audit trail; without ``owner`` they are not.

    ``owner`` is the column that holds the organization. ``columns`` are those that are followed, with how their
    values are written: "text", "time secret", ... (see ``Audited.said``).
    """

    def __init__(
        self,
        table: str,
        owner: str | None = None,
        columns: Mapping[str, str] | None = None,
        *,
        replaces: Audited | None = None,
    ) -> None:
        self.table = table
        self.follows: Audited | None = None if owner is None else as_said(table, owner, columns or {})
        self.replaces = replaces

    @classmethod
    def following(cls, table: str, follows: Audited | None, *, replaces: Audited | None) -> "SetAuditOp":
        """The operation for what is wanted, as an object."""
        owner, columns = (None, None) if follows is None else (follows.owner, follows.said())
        return cls(table, owner, columns, replaces=replaces)

    def reverse(self) -> "SetAuditOp":
        return SetAuditOp.following(self.table, self.replaces, replaces=self.follows)

    def to_diff_tuple(self) -> tuple[Any, ...]:
        return ("modify_audit", self.table, self.replaces, self.follows)

    def statements(self) -> Iterator[str]:
        """What PostgreSQL is told."""
        yield from audit_postgresql.drop(self.table)
        if self.follows is not None:
            yield from audit_postgresql.create(self.table, audit_postgresql.body(self.follows))


@Operations.implementation_for(SetAuditOp)
def _run(operations: Operations, operation: SetAuditOp) -> None:
    if operations.get_context().dialect.name == "postgresql":
        for statement in operation.statements():
            operations.execute(statement)
        return
    connection = operations.get_bind()
    # A run_env of ours has set them aside; another one has not.
    with nullcontext() if _PENDING in connection.info else triggers_set_aside(connection):
        connection.info[_PENDING][operation.table] = operation.follows


@contextmanager
def triggers_set_aside(connection: Connection) -> Generator[None]:
    """Take every trigger of the trail away while SQLite's tables are rebuilt, which would lose or break them.

    At the end each table that is there has the triggers that it had, or that a revision set. What the revisions
    themselves write is not in the trail.
    """
    pending: dict[str, Audited | None] = {}
    connection.info[_PENDING] = pending
    try:
        for table, trail in present_trails(connection).items():
            if trail != Trail():
                pending[table] = trail.follows
                for statement in audit_sqlite.drop(table):
                    connection.exec_driver_sql(statement)
        yield
        present = present_trails(connection)
        has_trail = ENTRIES in present
        connection.exec_driver_sql(audit_sqlite.CREATE_CONTEXT if has_trail else audit_sqlite.DROP_CONTEXT)
        for table, follows in pending.items():
            if has_trail and follows is not None and table in present:
                for statement in audit_sqlite.triggers(follows).values():
                    connection.exec_driver_sql(statement)
    finally:
        del connection.info[_PENDING]


@renderers.dispatch_for(SetAuditOp)
def _rendered(context: AutogenContext, operation: SetAuditOp) -> str:
    context.imports.add("from domain.migrations import SetAuditOp")
    follows = operation.follows
    given = [operation.table] if follows is None else [operation.table, follows.owner, follows.said()]
    return f"op.invoke(SetAuditOp({', '.join(map(repr, given))}))"


def compare_audit(
    context: AutogenContext, operations: UpgradeOps, _schemas: set[str | None] | list[str | None]
) -> PriorityDispatchResult:
    """Alembic's comparison, after that of the tables."""
    assert context.connection is not None, "a comparison has a database"
    present = present_trails(context.connection)
    for operation in list(operations.ops):
        if isinstance(operation, DropTableOp) and (found := present.get(operation.table_name, Trail())) != Trail():
            # Before the table: what it is reversed to puts triggers on it.
            operations.ops.insert(0, SetAuditOp(operation.table_name, replaces=found.follows))
    made = {operation.table_name for operation in operations.ops if isinstance(operation, CreateTableOp)}
    for table in context.sorted_tables:
        if not context.run_object_filters(table, table.name, "table", False, None):
            continue
        if table.name not in present and table.name not in made:
            continue
        wanted, found = audited(table), present.get(table.name, Trail())
        if found != Trail(wanted):
            operations.ops.append(SetAuditOp.following(table.name, wanted, replaces=found.follows))
    return PriorityDispatchResult.CONTINUE
