"""Changes that a revision can't judge: notes where rows may lose values, and casts where PostgreSQL wants them."""

from collections.abc import Iterator

from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import MigrateOperation
from alembic.operations.ops import AddColumnOp, AlterColumnOp, CreateTableOp, DropColumnOp, DropTableOp, OpContainer
from sqlalchemy.types import TypeEngine

from ..kit.schema.scope_postgresql import quoted
from .checks import POSTGRESQL


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


def noted(changes: OpContainer) -> Iterator[MigrateOperation]:
    """The changes of a table, or of all: a note before what goes as another comes, and before a change of type."""
    columns = [repr(change.column.name) for change in changes.ops if isinstance(change, AddColumnOp)]
    tables = [repr(change.table_name) for change in changes.ops if isinstance(change, CreateTableOp)]
    for change in changes.ops:
        match change:
            case DropColumnOp(table_name=table, column_name=old) if columns:
                line = f"batch_op.alter_column({old!r}, new_column_name={' or '.join(columns)})"
                yield NoteOp(f"{table}.{old} goes with its values; if it is renamed, write {line} for the two")
                yield change
            case DropTableOp(table_name=old) if tables:
                line = f"op.rename_table({old!r}, {' or '.join(tables)})"
                yield NoteOp(f"{old} goes with its rows; if it is renamed, write {line} for the two")
                yield change
            case AlterColumnOp(modify_type=TypeEngine() as wanted):
                yield from _cast(change, _shown(change.existing_type), _shown(wanted))
            case _:
                yield change


def _cast(change: AlterColumnOp, before: str, after: str) -> Iterator[MigrateOperation]:
    (had, _, _), (has, _, _) = before.partition("("), after.partition("(")
    if had != has or has == "NUMERIC":
        yield NoteOp(
            f"{change.table_name}.{change.column_name}: each database casts {before} to {after} in its own way"
            " (SQLite holds amounts as whole numbers); convert the rows first where that is not meant"
        )
    if had != has and has not in ("VARCHAR", "TEXT"):  # to which a cast in words would cut what is too long
        cast = CastColumnOp(change.table_name, change.column_name)
        vars(cast).update(vars(change))
        change = cast
    yield change


def _shown(type_: TypeEngine[object] | type[TypeEngine[object]] | None) -> str:
    return type_.compile(dialect=POSTGRESQL) if isinstance(type_, TypeEngine) else ""
