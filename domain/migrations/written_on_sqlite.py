"""Revisions that were generated on SQLite: PostgreSQL refuses what such a one can't know, instead of lacking it."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata, renderers
from alembic.autogenerate.api import AutogenContext
from alembic.migration import MigrationContext
from alembic.operations import MigrateOperation, Operations
from alembic.operations.ops import (
    AddColumnOp,
    AlterColumnOp,
    CreateIndexOp,
    CreateTableOp,
    DowngradeOps,
    ModifyTableOps,
    OpContainer,
    UpgradeOps,
)
from alembic.runtime.migration import RevisionStep
from sqlalchemy.schema import SchemaItem

from ..kit.schema.scope_postgresql import RowLevelSecurity, finding
from .differences import described, each
from .imports import import_name
from .replaceable import ReplaceOp
from .transaction import MigrationError


class WrittenOnSQLite(MigrateOperation):
    """Stands in a revision that was generated on SQLite; does nothing there.

    On PostgreSQL the last revision of an upgrade to the head is compared with the models before it is committed. A
    direction that brings back what SQLite does not show, ``unknown``, is refused.
    """

    def __init__(self, *unknown: str) -> None:
        self.unknown = unknown

    def to_diff_tuple(self) -> tuple[str, str]:
        return ("note", "written on SQLite")


@Operations.implementation_for(WrittenOnSQLite)
def _run(operations: Operations, operation: WrittenOnSQLite) -> None:
    if operation.unknown and operations.get_context().dialect.name != "sqlite":
        raise MigrationError(
            f"this revision was written on SQLite, which does not show {', '.join(operation.unknown)}: write that into"
            " it by hand, and take out its line WrittenOnSQLite"
        )


@renderers.dispatch_for(WrittenOnSQLite)
def _rendered(context: AutogenContext, operation: WrittenOnSQLite) -> str:
    import_name(context, "WrittenOnSQLite")
    return f"op.invoke(WrittenOnSQLite({', '.join(map(repr, operation.unknown))}))"


def marked(operations: OpContainer) -> None:
    """Put the mark into a direction of a revision: into the way back where that is not known."""
    unknown = [*_amounts(operations), *_lookups(operations)] if isinstance(operations, DowngradeOps) else []
    if unknown or (operations.ops and isinstance(operations, UpgradeOps)):
        operations.ops.insert(0, WrittenOnSQLite(*unknown))


def _amounts(operations: OpContainer) -> Iterator[str]:
    """Amounts that are brought back as SQLite shows them: as a BIGINT."""
    for change in operations.ops:
        match change:
            case ModifyTableOps():
                yield from _amounts(change)
            case CreateTableOp(table_name=table, columns=columns):
                yield from (_decimals(table, name) for name in map(_bigint, columns) if name)
            case AddColumnOp(table_name=table, column=column) if name := _bigint(column):
                yield _decimals(table, name)
            case AlterColumnOp(table_name=table, column_name=name, modify_type=sa.BIGINT()):
                yield _decimals(table, name)
            case _:
                pass


def _lookups(operations: DowngradeOps) -> Iterator[str]:
    """Look-ups that are brought back for what SQLite shows: an index of their own."""
    replaced = (change for change in operations.ops if isinstance(change, ReplaceOp))
    policies = {change.table: change.state for change in replaced if change.kind == RowLevelSecurity.name}
    for modified in (change for change in operations.ops if isinstance(change, ModifyTableOps)):
        for index in (change for change in modified.ops if isinstance(change, CreateIndexOp)):
            for name in (str(getattr(column, "name", column)) for column in index.columns):
                if index.unique and finding(name) in policies.get(index.table_name, ()):
                    yield f"whether {index.table_name} is looked up by {name}"


def _bigint(item: SchemaItem) -> str | None:
    match item:
        case sa.Column(name=name, type=sa.BIGINT()):
            return name
        case _:
            return None


def _decimals(table: str, column: str) -> str:
    return f"how many decimals {table}.{column} has"


def refuse_lacking(step: RevisionStep, context: MigrationContext) -> None:
    """Raise MigrationError where PostgreSQL lacks what a revision that was written on SQLite could not know of.

    Before the last revision is committed: until then the tables differ from the models anyway.
    """
    heads = step.revision_map.heads
    if context.dialect.name == "sqlite" or not step.is_upgrade or step.revision.revision not in heads:
        return
    if not any(map(_is_marked, step.revision_map.iterate_revisions(heads, "base"))):
        return
    found = list(each(compare_metadata(context, context.opts["target_metadata"])))
    to_come = {facts[0].name for kind, *facts in found if kind == "add_table"}
    lacking = [
        (kind, *facts)
        for kind, *facts in found
        if kind == "modify_type" or (facts[:1] == [RowLevelSecurity.name] and facts[1] not in to_come)
    ]
    if lacking:
        raise MigrationError(
            "a revision was written on SQLite, which does not show the decimals of amounts, the width of numbers or"
            f" look-ups; this database would differ from the models: {'; '.join(described(lacking))}. The last"
            " revision was rolled back: write that into the revision, or delete it and generate it on this database"
        )


def _is_marked(revision: Any) -> bool:
    return WrittenOnSQLite.__name__ in vars(revision.module)
