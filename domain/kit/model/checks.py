"""CHECK constraints from the fields' own limits, so that each limit is written once and holds on both engines."""

from collections.abc import Iterator
from typing import Any

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic.fields import FieldInfo
from sqlalchemy import CheckConstraint, Column, Enum, Table, and_, func
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.types import String


def add_checks(table: Table, fields: dict[str, FieldInfo]) -> None:
    """Append ``ck_<table>_<column>_<length|range|values>`` for every column whose field has such limits."""
    for name, field in fields.items():
        if name in table.c:
            for kind, condition in _conditions(table.c[name], field):
                table.append_constraint(CheckConstraint(condition, name=f"{name}_{kind}", info={"field": name}))


def _conditions(column: Column[Any], field: FieldInfo) -> Iterator[tuple[str, ColumnElement[bool]]]:
    if isinstance(column.type, Enum):
        yield "values", column.in_(list(column.type.enum_class or column.type.enums))
    elif isinstance(column.type, String) or _is_text(column):
        if limits := [_length(column, limit) for limit in field.metadata if isinstance(limit, MinLen | MaxLen)]:
            yield "length", and_(*limits)
    elif limits := [_range(column, limit) for limit in field.metadata if isinstance(limit, Ge | Gt | Le | Lt)]:
        yield "range", and_(*limits)


def _is_text(column: Column[Any]) -> bool:
    return isinstance(getattr(column.type, "impl", None), String)


def _length(column: Column[Any], limit: MinLen | MaxLen) -> ColumnElement[bool]:
    length = func.length(column)
    return length >= limit.min_length if isinstance(limit, MinLen) else length <= limit.max_length


def _range(column: Column[Any], limit: Ge | Gt | Le | Lt) -> ColumnElement[bool]:
    match limit:
        case Ge():
            return column >= limit.ge
        case Gt():
            return column > limit.gt
        case Le():
            return column <= limit.le
        case Lt():
            return column < limit.lt
