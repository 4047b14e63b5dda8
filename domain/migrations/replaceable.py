"""Migrations of what stands beside tables: one operation, its comparison, and its place while SQLite rebuilds tables.

A revision says ``op.invoke(ReplaceOp("audit trail", "tenders", {...}))`` with the whole state, the same for both
databases, so that a released one never follows the models. What is there goes before the tables change, since it may
name a column that they lose; what is wanted comes after them. Downgrades do the same.
"""

from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import MigrateOperation, Operations
from alembic.operations.ops import AlterColumnOp, CreateTableOp, DropTableOp, ModifyTableOps, UpgradeOps
from alembic.util import PriorityDispatchResult
from sqlalchemy import Column, Connection, MetaData, Table, inspect
from sqlalchemy.engine.interfaces import ReflectedIndex

from ..kit.model.tables import lookup_setting
from ..kit.schema.beside import REPLACEABLES
from ..kit.schema.replaceable import NOTHING, Found, Replaceable, State
from ..kit.schema.scope_postgresql import ISOLATION, quoted
from .imports import import_name
from .transaction import OWNER_LET_THROUGH, MigrationError

_PENDING = "domain_replaceable"  # in Connection.info, on SQLite: what each table has at the end of the run


class ReplaceOp(MigrateOperation):
    """Leaves a table with exactly this state of a kind, "row level security" or "audit trail"; without one, with none.

    ``replaces`` is the state that it had, for the way back.
    """

    def __init__(self, kind: str, table: str, state: State | None = None, *, replaces: State | None = None) -> None:
        self.kind = kind
        self.table = table
        self.state: State = state or NOTHING
        self.replaces: State = replaces or NOTHING

    def reverse(self) -> "ReplaceOp":
        return ReplaceOp(self.kind, self.table, self.replaces, replaces=self.state)

    def to_diff_tuple(self) -> tuple[Any, ...]:
        return ("modify_replaceable", self.kind, self.table, self.replaces, self.state)


@Operations.implementation_for(ReplaceOp)
def _run(operations: Operations, operation: ReplaceOp) -> None:
    context, table = operations.get_context(), operation.table
    if context.dialect.name == "sqlite":
        connection = operations.get_bind()
        # A run_env of ours has set everything aside; another one has not.
        with nullcontext() if _PENDING in connection.info else set_aside(connection):
            connection.info[_PENDING][operation.kind, table] = operation.state
        return
    if context.opts.get(OWNER_LET_THROUGH) is False:
        raise MigrationError(f"ReplaceOp would leave {table} open for a moment: move it out of autocommit_block")
    for statement in REPLACEABLES[operation.kind].replace(table, operation.state, context.dialect.name):
        operations.execute(statement)
    if context.opts.get(OWNER_LET_THROUGH) and ISOLATION in operation.state:
        # The rest of the revision may change rows; the end of the run forces it again.
        operations.execute(f"ALTER TABLE {quoted(table)} NO FORCE ROW LEVEL SECURITY")


@contextmanager
def set_aside(connection: Connection) -> Generator[None]:
    """Take everything away while SQLite's tables are rebuilt, which would lose or break it.

    At the end each table that is there has what it had, or what a revision set. What the revisions themselves write
    is not in the audit trail.
    """
    pending: dict[tuple[str, str], State] = {}
    connection.info[_PENDING] = pending
    try:
        for kind in REPLACEABLES.values():
            for table, found in (kind.present(connection) or {}).items():
                if found != Found(NOTHING):
                    pending[kind.name, table] = found.state
                    _execute(connection, kind.drop(table, "sqlite"))
        yield
        there = set(inspect(connection).get_table_names())
        for (name, table), state in pending.items():
            if table in there:
                _execute(connection, REPLACEABLES[name].replace(table, state, "sqlite"))
    finally:
        del connection.info[_PENDING]


@renderers.dispatch_for(ReplaceOp)
def _rendered(context: AutogenContext, operation: ReplaceOp) -> str:
    import_name(context, "ReplaceOp")
    given = [operation.kind, operation.table, *([dict(operation.state)] if operation.state else [])]
    return f"op.invoke(ReplaceOp({', '.join(map(repr, given))}))"


def compare(
    context: AutogenContext, operations: UpgradeOps, _schemas: set[str | None] | list[str | None]
) -> PriorityDispatchResult:
    """Alembic's comparison, after that of the tables."""
    first: list[MigrateOperation] = []
    last: list[MigrateOperation] = []
    made = {operation.table_name for operation in operations.ops if isinstance(operation, CreateTableOp)}
    dropped = [operation.table_name for operation in operations.ops if isinstance(operation, DropTableOp)]
    tables = {t.name: t for t in context.sorted_tables if context.run_object_filters(t, t.name, "table", False, None)}
    looked_up = {name for name, table in tables.items() if table.info.get("lookups")}
    # PostgreSQL changes no type of a column that a policy names.
    retyped = {
        operation.table_name
        for operation in operations.ops
        if isinstance(operation, ModifyTableOps) and operation.table_name in looked_up
        if any(isinstance(change, AlterColumnOp) and change.modify_type is not None for change in operation.ops)
    }
    for kind in REPLACEABLES.values():
        present = _present(context, kind, tables, dropped)
        for name in (*tables, *dropped):
            if name not in present and name not in made:
                continue
            found = present.get(name, Found(NOTHING))
            wanted = kind.wanted(tables[name]) if name in tables else NOTHING
            if kind.faults(found, wanted) or name in retyped:
                if found.state or not wanted:
                    first.append(ReplaceOp(kind.name, name, replaces=found.state))
                if wanted:
                    last.append(ReplaceOp(kind.name, name, wanted))
    operations.ops[:] = [*first, *operations.ops, *last]
    return PriorityDispatchResult.CONTINUE


def _present(
    context: AutogenContext, kind: Replaceable, tables: Mapping[str, Table], dropped: list[str]
) -> Mapping[str, Found]:
    assert context.connection is not None, "a comparison has a database"
    present = kind.present(context.connection)
    if present is not None:
        return present
    # SQLite can't show what PostgreSQL has: it is what a model of its columns would have there.
    there = (name for name in (*tables, *dropped) if context.inspector.has_table(name))
    return {name: Found(kind.wanted(_by_columns(context, name, tables.get(name)))) for name in there}


def _by_columns(context: AutogenContext, name: str, model: Table | None) -> Table:
    columns = {column["name"]: column["type"] for column in context.inspector.get_columns(name)}
    info = {} if model is None else dict(model.info)
    # What an organization's table is looked up by is unique by itself.
    unique = {str(index["column_names"][0]) for index in context.inspector.get_indexes(name) if _is_of_one(index)}
    indexes = () if model is None else model.indexes
    of_model = {column.name for index in indexes if index.unique for column in index.columns if len(index.columns) == 1}
    given = info.get("lookups", {})
    info["lookups"] = {column: setting for column, setting in given.items() if column in unique}
    info["lookups"] |= {column: lookup_setting(name, column) for column in unique - of_model}
    info["creations"] = {column: setting for column, setting in info.get("creations", {}).items() if column in columns}
    return Table(name, MetaData(), *(Column(*column) for column in columns.items()), info=info)


def _is_of_one(index: ReflectedIndex) -> bool:
    return bool(index["unique"]) and len(index["column_names"]) == 1


def _execute(connection: Connection, statements: Iterable[str]) -> None:
    for statement in statements:
        connection.exec_driver_sql(statement)
