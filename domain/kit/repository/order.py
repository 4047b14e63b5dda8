"""Orders of a listing: by one column in either direction, rows without a value last, then by id."""

from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

from sqlalchemy import Column, Index, Table, UnaryExpression, inspect
from sqlalchemy.sql.elements import SQLColumnExpression
from sqlalchemy.sql.operators import asc_op, desc_op

from ...errors import ArgumentError
from ..model import Entity
from ..model.tables import LIVE, ORGANIZATION_ID, RANK
from ..model.types import Money
from ..private import annotations_of

OrderBy: TypeAlias = str | SQLColumnExpression[object]
"""A field's name, or with ``-`` before it the largest first; or a column, ``col(Invoice.due).desc()``."""


@dataclass(frozen=True)
class Order:
    """By a field, and then by id in the same direction."""

    field: str
    is_descending: bool

    def __str__(self) -> str:
        return f"{'-' * self.is_descending}{self.field}"


NEWEST = Order("created_at", is_descending=True)


def order_of(model: Any, by: OrderBy | None) -> Order:
    """The order that a caller asks for. Raises ArgumentError where no index serves it."""
    if by is None:
        return NEWEST
    return _named(model, str.__str__(by)) if isinstance(by, str) else _written(model, by)  # of an enum, its value


def _written(model: Any, by: SQLColumnExpression[object]) -> Order:
    is_descending = isinstance(by, UnaryExpression) and by.modifier is desc_op
    directed: Any = by
    is_directed = isinstance(by, UnaryExpression) and by.modifier in (asc_op, desc_op)
    named: Any = directed.element if is_directed else directed
    column: Any = named.__clause_element__() if hasattr(named, "__clause_element__") else named
    if not isinstance(column, Column) or column.table != model.__table__:
        raise ArgumentError(f"order_by takes a column of {model.__name__}, or its desc(), not {by}")
    return _named(model, f"{'-' * is_descending}{annotations_of(column).get('proxy_key', column.key)}")


@cache
def _named(model: Any, by: str) -> Order:
    field, table = by.removeprefix("-"), model.__table__
    if field not in inspect(model).columns:
        raise ArgumentError(f"{model.__name__} has no column {field!r} to order by")
    name = indexed_name(model, field)
    if field != NEWEST.field and not any(_serves(index, table, name) for index in table.indexes):
        rank = "" if name in table.c else f'rank_column("{field}"), '
        lines = f'{rank}live_index("{name}", "id")'
        raise ArgumentError(f"{model.__name__} has no index to order by {field}; write {lines} in __table_args__")
    return Order(field, is_descending=by.startswith("-"))


def indexed_name(model: type[Entity], field: str) -> str:
    """The name of the column by whose index rows are ordered: of an amount it is the one that ranks it."""
    column = inspect(model).columns[field]
    return f"{column.name}{RANK if isinstance(column.type, Money) else ''}"


def _serves(index: Index, table: Table, name: str) -> bool:
    columns = [column.name for column in index.columns if column.name != ORGANIZATION_ID]
    where = index.dialect_kwargs.get("postgresql_where")
    return columns == [name, table.c.id.name] and (where is None or where is LIVE)
