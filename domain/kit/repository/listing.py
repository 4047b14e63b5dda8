"""The statements of one listing: its pages by keyset, its slices, and its count."""

from collections.abc import Callable, Hashable, Iterator
from functools import lru_cache
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple, TypeAlias, cast

from sqlalchemy import BigInteger, Select, bindparam, inspect, literal, true, tuple_
from sqlmodel import col, func
from sqlmodel.sql.expression import SelectOfScalar

from ..model.types import Money, Rank
from ..session import INCLUDE_DELETED, READS, own
from .cursor import Cursors, Place
from .order import NEWEST, Order, indexed_name
from .schemas import REMEMBERED, Schema
from .statements import KEY, LIMIT, OFFSET, Statements

VALUE, PLACE_VALUE, PLACE_ID = "listed_value", "place_value", "place_id"
_LIMIT, _OFFSET = bindparam(LIMIT, type_=BigInteger()), bindparam(OFFSET, type_=BigInteger())
Rows: TypeAlias = Select[Any]


class Part(NamedTuple):
    """Rows that an index has in order, to be read from either end: those with a value in the column, or without."""

    is_empty: bool
    total: SelectOfScalar[int]
    slice: Rows
    first: Rows
    last: Rows
    after: Rows
    before: Rows

    def beyond(self, place: Place | None, *, is_before: bool) -> Rows:
        """The rows after the place, or before it, nearest first; from the end on where there is none."""
        if place is None:
            return self.last if is_before else self.first
        return self.before if is_before else self.after


class Listing:
    """Rows in an order; with ``column`` those that have the value VALUE in it; as ``schema`` reads them."""

    def __init__(
        self,
        model: Any,
        sql: Statements[Any],
        column: str | None,
        order: Order,
        schema: Schema[Any] | None,
        include_deleted: bool,
    ) -> None:
        of_model = [] if include_deleted else [sql.is_live]
        of_table = [] if include_deleted else [~sql.table.c.is_deleted]
        if column is not None:
            value = bindparam(VALUE, type_=sql.table.c[column].type)
            of_model.append(getattr(model, column) == value)
            of_table.append(sql.table.c[column] == value)
        is_flat = schema is not None and schema.is_flat
        columns: Any = inspect(model).columns
        place = (columns[order.field], columns.id) if is_flat else (getattr(model, order.field), col(model.id))
        # With a caller's condition a statement is not ``own`` any more, and deleted rows would be left out.
        options = {INCLUDE_DELETED: include_deleted}
        self.read: Callable[[Any], Any] | None = schema.read if schema else None
        self.place_of: Callable[[Any], Place] = itemgetter(-2, -1)
        if schema is not None:
            rows = schema.rows(sql, *place)
        elif order.field == NEWEST.field:
            rows, self.place_of = sql.every(model), attrgetter(order.field, "id")
        else:  # the place is the row's: an object that the session holds may be older, and stand elsewhere
            rows, self.read = sql.every(model, *place), itemgetter(0)
        rows = rows.where(*(of_table if is_flat else of_model)).execution_options(**options)
        self.cursors: Cursors = Cursors(model, order)
        self.one: Rows = rows.where(place[1] == bindparam(KEY, type_=BigInteger()))
        count = sql.every(func.count()).select_from(model).where(*of_model)
        self.count: SelectOfScalar[int] = count.execution_options(**options)
        # Without a caller's conditions.
        self.total: SelectOfScalar[int] = sql.every(func.count(), of_table=True).select_from(sql.table).where(*of_table)
        # In the order of the primary key: without it PostgreSQL may scan the table for any row.
        any_row = sql.every(literal(1)).select_from(model).where(*of_model).order_by(col(model.id)).limit(1)
        self.exists: SelectOfScalar[int] = any_row.execution_options(**options)
        self.parts: tuple[Part, ...] = tuple(_parts(rows, self.count, model, order, *place))
        alone = self.one, self.count, self.total, self.exists
        for statement in (*alone, *(one for part in self.parts for one in part[1:])):
            own(statement, **{READS: True})


def _parts(rows: Rows, count: SelectOfScalar[int], model: Any, order: Order, key: Any, row_id: Any) -> Iterator[Part]:
    column, place_id = inspect(model).columns[order.field], bindparam(PLACE_ID, type_=BigInteger())
    kind = column.type
    if isinstance(kind, Money):
        key, kind = model.__table__.c[indexed_name(model, order.field)], Rank(kind)
    valued = tuple_(key, row_id), tuple_(bindparam(PLACE_VALUE, type_=kind), place_id)
    halves: list[tuple[bool, Any, Any, Any]] = [(False, key.is_not(None) if column.nullable else true(), *valued)]
    if column.nullable:
        halves.append((True, key.is_(None), row_id, place_id))
    for is_empty, half, row, place in halves:
        found = rows.where(half).limit(_LIMIT)
        # Those without a value are ordered by it as well: so the index has them.
        up, down = found.order_by(key, row_id), found.order_by(key.desc(), row_id.desc())
        above, below = up.where(row > place), down.where(row < place)
        ends = (down, up, below, above) if order.is_descending else (up, down, above, below)
        yield Part(is_empty, count.where(half), ends[0].offset(_OFFSET), *ends)


@lru_cache(REMEMBERED)
def _built(model: Any, sql: Any, column: str | None, order: Order, schema: Any, include_deleted: bool) -> Listing:
    return Listing(model, sql, column, order, schema, include_deleted)


def listing(
    model: type[Any],
    sql: Statements[Any],
    column: str | None = None,
    *,
    order: Order = NEWEST,
    schema: Schema[Any] | None = None,
    include_deleted: bool = False,
) -> Listing:
    """The listing's statements, built at their first use."""
    return _built(cast(Hashable, model), sql, column, order, schema, include_deleted)
