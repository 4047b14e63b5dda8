"""What a revision can't know: notes where rows may lose values, and casts where PostgreSQL wants them in words."""

from collections.abc import Iterator

import sqlalchemy as sa
from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import MigrateOperation
from alembic.operations.ops import (
    AddColumnOp,
    AlterColumnOp,
    CreateTableOp,
    DropColumnOp,
    DropTableOp,
    ModifyTableOps,
    OpContainer,
)
from sqlalchemy.types import TypeEngine

from ..kit.schema.policies import quoted
from .checks import POSTGRESQL

_TEXTS, _NUMBERS = {"VARCHAR", "TEXT"}, {"SMALLINT", "INTEGER", "BIGINT"}


class NoteOp(MigrateOperation):
    """A comment in a revision."""

    def __init__(self, words: str) -> None:
        self.words = words

    def to_diff_tuple(self) -> tuple[str, str]:
        return ("note", self.words)


class CastColumnOp(AlterColumnOp):
    """Changes a type by a cast that PostgreSQL makes only where it is asked for."""


@renderers.dispatch_for(NoteOp)
def _rendered_note(_context: AutogenContext, operation: NoteOp) -> str:
    return f"# {operation.words}"


@renderers.dispatch_for(CastColumnOp)
def _rendered_cast(context: AutogenContext, operation: CastColumnOp) -> str:
    cast = f"{quoted(operation.column_name)}::{_shown(operation.modify_type)}"
    altered = str(renderers.dispatch(AlterColumnOp)(context, operation))
    return f"{altered.removesuffix(')')},\n           postgresql_using={cast!r})"


def note_renamed_tables(changes: OpContainer) -> None:
    """Note at each table that goes that it may be one of those that come."""
    made = [operation.table_name for operation in changes.ops if isinstance(operation, CreateTableOp)]
    changes.ops = list(_noted_tables(changes, made)) if made else changes.ops


def _noted_tables(changes: OpContainer, made: list[str]) -> Iterator[MigrateOperation]:
    for operation in changes.ops:
        if isinstance(operation, DropTableOp):
            old = operation.table_name
            yield NoteOp(
                f"{old} goes with its rows. If it has a new name only, write op.rename_table({old!r}, {_one_of(made)})"
                " for the two, and autogenerate once more, for the names of its constraints"
            )
        yield operation


def noted_columns(changes: ModifyTableOps) -> Iterator[MigrateOperation]:
    """The changes of a table, with a note at columns that may be renamed, and at types that rows are cast to."""
    made = [operation.column.name for operation in changes.ops if isinstance(operation, AddColumnOp)]
    for operation in changes.ops:
        if isinstance(operation, DropColumnOp) and made:
            old = operation.column_name
            yield NoteOp(
                f"{changes.table_name}.{old} goes with its values. If it has a new name only, write"
                f" batch_op.alter_column({old!r}, new_column_name={_one_of(made)}) for the two"
            )
        if isinstance(operation, AlterColumnOp) and operation.modify_type is not None:
            yield from _typed(operation, operation.existing_type, operation.modify_type)
        else:
            yield operation


def _typed(
    operation: AlterColumnOp, old: TypeEngine[object] | None, new: TypeEngine[object]
) -> Iterator[MigrateOperation]:
    before, after = _shown(old), _shown(new)
    kinds = {before.partition("(")[0], after.partition("(")[0]}
    if "NUMERIC" in kinds and before != after:
        yield NoteOp(f"SQLite holds {operation.column_name} as whole numbers, by its decimals: convert them there")
    if len(kinds) == 1 or kinds <= _TEXTS or kinds <= _NUMBERS:
        yield operation
        return
    yield NoteOp(
        f"{operation.table_name}.{operation.column_name}: each database casts {before} to {after} in its own way;"
        " first convert the rows where that is not meant"
    )
    if after.partition("(")[0] not in _TEXTS:  # to which a cast would cut what is too long
        cast = CastColumnOp(operation.table_name, operation.column_name)
        vars(cast).update(vars(operation))
        operation = cast
    yield operation


def _one_of(names: list[str]) -> str:
    return " or ".join(map(repr, names))


def _shown(type_: TypeEngine[object] | None) -> str:
    return "" if type_ is None else sa.types.to_instance(type_).compile(dialect=POSTGRESQL)
