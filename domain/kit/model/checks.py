"""CHECK constraints from the fields' own limits, so that each limit is written once and holds on both engines."""

from collections.abc import Callable, Iterator
from typing import Any

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic.fields import FieldInfo
from sqlalchemy import CheckConstraint, Column, Enum, Table, and_, func
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.types import String

_LENGTHS: dict[type, Callable[[Any, Any], ColumnElement[bool]]] = {
    MinLen: lambda length, limit: length >= limit.min_length,
    MaxLen: lambda length, limit: length <= limit.max_length,
}
_RANGES: dict[type, Callable[[Any, Any], ColumnElement[bool]]] = {
    Ge: lambda value, limit: value >= limit.ge,
    Gt: lambda value, limit: value > limit.gt,
    Le: lambda value, limit: value <= limit.le,
    Lt: lambda value, limit: value < limit.lt,
}


def add_checks(table: Table, fields: dict[str, FieldInfo]) -> None:
    """Append ``ck_<table>_<column>_<length|range|values>`` for every column whose field has such limits."""
    for name, field in fields.items():
        if name in table.c:
            for kind, condition in _conditions(table.c[name], field):
                table.append_constraint(CheckConstraint(condition, name=f"{name}_{kind}", info={"field": name}))


def _conditions(column: Column[Any], field: FieldInfo) -> Iterator[tuple[str, ColumnElement[bool]]]:
    if isinstance(column.type, Enum):
        yield "values", column.in_(list(column.type.enum_class or column.type.enums))
        return
    is_text = isinstance(column.type, String) or isinstance(getattr(column.type, "impl", None), String)
    kind, compared, limits = ("length", func.length(column), _LENGTHS) if is_text else ("range", column, _RANGES)
    met = [limits[type(part)](compared, part) for part in field.metadata if type(part) in limits]
    if met:
        yield kind, and_(*met)
