"""Columns that a table with rows gains: a required one is filled with the model's default, which it then loses."""

import json
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

import sqlalchemy as sa
from alembic.operations import MigrateOperation
from alembic.operations.ops import AddColumnOp, AlterColumnOp, ModifyTableOps

from ..kit.model.clock import DatabaseTime
from .changed_columns import NoteOp, noted


def filled(changes: ModifyTableOps) -> list[ModifyTableOps]:
    """The changes of a table, and what follows them: SQLite makes all of one batch in one copy of the table."""
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
