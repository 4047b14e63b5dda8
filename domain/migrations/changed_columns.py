"""Changes of tables with rows: defaults for what they gain, notes where they may lose values, casts for PostgreSQL."""

import json
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

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

from ..kit.model.clock import DatabaseTime
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
    """The changes of a table, or of all: a note before what goes with its values, and before a change of type."""
    columns = [repr(change.column.name) for change in changes.ops if isinstance(change, AddColumnOp)]
    tables = [repr(change.table_name) for change in changes.ops if isinstance(change, CreateTableOp)]
    for change in changes.ops:
        match change:
            case DropColumnOp(table_name=table, column_name=old) if columns:
                line = f"batch_op.alter_column({old!r}, new_column_name={' or '.join(columns)})"
                said = f"{table}.{old} goes with its values; if it is renamed, write {line} for the two"
                yield NoteOp(f"{said}, in a batch of its own before this one, which may have indexes of both")
                yield change
            case DropTableOp(table_name=old):
                said = f"{old} goes with its rows; if its class is only not imported in env.py, import it"
                line = f"op.rename_table({old!r}, {' or '.join(tables)})"
                yield NoteOp(f"{said}; if it is renamed, write {line} for the two" if tables else said)
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


def filled(changes: ModifyTableOps) -> list[ModifyTableOps]:
    """The changes of a table, and what follows them: SQLite makes all of one batch in one copy of the table.

    A required column is filled with the model's default, which it then loses.
    """
    made: list[MigrateOperation] = []
    then: list[MigrateOperation] = []
    for operation in noted(changes):
        if isinstance(operation, AddColumnOp) and _is_required(operation.column):
            column, table = operation.column, operation.table_name
            default = _default_of(column)
            if default is None:
                made.append(
                    NoteOp(f"{table}.{column.name} has no default: add it as nullable, fill it, then require it")
                )
            else:
                operation.column = sa.Column(column.name, column.type, nullable=False, server_default=default)
                alter = AlterColumnOp(table, column.name, existing_type=column.type, existing_nullable=False)
                alter.modify_server_default = None
                then.append(alter)
        made.append(operation)
    changes.ops = made
    return [changes, ModifyTableOps(changes.table_name, then, schema=changes.schema)] if then else [changes]


def _is_required(column: sa.Column[object]) -> bool:
    return not column.nullable and column.server_default is None and column.computed is None


def _default_of(column: sa.Column[object]) -> DatabaseTime | sa.TextClause | None:
    given: Any = column.default
    if given is None or not (given.is_scalar or given.is_callable):
        return None
    value: object = given.arg if given.is_scalar else given.arg(None)
    plain: Any = value.value if isinstance(value, Enum) else value
    match plain:
        case bool(yes):
            return sa.text("true" if yes else "false")
        case datetime() if given.is_callable:
            return DatabaseTime()
        case date() if given.is_scalar and not isinstance(plain, datetime):
            return sa.text(_quoted(plain.isoformat()))
        case int() | float() | Decimal() as number if not isinstance(column.type, sa.types.TypeDecorator) or not number:
            return sa.text(str(number))
        case str(words) if given.is_scalar:
            return sa.text(_quoted(words))
        case list() | dict() if not plain:
            return sa.text(_quoted(json.dumps(plain)))
        case _:
            return None


def _quoted(words: str) -> str:
    return "'" + words.replace("'", "''").replace(":", "\\:") + "'"
